"""The servers that are measured, and how each is asked for streams; started when first used."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, partial

from bench.accounts import Account
from bench.load import Ask, send
from bench.servers import Server, Servers
from bench.shared import Shared

SCALED_WORKERS = 2
ONE_IS_DOWN = {
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "PROVIDER_RETRIES": "0",
    "BREAKER_FAILURES": "1000",
    "FAILOVER": "anthropic/m-10-5",
}
"""No server listens on the discard port."""

IN_PRODUCTION = {
    "APP_ENV": "production",
    "RATE_LIMIT_ENABLED": "true",
    # So that the benchmark's own user may sign up and be read.
    "REGISTRATION": "open",
}
"""Charla as strangers meet it: its limits are there for them."""

MakeAsks = Callable[[int, str], Awaitable[list[Ask]]]
"""Makes the requests that open so many streams of a model."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server, its name in the tables, and how it is asked for streams."""

    name: str
    server: Server
    asks: MakeAsks


class Targets:
    """Every server that a stage may use; each is started once, and stays for the other stages."""

    def __init__(self, servers: Servers) -> None:
        """Start the servers with `servers`."""
        self._servers = servers
        self._accounts: dict[str, Account] = {}

    @cached_property
    def upstream(self) -> Server:
        """The provider that all the others relay from."""
        return self._servers.upstream()

    @cached_property
    def flask(self) -> Target:
        """The relay that Charla is compared with."""
        return _textbook("peer_flask", self._servers.flask(self.upstream))

    @cached_property
    def fastapi(self) -> Target:
        """The other textbook relay."""
        return _textbook("peer_fastapi", self._servers.fastapi(self.upstream))

    @cached_property
    def stack(self) -> Shared:
        """The database and the Redis of the scaled server."""
        return self._servers.shared()

    async def charla(self, name: str = "charla", **settings: str) -> Account:
        """Give a user of the Charla with this name, which is started with these settings."""
        if name not in self._accounts:
            account = Account(self._servers.charla(self.upstream, name, **settings))
            await account.sign_up()
            self._accounts[name] = account
        return self._accounts[name]

    async def let_go(self) -> None:
        """Have the upstream go on with the answers that wait."""
        await send(Ask(self.upstream.port, "/go", None))

    async def scaled(self) -> Account:
        """Give a user of a Charla with several workers."""
        workers = {"WEB_CONCURRENCY": str(SCALED_WORKERS)}
        return await self.charla("scaled", **self.stack.settings(), **workers)

    async def attacked(self) -> Account:
        """Give a user of a Charla in production, to be attacked."""
        secret = {"JWT_SECRET_KEY": secrets.token_urlsafe(48)}
        return await self.charla("attacked", **IN_PRODUCTION, **secret)

    async def with_a_provider_down(self) -> Account:
        """Give a user of a Charla that calls another provider in place of one that is down."""
        return await self.charla("failover", **ONE_IS_DOWN)


def asked_by(account: Account, provider: str = "") -> Target:
    """Ask Charla as one of its users, in a session for each stream; `provider` names the target."""
    if not provider:
        return Target(account.server.name, account.server, account.asks)
    return Target(provider, account.server, partial(account.asks, provider=provider))


def _textbook(name: str, server: Server) -> Target:
    """Ask a textbook relay, which knows neither users nor sessions."""

    async def asks(streams: int, model: str) -> list[Ask]:
        return [Ask(server.port, "/stream", {"content": "Hola", "model": model})] * streams

    return Target(name, server, asks)
