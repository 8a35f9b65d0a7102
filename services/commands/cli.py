"""The commands and their options; what a command does is imported when it is called."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from services.commands.refusals import errors_as_refusals


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an earlier backup.")
def backup(target: Path, force: bool) -> None:  # noqa: FBT001 - as click gives flags
    """Copy the embedded installation to the new folder TARGET; the server may run meanwhile.

    The copy is a data folder itself: to restore it, start a server with DATA_DIR on (a copy of) it.
    """
    _call("backup", target, is_forced=force)


@click.command("move-to-supabase")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Only look, and count what is there.")
def move_to_supabase(is_dry_run: bool) -> None:  # noqa: FBT001 - as click gives flags
    """Move the embedded installation in DATA_DIR into the project of SUPABASE_URL.

    The embedded one stays as it is. May be started again at any time: it goes on where it was.
    """
    _call("move", is_dry_run=is_dry_run)


@click.command("check-supabase")
def check_supabase() -> None:
    """Tell what the project of SUPABASE_URL lacks, and how to mend it; 1: something is wrong."""
    _call("check_supabase")


@click.command("check")
def check() -> None:
    """Tell whether what is configured can be used: providers, database, Redis; 1: something cannot.

    Each provider is asked for its list of models, which costs nothing; the default model must be in
    its provider's. No key is printed.
    """
    _call("check")


@click.command("create-admin")
@click.argument("email")
def create_admin(email: str) -> None:
    """Make EMAIL an admin; a new account gets a one-time link with which its password is chosen.

    The server may run meanwhile. Nothing is mailed: the link is printed, hand it on.
    """
    _call("accounts", email, called="create_admin")


@click.command("invite")
@click.argument("email", required=False)
def invite(email: str | None) -> None:
    """Print a one-time link with which EMAIL, or whoever has it, makes an account.

    For REGISTRATION=invite. A newer link for EMAIL ends the older ones.
    """
    _call("accounts", email, called="invite")


@click.command("reset-password")
@click.argument("email")
def reset_password(email: str) -> None:
    """Print a one-time link with which EMAIL chooses a new password; using it ends all its logins.

    A newer link ends the older ones. The password stays as it is until the link is used.
    """
    _call("accounts", email, called="reset_password")


COMMANDS = (
    backup,
    check,
    check_supabase,
    create_admin,
    invite,
    move_to_supabase,
    reset_password,
)


def register(group: click.Group) -> None:
    """Add the commands to the application's."""
    for command in COMMANDS:
        group.add_command(command)


def are_looked_up() -> bool:
    """Tell whether `flask` builds the application only to find a command in it.

    A command that flask itself has is found without, and then given the whole application.
    """
    context = click.get_current_context(silent=True)
    return context is not None and context.parent is None and context.invoked_subcommand is None


def _call(module: str, *args: Any, called: str = "run", **kwargs: Any) -> Any:
    run = getattr(import_module(f"services.commands.{module}"), called)
    return errors_as_refusals(run)(*args, **kwargs)
