"""Why a server does not start."""


class CannotStart(Exception):
    """What is there cannot be worked with; the message says what to do."""
