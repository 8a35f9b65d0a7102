"""The clock of a run whose time the test moves."""

from subjects.clock import Clock

from services.runs.living.clock import RunClock, RunTimes


class TimedRun:
    """A run that has just been started; `changes` counts how often its clock called back.

    Unless other times are given: 10 seconds to the first token, 5 between pieces, 100 in all.
    """

    def __init__(self, first_token: float = 10, content: float = 5, run: float = 100) -> None:
        """Start it."""
        self.time = Clock()
        self.changes = 0
        times = RunTimes(first_token=first_token, content=content, run=run)
        self.clock = RunClock(times, self._change, self.time)

    def _change(self) -> None:
        self.changes += 1

    def pass_seconds(self, seconds: float) -> None:
        """Let so much time pass, at once."""
        self.time.now += seconds

    @property
    def failure(self) -> str:
        """Give the sentence of the limit that has passed; empty if none has."""
        overdue = self.clock.overdue()
        return "" if overdue is None else overdue.detail

    def fails_after(self, seconds: float) -> str:
        """Let time pass up to a limit, which must hold until then; give its sentence."""
        self.pass_seconds(seconds - 0.5)
        assert self.failure == ""
        self.pass_seconds(0.5)
        return self.failure
