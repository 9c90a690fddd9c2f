"""The one error of training that a user can mend."""


class TrainingRefused(Exception):
    """What was asked cannot be trained; the message names file, line or field, what is wrong, and the remedy."""
