"""What stops an evaluation."""


class EvaluationError(Exception):
    """The evaluation cannot be made as asked; the message names the file, line and field at fault, and the remedy."""
