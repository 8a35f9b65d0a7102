"""How a command says no: one sentence, exit code 2, no stack trace."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from services.domain.errors.base import CharlaError
from services.domain.errors.outages import StoreUnavailable
from services.settings.whole import InvalidSettings
from services.stores.sqlite.file.migrations import SchemaTooNew

Params = ParamSpec("Params")
Result = TypeVar("Result")

EXIT_REFUSED = 2
"""For bad usage and bad settings; click itself uses it too."""


EXIT_UNFINISHED = 1


class Refused(click.ClickException):
    """The command was not begun, or left nothing behind; the message says what to do."""

    exit_code = EXIT_REFUSED


class Unfinished(click.ClickException):
    """Something is left to do or to look at; the message says what."""

    exit_code = EXIT_UNFINISHED


def errors_as_refusals(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Wrap what builds the application: where a command calls it, errors become Refused.

    A server gets the errors as they are.
    """

    @wraps(function)
    def called(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except (InvalidSettings, SchemaTooNew, CharlaError) as exc:
            if click.get_current_context(silent=True) is None:
                raise
            raise Refused(exc.reason if isinstance(exc, StoreUnavailable) else str(exc)) from exc

    return called
