"""A real Supabase data API for the tests, without docker; it is private, so they may break it."""

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stack.private_folder import PrivateFolder
from stack.supabase_gateway import REST, Gateway, Keys, Postgrest, SeenRequests, Shown, status_of
from stack.supabase_postgres import Postgres

RELOAD_SECONDS = 30.0
TOKEN_SECONDS = 3600


class SupabaseStack:
    """PostgreSQL with the project's migrations, PostgREST, and nginx as the gateway.

    Its parts are `postgres`, `postgrest` and `gateway`: each can be stopped, killed, paused and
    started again. A stopped database keeps its data.
    """

    def __init__(
        self,
        *,
        auto_grants: bool = False,
        keepalive_requests: int = 1000,
        max_rows: int = 1000,
        schemas: Sequence[str] = ("public",),
    ) -> None:
        """Prepare the stack.

        `auto_grants`: new tables and functions are open to all roles of the API, as in older
        projects. `keepalive_requests`: how many requests the gateway takes over one connection.
        `max_rows`: the rows after which an answer is cut without notice. `schemas`: the schemas
        that PostgREST shows; the first is the default.
        """
        self._folder = PrivateFolder()
        keys = Keys()
        self.keys = keys
        self.service_key = keys.service
        self.anon_key = keys.anon
        self.jwt_secret = keys.jwt_secret
        self.postgres = Postgres(self._folder, auto_grants=auto_grants)
        self.gateway = Gateway(self._folder, keys, keepalive_requests)
        shown = Shown(schemas, max_rows)
        self.postgrest = Postgrest(self._folder, keys, self.gateway.port, shown)
        self.url = f"http://127.0.0.1:{self.gateway.port}"
        self.requests = SeenRequests(self.gateway.port, self._folder.path / "requests.log")

    @property
    def folder(self) -> Path:
        """The folder that holds the sockets of the database and of PostgREST."""
        return self._folder.path

    def settings(self) -> dict[str, str]:
        """Give the settings that a server needs in its environment."""
        return {
            "SUPABASE_URL": self.url,
            "SUPABASE_KEY": self.service_key,
            "SUPABASE_JWT_SECRET": self.jwt_secret,
        }

    def user_token(self, user_id: str, **claims: object) -> str:
        """Sign a user's token as Supabase Auth does; `claims` replace or add to the usual ones."""
        now = int(time.time())
        usual = {
            "iss": f"{self.url}/auth/v1",
            "sub": user_id,
            "aud": "authenticated",
            "role": "authenticated",
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        return self.keys.sign(usual | claims)

    def sql(self, text: str, *params: object) -> list[dict[str, Any]]:
        """Run SQL as the superuser, as `Postgres.sql` tells; after DDL call `reload`."""
        return self.postgres.sql(text, *params)

    def reset(self) -> None:
        """Forget all rows, all requests, and the status that the gateway was told to answer."""
        self.gateway.answer(None)
        self.postgres.empty()
        self.requests.clear()

    def reload(self) -> None:
        """Wait until PostgREST knows the schema as it is now."""
        mark = f"reload_{secrets.token_hex(6)}"
        self.sql(
            f"create function public.{mark}() returns int language sql as 'select 1';"
            f"grant execute on function public.{mark}() to service_role;"
            "notify pgrst, 'reload schema';"
        )
        self._wait_until(lambda: self._rest_answers(f"rpc/{mark}"), "the schema is not known")
        self.sql(f"drop function public.{mark}();")
        self._wait_until(lambda: not self._rest_answers(f"rpc/{mark}"), "the schema is not known")

    def stop_postgres(self) -> None:
        """End the database in order; PostgREST and the gateway stay."""
        self.postgres.stop()

    def start_postgres(self) -> None:
        """Start the database again with its data; PostgREST finds it within some seconds."""
        self.postgres.start()

    def gateway_status(self, status: int | None) -> None:
        """Let the gateway answer every request with this status; None ends that."""
        self.gateway.answer(status)

    def pause(self) -> None:
        """Let the gateway hang: it accepts connections and answers nothing."""
        self.gateway.pause()

    def resume(self) -> None:
        """Let the gateway go on."""
        self.gateway.resume()

    def wait_until_ready(self) -> None:
        """Wait until the whole stack answers again, as after `start_postgres`."""
        self.postgrest.wait_until_ready()

    def __enter__(self) -> Self:
        """Start the stack, with the migrations applied."""
        with ExitStack() as undo:
            undo.callback(self._close)
            self.postgres.create()
            self.gateway.start()
            self.postgrest.start()
            self.requests.clear()
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the stack, whatever its state, and remove its data."""
        self._close()

    def _close(self) -> None:
        for part in (self.gateway, self.postgrest, self.postgres):
            part.stop()
        self._folder.close()

    def _rest_answers(self, path: str) -> bool:
        service = {"apikey": self.service_key, "Authorization": f"Bearer {self.service_key}"}
        return status_of(self.gateway.port, REST + path, service) == 200

    @staticmethod
    def _wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + RELOAD_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.02)
