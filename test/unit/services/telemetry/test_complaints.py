"""What fails again and again is told when it begins, changes and ends, and now and then."""

import io
import json

from services.telemetry.complaints import Complaint


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def told(lines: io.StringIO) -> list[tuple[str, str | None, int | None]]:
    """Give what was logged."""
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [(one["event"], one.get("reason"), one.get("untold")) for one in logged]


def test_the_same_failure_is_told_once_and_again_after_a_while(lines: io.StringIO) -> None:
    clock = Clock()
    complaint = Complaint("beat_failed", __name__, 60.0, clock)

    for second in range(100):
        clock.now = float(second)
        complaint.raised("full")

    assert told(lines) == [("beat_failed", "full", None), ("beat_failed", "full", 59)]


def test_another_reason_is_told_at_once_and_so_is_the_end(lines: io.StringIO) -> None:
    complaint = Complaint("beat_failed", __name__)

    complaint.raised("full")
    complaint.raised("stalled")
    complaint.over()
    complaint.over()
    complaint.raised("stalled")

    assert [event for event, _, _ in told(lines)] == [
        *("beat_failed", "beat_failed", "beat_failed_over", "beat_failed")
    ]
    assert [reason for _, reason, _ in told(lines)] == ["full", "stalled", None, "stalled"]
