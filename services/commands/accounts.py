"""Makes one-time links: for the first admin, for those who are invited, for a forgotten password.

The link is all that is written to stdout, so that a script may hand it on; no mail is sent. Its
token stands in the fragment, which no browser sends: it is in no log and no `Referer`.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlencode

import click
from marshmallow import ValidationError
from marshmallow.validate import Email

from services.bootstrap import stores
from services.bootstrap.identity import registrations
from services.commands.refusals import Refused
from services.identity.chosen_names import refused_email
from services.identity.links import MadeLink
from services.identity.registration import Registrations
from services.settings.load import load_settings
from services.settings.whole import Settings


def create_admin(email: str) -> None:
    """Make an admin and print the link with which the password is chosen, or raise Refused."""
    _check_address(email)
    with _registrations() as (accounts, settings):
        link = accounts.make_admin(email)
        if link is None:
            click.echo(
                f"{email} has an account, and is an admin from the next login or renewal on. If "
                "the password is not known, `reset-password` gives a link.",
                err=True,
            )
            return
        _tell(settings, "reset", link, email)
        click.echo(f"{email} is an admin, and chooses a password there{_until(link)}", err=True)


def invite(email: str | None) -> None:
    """Print an invitation, or raise Refused."""
    if email is not None:
        _check_address(email)
    with _registrations() as (accounts, settings):
        link = accounts.invite(email)
        _tell(settings, "invite", link, email)
        click.echo(f"{email or 'Whoever has it'} makes an account there{_until(link)}", err=True)


def reset_password(email: str) -> None:
    """Print a link with which the password is chosen anew, or raise Refused."""
    with _registrations() as (accounts, settings):
        link = accounts.reset_password(email)
        if link is None:
            raise Refused(f"No account has the address {email} in {_place(settings)}.")
        _tell(settings, "reset", link, email)
        click.echo(f"{email} chooses a new password there{_until(link)}", err=True)


@contextmanager
def _registrations() -> Iterator[tuple[Registrations, Settings]]:
    settings = load_settings()
    with (
        closing(stores.build(settings)) as store,
        registrations(settings, store) as made,
    ):
        yield made, settings


def _tell(settings: Settings, kind: str, link: MadeLink, email: str | None) -> None:
    parts = {kind: link.token} if email is None else {kind: link.token, "email": email}
    click.echo(f"{settings.server.origin}/#{urlencode(parts)}")


def _until(link: MadeLink) -> str:
    return f": once, until {link.expires_at:%Y-%m-%d %H:%M} UTC."


def _place(settings: Settings) -> str:
    return settings.scaling.supabase_url or str(settings.server.data_dir)


def _check_address(email: str) -> None:
    try:
        Email()(email)
    except ValidationError as exc:
        raise Refused(f"{email} is not an e-mail address.") from exc
    if refused := refused_email(email):
        raise Refused(f"{email} can have no account. {refused[0]}")
