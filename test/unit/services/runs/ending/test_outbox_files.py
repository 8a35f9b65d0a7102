"""The files of the outbox: what is written there is read back unchanged, and nothing is fatal."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from worlds.log_events import DONE, ERROR

from services.domain.costs import Cost, Usage, UsageSource
from services.domain.events import Terminal
from services.domain.runs import AttemptOutcome, AttemptRecord, Settlement
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.ending.outbox import Outbox

TEXT = 'Grüße, 你好 🎉\n"quoted"\u2028\x00 end'


def ended(run_id: str = "run-1", terminal: Terminal = DONE) -> Settlement:
    """Describe the end of a run."""
    attempt = AttemptRecord(
        number=2,
        provider="p",
        model="m",
        outcome=AttemptOutcome.OK,
        usage=Usage(7, 5, 3, 1, UsageSource.ESTIMATED),
        cost=Cost(Decimal("0.000000000000000012345678901234567890")),
    )
    return Settlement(
        run_id=run_id,
        epoch=3,
        status=MessageStatus.COMPLETE,
        finish_reason=FinishReason.STOP,
        text=TEXT,
        terminal=terminal,
        terminal_seq=41,
        ended_at=datetime(2026, 2, 3, 4, 5, 6, 789012, UTC),
        attempts=(attempt,),
    )


@pytest.mark.parametrize("terminal", [DONE, ERROR], ids=["done", "error"])
def test_what_was_kept_is_read_back_to_the_last_digit(tmp_path: Path, terminal: Terminal) -> None:
    settlement = ended(terminal=terminal)
    dead = Outbox(tmp_path / "outbox")
    assert dead.keep(settlement)
    dead.close()
    assert list(Outbox(tmp_path / "outbox")) == [settlement]


def test_what_a_living_worker_tries_to_store_is_nobody_elses_to_deliver(tmp_path: Path) -> None:
    living, other = Outbox(tmp_path), Outbox(tmp_path)
    living.keep(ended("run-1"))

    assert list(other) == list(living) == []
    living.close()
    assert list(other) == [ended("run-1")]


def test_what_one_worker_delivers_no_other_delivers_at_the_same_time(tmp_path: Path) -> None:
    dead = Outbox(tmp_path)
    dead.keep(ended("run-1"))
    dead.close()
    first, second = Outbox(tmp_path), Outbox(tmp_path)

    for settlement in first:
        assert list(second) == []
        first.forget(settlement.run_id)

    assert list(second) == []
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_of_the_server_may_read_it(tmp_path: Path) -> None:
    Outbox(tmp_path / "outbox").keep(ended())
    [file] = (tmp_path / "outbox").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_was_forgotten_is_gone_and_may_be_forgotten_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.forget("run-1")
    outbox.keep(ended())
    outbox.forget("run-1")
    outbox.forget("run-1")
    assert list((tmp_path / "outbox").iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda raw: raw[:-20],
        lambda raw: b"\xff" + raw,
        lambda raw: raw.replace(b'"kind":"done"', b'"kind":"later"'),
        lambda raw: raw.replace(b'"epoch":3', b'"epoch":"x"'),
        lambda raw: raw.replace(b"Gr\xc3\xbc", b"Gr\xc3"),
    ],
    ids=["empty", "cut", "no JSON", "unknown kind", "wrong type", "no UTF-8"],
)
def test_a_file_that_is_no_settlement_is_kept_and_skipped(
    tmp_path: Path,
    lines: io.StringIO,
    damage: Callable[[bytes], bytes],
) -> None:
    outbox = Outbox(tmp_path)
    outbox.keep(ended("run-1"))
    outbox.keep(ended("run-2"))
    outbox.close()
    file = tmp_path / "run-1.json"
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)

    assert list(outbox) == [ended("run-2")]

    assert not file.exists()
    assert (tmp_path / "run-1.bad").read_bytes() == damaged
    assert "outbox_file_bad" in lines.getvalue()
    assert "Gr" not in lines.getvalue()


def test_a_folder_that_cannot_be_written_is_told_and_not_raised(
    tmp_path: Path, lines: io.StringIO
) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    assert not Outbox(tmp_path / "outbox").keep(ended())
    assert "outbox_write_failed" in lines.getvalue()


def test_what_a_kill_left_half_written_is_no_settlement_and_is_discarded(tmp_path: Path) -> None:
    draft = tmp_path / "run-1.tmp"
    draft.write_bytes(b'{"run_id":"ru')
    outbox = Outbox(tmp_path)
    assert list(outbox) == []
    outbox.discard_drafts()
    assert not draft.exists()
