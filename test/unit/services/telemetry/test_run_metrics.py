"""Figures of runs."""

from services.domain.costs import Usage
from services.domain.events import Done, Error
from services.domain.sessions import FinishReason
from services.telemetry.metrics import Metrics

DONE = Done(
    message_id="m",
    finish_reason=FinishReason.STOP,
    usage=Usage(),
    cost=None,
    provider="openai",
    model="x",
    ttft_ms=300,
    total_ms=900,
)
FAILED = Error(
    code="upstream_cut", message="", retryable=True, message_id="m", usage=Usage(), cost=None
)


def test_a_run_is_active_until_it_ends_however_it_ends() -> None:
    metrics = Metrics()

    for terminal in (DONE, FAILED, None):
        metrics.run_started()
        assert b"charla_runs_active 1.0" in metrics.render()
        metrics.run_ended(terminal, "openai", None, 3)
        assert b"charla_runs_active 0.0" in metrics.render()


def test_a_run_is_counted_by_reason_and_provider() -> None:
    metrics = Metrics()

    metrics.run_ended(DONE, "openai", 300, 5)
    metrics.run_ended(FAILED, "openai", None, 2)

    text = metrics.render().decode()
    assert 'charla_runs_total{provider="openai",reason="stop"} 1.0' in text
    assert 'charla_runs_total{provider="openai",reason="upstream_cut"} 1.0' in text
    assert 'charla_time_to_first_token_seconds_count{provider="openai"} 1.0' in text
    assert 'charla_time_to_first_token_seconds_sum{provider="openai"} 0.3' in text
    assert 'charla_events_total{provider="openai"} 7.0' in text


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()

    one.reader_came()
    one.attempt("openai", "ok")

    assert b"charla_readers 1.0" in one.render()
    assert b'charla_provider_attempts_total{outcome="ok",provider="openai"} 1.0' in one.render()
    assert b"charla_readers 0.0" in other.render()


def test_what_was_not_understood_is_counted_by_provider() -> None:
    metrics = Metrics()

    metrics.upstream_ignored("openai")

    assert b'charla_upstream_ignored_total{provider="openai"} 1.0' in metrics.render()


def test_those_who_wait_for_a_provider_are_told_as_they_are_now() -> None:
    metrics = Metrics()

    metrics.queue_waiting("openai", 7)
    metrics.queue_waiting("gemini", 1)
    metrics.queue_waiting("openai", 2)

    text = metrics.render().decode()
    assert 'charla_provider_queue_waiting{provider="openai"} 2.0' in text
    assert 'charla_provider_queue_waiting{provider="gemini"} 1.0' in text


def test_waits_for_a_provider_are_counted_by_their_length() -> None:
    metrics = Metrics()

    metrics.queue_waited("openai", 0.3)
    metrics.queue_waited("openai", 45)

    text = metrics.render().decode()
    assert 'charla_provider_queue_wait_seconds_count{provider="openai"} 2.0' in text
    assert 'charla_provider_queue_wait_seconds_sum{provider="openai"} 45.3' in text
    assert 'charla_provider_queue_wait_seconds_bucket{le="0.1",provider="openai"} 0.0' in text
    assert 'charla_provider_queue_wait_seconds_bucket{le="0.5",provider="openai"} 1.0' in text
    assert 'charla_provider_queue_wait_seconds_bucket{le="60.0",provider="openai"} 2.0' in text
