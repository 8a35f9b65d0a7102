"""Tells on standard error how far a command is: at most once a second, and at the end."""

import time

import click

_EVERY_SECONDS = 1.0


class Counter:
    """Prints how many things of one kind are done, out of a total."""

    def __init__(self, what: str) -> None:
        """Count things of the kind that `what` names, such as `messages`."""
        self._what = what
        self._told_at = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Print the count where a second has passed since the last time, or where all is done."""
        now = time.monotonic()
        if done >= total or now - self._told_at >= _EVERY_SECONDS:
            self._told_at = now
            click.echo(f"{self._what}: {done} of {total}", err=True)
