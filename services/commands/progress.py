"""How far a command is, on standard error: now and then, and at the end."""

import time

import click

_EVERY_SECONDS = 1.0


class Counter:
    """Tells of one thing that is counted up to a total."""

    def __init__(self, what: str) -> None:
        """Count this, such as `messages`."""
        self._what = what
        self._told_at = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Tell it where a second has passed, or where all is done."""
        now = time.monotonic()
        if done >= total or now - self._told_at >= _EVERY_SECONDS:
            self._told_at = now
            click.echo(f"{self._what}: {done} of {total}", err=True)
