"""The process: its address, its data, who may call it, what it logs."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from services.settings import rules
from services.settings.variables import choice, folder, secret, text, whole, words


class AppEnv(StrEnum):
    """Where the server runs: in production it takes no unsafe default for granted."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    """How log lines are written."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least important level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The address, the data and the limits of the process."""

    app_env: str = choice(
        "APP_ENV",
        AppEnv.DEVELOPMENT.value,
        AppEnv,
        "In production default and generated secrets are refused, and no browser origin is "
        "allowed unless it is named.",
    )
    host: str = text("HOST", "127.0.0.1", "The address to listen on.", "an address or host name")
    port: int = whole("PORT", 5000, (1, 65535), "The port to listen on.")
    public_url: str | None = text(
        "PUBLIC_URL",
        None,
        "The address at which people reach this server, as one-time links have it; unset: "
        "http://HOST:PORT.",
        "an http or https URL such as https://chat.example.com",
        rules.base_url,
    )
    data_dir: Path = folder(  # noqa: RUF009 - gives a dataclass field, as field() does
        "DATA_DIR",
        "./instance",
        "The embedded database, ends of answers that the database could not take yet, and the "
        "secrets made in development.",
    )
    graceful_timeout: int = whole(
        "GRACEFUL_TIMEOUT",
        30,
        (1, 3600),
        "How long a shutdown lasts at most. Answers that end 5 seconds before it (half of it, "
        "where it is shorter than 10) end normally, the rest is saved as interrupted.",
        unit="seconds",
    )
    trusted_proxies: str = text(
        "TRUSTED_PROXIES",
        "0",
        "Which proxies in front of this server are believed (X-Forwarded-For, -Proto, -Host, "
        "-Prefix): their addresses and networks, and headers from all others are ignored; or how "
        "many there are, and then whoever connects is believed. With more than there are, a client "
        "chooses its own address.",
        "a whole number from 0 to 10, or addresses and networks such as 127.0.0.1, 10.0.0.0/8",
        rules.trusted_proxies,
    )
    metrics_token: str | None = secret(
        "METRICS_TOKEN",
        None,
        "Whoever sends it (Authorization: Bearer ...) may read /metrics, and the state of each "
        "part at /ready. Unset: in development everybody may, in production nobody.",
        "at least 32 random characters, for example from: openssl rand -hex 32",
        rules.token,
    )
    cors_origins: tuple[str, ...] | None = words(
        "CORS_ORIGINS",
        "Web pages of other origins that may call the API. In development, unset means any port "
        "of localhost and 127.0.0.1; in production none. A page opened from a file has the origin "
        "null, as has every frame in a sandbox of whatever page: name it in development only.",
        "a comma-separated list such as https://chat.example.com,http://localhost:*",
        rules.origin,
    )

    @property
    def address(self) -> str:
        """Give host and port as a URL has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Give the URL that people open, without a slash at its end."""
        return (self.public_url or f"http://{self._near.address}").rstrip("/")

    @property
    def _near(self) -> "ServerSettings":
        """Give these settings with a host that can be opened: nobody opens 0.0.0.0."""
        near = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
        return replace(self, host=near.get(self.host, self.host))

    @property
    def is_production(self) -> bool:
        """Tell whether no unsafe default may be taken for granted."""
        return self.app_env == AppEnv.PRODUCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What the server logs."""

    level: str = choice("LOG_LEVEL", LogLevel.INFO.value, LogLevel, "The least important lines.")
    format: str = choice(
        "LOG_FORMAT",
        "",
        LogFormat,
        "How lines are written; unset: console in development, json in production.",
    )
