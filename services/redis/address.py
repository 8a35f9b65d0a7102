"""What REDIS_URL says: one server, or a name that Sentinels know; told from mistakes of all kinds.

redis://[[user]:password@]host[:6379][/database][?options]       rediss:// the same with TLS
redis+sentinel://[[user]:password@]host[:26379][,host2 ...]/name[/database][?options]
                                                                 rediss+sentinel:// with TLS
unix://[[user]:password@]/path[?db=database]
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

Host = tuple[str, int]

PORT, SENTINEL_PORT = 6379, 26379
_MOST_PORTS = 65_535
_USER, _PASSWORD = "username", "password"
_SENTINEL_USER, _SENTINEL_PASSWORD = "sentinel_username", "sentinel_password"


class BadRedisUrl(ValueError):
    """A URL that names no Redis; the message says how to mend it, and never quotes a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinels:
    """Who is asked for the address of a server, by its name among them."""

    hosts: tuple[Host, ...]
    name: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """Where the server is (one of `host`, `path` and `sentinels`), and how to sign in there.

    `tls` holds the options of redis-py's TLS connections; None: there is no TLS.
    """

    host: Host | None = None
    path: str | None = None
    sentinels: Sentinels | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0
    tls: Mapping[str, object] | None = None

    def __str__(self) -> str:
        """Name the server for people, without its password."""
        if self.sentinels is not None:
            return f"{self.sentinels.name} of the Sentinels"
        if self.host is not None:
            return "{}:{}".format(*self.host)
        return self.path or ""


def parse(url: str) -> RedisAddress:
    """Read a URL; raises BadRedisUrl."""
    scheme, found, rest = url.partition("://")
    if not found or scheme not in _SCHEMES:
        raise BadRedisUrl(
            "Not a redis, rediss or unix URL, nor one of Sentinels (redis+sentinel://)."
        )
    if "#" in rest:
        raise BadRedisUrl("It has a `#`: in a password write it as %23.")
    place, _, query = rest.partition("?")
    if "@" in query:
        raise BadRedisUrl("There is an `@` behind a `?`: in a password write `?` as %3F, `@` %40.")
    authority, _, path = place.partition("/")
    if "@" in path and "@" not in authority:
        raise BadRedisUrl("There is an `@` behind a `/`: in a password write `/` as %2F.")
    options = _options(query, scheme)
    userinfo, _, hosts = authority.rpartition("@")
    username, password = _login(userinfo)
    address = _SCHEMES[scheme](hosts, path, options)
    return RedisAddress(
        host=address.host,
        path=address.path,
        sentinels=address.sentinels,
        username=options.pop(_USER, username),
        password=options.pop(_PASSWORD, password),
        database=_database(options.pop("db", "")) or address.database,
        tls=_tls(options) if scheme.startswith("rediss") else None,
    )


def _server(hosts: str, path: str, options: dict[str, str]) -> RedisAddress:
    del options
    if "," in hosts:
        raise BadRedisUrl("Several hosts are those of Sentinels: redis+sentinel://.../name.")
    return RedisAddress(host=_host(hosts, PORT), database=_database(path.strip("/")))


def _sentinels(hosts: str, path: str, options: dict[str, str]) -> RedisAddress:
    name, _, database = unquote(path).strip("/").partition("/")
    if not name:
        raise BadRedisUrl("It lacks the name that the Sentinels know: redis+sentinel://host/name.")
    asked = Sentinels(
        hosts=tuple(_host(one.strip(), SENTINEL_PORT) for one in hosts.split(",")),
        name=name,
        username=options.pop(_SENTINEL_USER, None),
        password=options.pop(_SENTINEL_PASSWORD, None),
    )
    return RedisAddress(sentinels=asked, database=_database(database))


def _socket(hosts: str, path: str, options: dict[str, str]) -> RedisAddress:
    del options
    if hosts or not path:
        raise BadRedisUrl("A socket is written with three slashes: unix:///run/redis.sock.")
    return RedisAddress(path="/" + unquote(path))


_SCHEMES: Mapping[str, Callable[[str, str, dict[str, str]], RedisAddress]] = {
    "redis": _server,
    "rediss": _server,
    "redis+sentinel": _sentinels,
    "rediss+sentinel": _sentinels,
    "unix": _socket,
}


def _login(userinfo: str) -> tuple[str | None, str | None]:
    if not userinfo:
        return None, None
    name, colon, password = userinfo.partition(":")
    if not colon:
        raise BadRedisUrl("It has a user without a password: a password alone is :password@host.")
    return unquote(name) or None, unquote(password) or None


def _host(text: str, usual: int) -> Host:
    if text.startswith("["):
        name, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise BadRedisUrl("An IPv6 address is written in brackets: [::1]:6379.")
        port = port.removeprefix(":")
    else:
        name, _, port = text.partition(":")
        if ":" in port and not port.rpartition(":")[0].strip("0123456789abcdefABCDEF:."):
            raise BadRedisUrl("An IPv6 address is written in brackets: [::1]:6379.")
    name = unquote(name)
    if not name:
        raise BadRedisUrl("It names no host.")
    if not name.isprintable() or any(char in name for char in " \\\"'<>`"):
        raise BadRedisUrl("The host has a character that no name of a host has.")
    if not port:
        return name, usual
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _MOST_PORTS):
        raise BadRedisUrl(
            "What stands behind the host's colon is no port from 1 to 65535; in a password write "
            "`:` as %3A, `/` as %2F and `@` as %40."
        )
    return name, int(port)


def _database(text: str) -> int:
    text = unquote(text)
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise BadRedisUrl("The database is a number, such as the 0 in redis://host:6379/0.")
    return int(text)


def _options(query: str, scheme: str) -> dict[str, str]:
    """Read what stands behind the `?`; every option must be one that means something here."""
    known = {"db", _USER, _PASSWORD}
    if scheme.endswith("sentinel"):
        known |= {_SENTINEL_USER, _SENTINEL_PASSWORD}
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name in _TLS and not scheme.startswith("rediss"):
            raise BadRedisUrl(f"{name} needs TLS: begin it with rediss instead of redis.")
        if name not in known and name not in _TLS:
            takes = ", ".join(
                sorted(known | (_TLS.keys() if scheme.startswith("rediss") else set()))
            )
            shown = name if name.isidentifier() else "that"
            raise BadRedisUrl(f"There is no option {shown}; behind the `?` it takes {takes}.")
    return options


def _verification(value: str) -> str:
    name = value.lower().removeprefix("cert_")
    if name not in ("none", "optional", "required"):
        raise BadRedisUrl("ssl_cert_reqs is none, optional or required.")
    return name


def _truth(value: str) -> bool:
    if value.lower() not in ("true", "false", "yes", "no", "1", "0"):
        raise BadRedisUrl("ssl_check_hostname is true or false.")
    return value.lower() in ("true", "yes", "1")


_TLS: Mapping[str, Callable[[str], object]] = {
    "ssl_cert_reqs": _verification,
    "ssl_check_hostname": _truth,
    "ssl_ca_certs": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_password": str,
}

TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""The options that name a file."""


def _tls(options: Mapping[str, str]) -> Mapping[str, object]:
    return {name: _TLS[name](value) for name, value in options.items()}
