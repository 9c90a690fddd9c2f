"""Prompts: templates are files, checked and fingerprinted; what customers and articles say is data in them."""
