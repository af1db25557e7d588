"""What ends the set-up."""


class SetupError(Exception):
    """The set-up cannot go on. The message is a sentence that says what to do."""
