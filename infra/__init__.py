"""Where it runs: the command, settings, wiring, the local stack and the files of a production installation."""
