"""What a Supabase project lacks, one line each."""

import click

from services.commands.refusals import EXIT_UNFINISHED, Refused
from services.settings import Settings
from services.stores.supabase.check import check


def run() -> None:
    """Look at the project of the settings, print what was found, and exit with 1 for a mistake."""
    scaling = Settings.load().scaling
    if scaling.supabase_url is None or scaling.supabase_key is None:
        raise Refused("Set SUPABASE_URL and SUPABASE_KEY: they name the project to look at.")
    findings = check(scaling.supabase_url, scaling.supabase_key)
    for finding in findings:
        click.echo(
            f"ok     {finding.text}" if finding.is_ok else f"wrong  {finding.text} {finding.fix}"
        )
    if not all(finding.is_ok for finding in findings):
        raise click.exceptions.Exit(EXIT_UNFINISHED)
