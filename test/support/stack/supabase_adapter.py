"""The Supabase store, as an adapter for the suites that hold for every store."""

from pathlib import Path

from stack.supabase_stack import SupabaseStack
from worlds.stores import StoreAdapter

from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.store import Store
from services.stores.supabase.access.connection import ConnectionLimits
from services.stores.supabase.access.errors import BrokenConstraint
from services.stores.supabase.store import SupabaseStore


def supabase_adapter(stack: SupabaseStack) -> StoreAdapter:
    """Give the store on a running stack; its only database stands for every folder."""

    def open_store(folder: Path, bounds: Bounds = USUAL) -> Store:
        del folder
        limits = ConnectionLimits(connections=4, reserved_connections=2)
        return SupabaseStore(stack.url, stack.service_key, limits, bounds=bounds)

    return StoreAdapter("supabase", open_store, BrokenConstraint)
