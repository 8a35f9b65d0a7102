"""The store: SQLite in `DATA_DIR`, or a Supabase project."""

from services.settings.whole import Settings
from services.stores.base.bounds import Bounds
from services.stores.base.store import Store
from services.stores.sqlite.store import SqliteStore


def build(settings: Settings) -> Store:
    """Open the database that the settings name."""
    scaling = settings.scaling
    if scaling.supabase_url is None or scaling.supabase_key is None:
        return SqliteStore.open(settings.server.data_dir, _bounds(settings))
    from services.stores.supabase.access.connection import (  # noqa: PLC0415 - 2 s, loaded on use
        ConnectionLimits,
    )
    from services.stores.supabase.store import SupabaseStore  # noqa: PLC0415 - the same

    accounts = settings.accounts
    return SupabaseStore(
        scaling.supabase_url,
        scaling.supabase_key,
        ConnectionLimits(
            connections=scaling.supabase_connections,
            reserved_timeout_seconds=_beat_patience(settings),
        ),
        revocation_window_seconds=accounts.access_token_seconds + accounts.jwt_leeway_seconds,
        bounds=_bounds(settings),
    )


def _bounds(settings: Settings) -> Bounds:
    storage = settings.storage
    return Bounds(
        page_bytes=storage.max_page_bytes,
        stored_bytes=storage.max_stored_bytes_per_user or None,
        search_seconds=storage.search_seconds,
    )


def _beat_patience(settings: Settings) -> float:
    """Give a beat's timeout: two more beats fit in before the worker is taken for dead."""
    left = settings.scaling.worker_dead_seconds - settings.beat_seconds
    return max(1.0, min(15.0, left / 3))
