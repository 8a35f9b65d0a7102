"""What a command found: a line each, and an exit status that says whether all is well."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import click

from services.commands.refusals import EXIT_UNFINISHED
from services.settings.groups.scaling import ScalingSettings


class Verdict(StrEnum):
    """The word with which a line begins."""

    OK = "ok"
    WRONG = "wrong"
    WARNING = "warn"
    UNUSED = "-"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line; `text` says what was found and, where that is wrong, how to mend it."""

    verdict: Verdict
    text: str


def tell(findings: Iterable[Finding]) -> None:
    """Print findings as they come, and exit with 1 where something is wrong."""
    is_well = True
    for finding in findings:
        click.echo(f"{finding.verdict:<6} {finding.text}")
        is_well = is_well and finding.verdict is not Verdict.WRONG
    if not is_well:
        raise click.exceptions.Exit(EXIT_UNFINISHED)


def told_of_project(scaling: ScalingSettings) -> Iterator[Finding]:
    """Tell what a Supabase project lacks."""
    from services.stores.supabase.access.check import check  # noqa: PLC0415 - 2 s, loaded on use

    for found in check(scaling.supabase_url or "", scaling.supabase_key or ""):
        if found.is_ok:
            yield Finding(Verdict.OK, found.text)
        else:
            yield Finding(Verdict.WRONG, f"{found.text} {found.fix}")
