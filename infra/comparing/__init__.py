"""Comparing two runs of the same stretch of the log, or the two arms of an experiment, with statistics that hold."""
