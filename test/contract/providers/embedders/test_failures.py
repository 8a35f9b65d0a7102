"""How a failure of an embedder's server looks to the caller."""

import pytest
from subjects.embedders import NOBODY, Subjects, failure_of, over_the_wire
from wires.calls import KEY


@over_the_wire
@pytest.mark.parametrize(
    ("model", "code", "may_retry"),
    [
        ("status-400", "upstream_rejected", False),
        ("status-401", "upstream_unauthorized", False),
        ("status-429", "upstream_rate_limited", True),
        ("status-500", "upstream_overloaded", True),
        ("status-503", "upstream_overloaded", True),
        ("nobody-has-it", "model_not_found", False),
        ("redirect", "upstream_rejected", False),
        ("cut", "upstream_cut", True),
        ("stall", "upstream_timeout", True),
        ("html", "upstream_protocol", True),
        ("malformed", "upstream_protocol", True),
        ("shapeless", "upstream_protocol", True),
        ("wordy", "upstream_protocol", True),
        ("too-few", "upstream_protocol", True),
        ("too-many", "upstream_protocol", True),
        ("too-short", "upstream_protocol", True),
        ("empty-vector", "upstream_protocol", True),
        ("zeros", "upstream_protocol", True),
        ("enormous", "upstream_protocol", True),
    ],
)
def test_every_failure_is_an_error_of_the_provider(
    subjects: Subjects, name: str, model: str, code: str, *, may_retry: bool
) -> None:
    error = failure_of(subjects.make(name, model))

    assert (error.code, error.retryable) == (code, may_retry)
    assert KEY not in error.detail


@over_the_wire
def test_a_server_that_is_not_there_is_unreachable(subjects: Subjects, name: str) -> None:
    error = failure_of(subjects.make(name, url=NOBODY))

    assert (error.code, error.retryable) == ("upstream_unreachable", True)


def test_a_vector_that_came_twice_instead_of_another_is_noticed(subjects: Subjects) -> None:
    assert failure_of(subjects.make("openai", "doubled")).code == "upstream_protocol"
