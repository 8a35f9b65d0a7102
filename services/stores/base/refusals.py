"""Why a store refuses: one sentence for each reason, whatever the database.

The sentences for what the domain's own rules refuse are in the domain: RunActive, InvalidCursor,
ModelNotAvailable and ContextTooLong.
"""

from services.domain.errors.conflicts import EmailTaken, StorageFull
from services.domain.errors.requests import (
    InvalidRequest,
    KeyReused,
    NotFound,
    SearchTooBroad,
    TooManyRequests,
)


def no_session() -> NotFound:
    """Say that the session does not exist, was deleted, or is another user's."""
    return NotFound("There is no such session.")


def no_run() -> NotFound:
    """Say that the run does not exist, was deleted with its session, or is another user's."""
    return NotFound("There is no such run.")


def no_parent() -> NotFound:
    """Say that the message to be followed is not in the session."""
    text = "There is no such message in this session."
    return NotFound(text, {"parent_id": [text]})


def parent_is_no_answer() -> InvalidRequest:
    """Say that the message to be followed is a user's."""
    text = "A message can only follow an answer."
    return InvalidRequest(text, {"parent_id": [text]})


def key_reused() -> KeyReused:
    """Say that the Idempotency-Key was used before, with another body."""
    return KeyReused("Use a new Idempotency-Key for another request.")


def key_without_run() -> KeyReused:
    """Say that the Idempotency-Key was used before, with a request that began no run."""
    return KeyReused("This Idempotency-Key made a session without a message.")


def too_many_runs(active: int) -> TooManyRequests:
    """Say that the user has as many active runs as are allowed."""
    return TooManyRequests(
        f"{active} answers are being written for you; wait for one of them to end.",
        code="too_many_runs",
    )


def storage_full() -> StorageFull:
    """Say that the user keeps as many bytes as are allowed."""
    return StorageFull(
        "Your conversations take all the room that you have here. Delete some of them to write on."
    )


def search_busy() -> TooManyRequests:
    """Say that a search of the user is under way."""
    return TooManyRequests(
        "Your last search is still under way; wait for it to end.", code="search_busy"
    )


def search_too_broad() -> SearchTooBroad:
    """Say that the search was ended."""
    text = "The search takes too long: search for more words, or for longer ones."
    return SearchTooBroad(text, {"q": [text]})


def email_taken() -> EmailTaken:
    """Say that another account has the e-mail address."""
    return EmailTaken("An account with this e-mail address exists.")
