"""What `/api/providers` tells, and which provider a message goes to."""

from api.calls import ApiUser
from api.chat_client import Json


def configured(state: Json) -> list[str]:
    """Name the providers that are configured, in their order."""
    return [provider["name"] for provider in state["providers"] if provider["configured"]]


def provider_in(state: Json, name: str) -> Json:
    """Give the part of a provider."""
    found: Json = next(one for one in state["providers"] if one["name"] == name)
    return found


def chosen(user: ApiUser, session: str, **choice: str) -> tuple[str, str]:
    """Tell which provider and model were chosen for a message; they need not answer."""
    stream = user.send(session, "/slow 60000 /long 1", **choice)
    assert stream.status == 200, stream.response.text
    start = stream.read(1)[0].event
    user.post(f"/runs/{start['run_id']}/stop")
    stream.answer()
    return start["provider"], start["model"]
