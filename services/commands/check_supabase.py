"""Prints what a Supabase project lacks, in one line each."""

from services.commands.findings import tell, told_of_project
from services.commands.refusals import Refused
from services.settings.load import load_settings


def run() -> None:
    """Check the project of the settings, print the findings, and exit with 1 for a mistake."""
    scaling = load_settings().scaling
    if scaling.supabase_url is None or scaling.supabase_key is None:
        raise Refused("Set SUPABASE_URL and SUPABASE_KEY: they name the project to look at.")
    tell(told_of_project(scaling))
