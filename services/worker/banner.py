"""What a server says of itself when it is ready."""

from services.providers.registry import DEMONSTRATIONS
from services.settings.whole import Settings
from services.worker.services import Services


def banner(services: Services) -> str:
    """Say where the server is, which models answer, and what is missing for more."""
    settings, offers = services.settings, services.answering.offers
    server, default = settings.server, offers.default
    names = ", ".join(services.answering.told)
    lines = [
        f"Charla answers at http://{server.address}",
        f"  mode      {settings.scaling.mode} ({server.app_env}), {_place(settings)}",
        f"  providers {names}; default {default.provider}/{default.name}",
    ]
    if default.provider in DEMONSTRATIONS:
        lines.append(
            "  for real answers set OPENAI_API_KEY (or what .env.example names) and restart"
        )
    return "\n".join([*lines, ""])


def _place(settings: Settings) -> str:
    scaling = settings.scaling
    if scaling.is_embedded:
        return f"everything is kept in {settings.server.data_dir}"
    return f"{scaling.workers} worker(s), everything is kept in {scaling.supabase_url}"
