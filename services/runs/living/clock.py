"""The time limits of a run, and the time that counts towards each of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from services.domain.errors.upstream import ProviderTimeout
from services.runs.living.stopwatch import Now, Stopwatch


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """How long an answer may take, in seconds: to its first token, between pieces, in all."""

    first_token: float
    content: float
    run: float


class RunClock:
    """Tells when a run is overdue; `on_change` is called whenever that may have moved.

    The time for the first token counts while a call is out, for all calls together. The time in all
    stands still while a call waits for room at its provider; while no other call is out, nothing
    is overdue.
    """

    def __init__(
        self, times: RunTimes, on_change: Callable[[], None], now: Now = time.monotonic
    ) -> None:
        """Start now."""
        self.times = times
        self._on_change = on_change
        self._now = now
        self.started_at = now()
        self.first_output_at: float | None = None
        self._heard_at = 0.0
        self._upstream = Stopwatch(now)
        self._waits = Stopwatch(now)
        self._waiting: set[object] = set()

    def begin_wait(self, call: object) -> None:
        """Note that `call` waits for room at its provider; noting it twice does no harm."""
        self._waiting.add(call)
        if self._waits.since is None:
            self._waits.start()
            self._on_change()

    def end_wait(self, call: object) -> None:
        """Note that a call waits no longer, if it did."""
        self._waiting.discard(call)
        if self._waits.since is not None and not self._waiting:
            self._waits.stop()
            self._on_change()

    @property
    def is_waited_for(self) -> bool:
        """Tell whether any call waits for room now."""
        return bool(self._waiting)

    @property
    def has_waited(self) -> bool:
        """Tell whether any call that has come through had to wait for room."""
        return self._waits.stopped_seconds > 0

    def go_upstream(self) -> None:
        """Note that a call went out."""
        self._upstream.start()
        self._on_change()

    def leave_upstream(self) -> None:
        """Note that the last call that was out has ended."""
        self._upstream.stop()

    def hear(self) -> None:
        """Note that a piece of the answer came."""
        self._heard_at = self._now()
        if self.first_output_at is None:
            self.first_output_at = self._heard_at

    @property
    def may_call_again(self) -> bool:
        """Tell whether there is time for a further call, and no text that it would repeat."""
        return (
            self.first_output_at is None
            and self._upstream.seconds < self.times.first_token
            and self._now() < self._end_at()
        )

    @property
    def first_token_left(self) -> float:
        """Give how long the first token may still take upstream, in seconds."""
        return max(0.0, self.times.first_token - self._upstream.seconds)

    def seconds_left(self) -> float:
        """Tell how long to wait before asking `overdue` again.

        It is never longer than `times.content`: the first piece moves the deadline without
        `on_change`.
        """
        return max(0.0, min(self._deadline() - self._now(), self.times.content))

    def overdue(self) -> ProviderTimeout | None:
        """Give the failure where a time limit has passed."""
        now = self._now()
        if now < self._deadline():
            return None
        if now >= self._end_at():
            text = f"The answer took longer than {self.times.run:g} s in all."
            return ProviderTimeout(text, may_retry=False)
        if self.first_output_at is None:
            return ProviderTimeout(f"No first token within {self.times.first_token:g} s.")
        return ProviderTimeout(f"No content for {self.times.content:g} s.")

    @property
    def ttft_ms(self) -> int | None:
        """Give the time to the first token; None: there was none."""
        if self.first_output_at is None:
            return None
        return round((self.first_output_at - self.started_at) * 1000)

    @property
    def total_ms(self) -> int:
        """Give the time since the run was started."""
        return round((self._now() - self.started_at) * 1000)

    def _end_at(self) -> float:
        return self.started_at + self._waits.seconds + self.times.run

    def _deadline(self) -> float:
        if self._upstream.since is None:
            only_waits = self._waits.since is not None
            return self._now() + self.times.run if only_waits else self._end_at()
        if self.first_output_at is None:
            left = self.times.first_token - self._upstream.stopped_seconds
            return min(self._end_at(), self._upstream.since + left)
        return min(self._end_at(), self._heard_at + self.times.content)
