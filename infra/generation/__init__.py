"""The generation stage in this installation: which models stand for its rungs, and how much they may be asked for."""
