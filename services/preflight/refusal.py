"""Why a server does not start."""


class CannotStart(Exception):
    """The server cannot work with what it found; the message says what to do."""
