"""What a refusal is not about, though it has a word of it; and errors of any form."""

import json
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.providers.errors.explanations import MOST_BYTES, explanation_in, explanation_of
from services.providers.errors.meanings import Meaning, meaning_of
from services.providers.sdk.errors import refusal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "errors", "code", "loc", "param", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def meaning(status: int, sentence: str) -> Meaning:
    return meaning_of(status, explanation_of({"error": {"message": sentence}}))


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (429, "Rate limit reached. Visit https://platform.openai.com/account/billing to add more."),
        (429, "You exceeded your current quota, please check your plan and billing details."),
        (429, "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 requests."),
        (429, "Need more tokens? Upgrade at https://console.groq.com/settings/billing"),
        (400, "Unsupported parameter: 'max_tokens' is not supported with this model."),
        (400, "`temperature` is deprecated for this model."),
        (400, "This model does not support tools."),
        (400, "messages: text content blocks must be non-empty"),
        (400, "Invalid 'content': image not found at this URL."),
        (400, "temperature: range: 0..1"),
        (400, "Model gpt-4: the image was not found at this URL."),
        (400, "The model could not read the file: file not found"),
        (400, "The model's temperature is not available while it streams."),
        (400, "Blocked: the answer speaks of a credit balance."),
        (403, "The request violates the security policy of your organization."),
        (408, "The model is not loaded"),
        (409, "Model 'm' is not loaded yet"),
        (429, "The deployment does not exist in this region yet; try again."),
        (403, "Forbidden"),
        (500, "The model has crashed."),
        (500, "insufficient balance of load"),
        (503, "The model is overloaded. Please try again later."),
        (409, "Conflict"),
    ],
)
def test_a_word_alone_is_no_meaning(status: int, sentence: str) -> None:
    assert meaning(status, sentence) is Meaning.OTHER


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (503, "load_balance_timeout"),
        (400, "load_balance_timeout"),
        (503, "no_balanced_upstream"),
        (503, "billing_service_unavailable"),
        (400, "credit_card_detected"),
        (400, "invalid_credentials_format"),
    ],
)
def test_a_part_of_a_name_is_no_meaning(status: int, name: str) -> None:
    told = explanation_of({"error": {"message": "No.", "code": name}})

    assert meaning_of(status, told) is Meaning.OTHER


@pytest.mark.parametrize(
    ("status", "name"),
    [(429, "account_balance_too_low"), (403, "no-credits-left"), (400, "unpaid_invoice")],
)
def test_a_name_of_money_means_money_however_it_goes_on(status: int, name: str) -> None:
    told = explanation_of({"error": {"message": "No.", "code": name}})

    assert meaning_of(status, told) is Meaning.UNPAID


@pytest.mark.parametrize(("status", "may_retry"), [(408, True), (409, True), (501, False)])
def test_what_cannot_be_otherwise_at_a_second_try_is_final(status: int, *, may_retry: bool) -> None:
    assert refusal(status, b"", {}, "").retryable is may_retry


@pytest.mark.parametrize("status", [520, 521, 522, 523, 524, 525, 526, 529, 530])
def test_a_status_that_few_know_by_its_number_is_explained_and_tried_again(status: int) -> None:
    page = b"<!DOCTYPE html><title>api.example.org | Origin Error</title>"

    error = refusal(status, page, {}, "")

    assert (error.code, error.retryable) == ("upstream_overloaded", True)
    assert f"with status {status}: " in error.detail


@given(JSON)
def test_an_error_of_any_form_is_read(told: object) -> None:
    assert isinstance(explanation_of(told).message, str)
    assert isinstance(explanation_in(json.dumps(told).encode()).message, str)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read(body: bytes) -> None:
    assert isinstance(explanation_in(body).message, str)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"error":' * 1000 + b"1" + b"}" * 1000,
        json.dumps([{"message": f"m{n}"} for n in range(10_000)]).encode(),
        b"model " * 100_000,
        b"content violates " * 100_000,
    ],
    ids=["nested", "deep", "long", "models", "words"],
)
def test_an_error_of_any_size_takes_no_time(body: bytes) -> None:
    began = perf_counter()

    told = explanation_in(body)
    meaning_of(404, told)

    assert len(told.message) <= MOST_BYTES
    assert perf_counter() - began < 5
