"""Runs model bundles: loads them with every check, and answers the ports of intent and sentiment with them."""
