"""The public keys with which a Supabase project signs access tokens (JWKS)."""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Lock, Thread

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWKSet
from urllib3.exceptions import HTTPError

from services.domain.certificates import refused_certificate
from services.domain.errors.outages import Unavailable
from services.names.connecting import timed_pools

ALGORITHMS = frozenset({"ES256", "RS256"})
"""What Supabase Auth signs with; keys for anything else, above all symmetric ones, are ignored."""

MAX_BYTES = 256 * 1024
"""A set of ten RSA keys has 5 KB."""

MIN_RSA_BITS = 2048

MAX_IGNORED = 100
"""So many keys that do not count are told of; a project has a few."""

_OK = 200

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetTimes:
    """When keys are read again, in seconds.

    `fetch`: how long one reading may take. `refresh`: the age at which keys are read again.
    `pause`: the least time between two readings, so that a stranger who invents key ids cannot
    make this server hammer the project. `retry`: the same while there are no keys at all.
    """

    fetch: float = 5
    refresh: float = 600
    pause: float = 30
    retry: float = 1


class KeySet:
    """Keys by id, read when they are first needed; an unknown id is the sign of a rotation.

    A thread of its own reads the keys, one reading at a time. Only a caller with an unknown id
    waits for it. While the project does not answer, known keys are used however old they are.
    """

    def __init__(
        self,
        url: str,
        times: KeySetTimes | None = None,
        on_read: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Read from `url`; `on_read` is told after each reading whether it succeeded."""
        self._url = url
        self._times = times or KeySetTimes()
        self._on_read = on_read
        tls = ssl.create_default_context() if url.startswith("https:") else None
        self._pool = timed_pools(maxsize=1, ssl_context=tls)
        self._lock = Lock()
        self._keys: Mapping[str, PyJWK] | None = None
        self._old_at = 0.0
        self._next_at = 0.0
        self._reading: Event | None = None
        self._is_away = False
        self._ignored: set[tuple[str, str]] = set()

    def find(self, key_id: str) -> PyJWK | None:
        """Find a key; None: the project has no key of this id.

        Raises Unavailable where the keys could not be read even once.
        """
        found = self._known(key_id)
        if found is None:
            reading = self._read_again()
            if reading is not None:
                reading.wait(self._times.fetch)
            found = self._known(key_id)
        elif time.monotonic() >= self._old_at:
            self._read_again()
        if found is None and self._keys is None:
            raise Unavailable("The keys that access tokens are checked with cannot be read now.")
        return found

    def _known(self, key_id: str) -> PyJWK | None:
        return (self._keys or {}).get(key_id)

    def _read_again(self) -> Event | None:
        """Begin a reading, or join the present one; None: it is too early for another."""
        with self._lock:
            if self._reading is not None:
                return self._reading
            if time.monotonic() < self._next_at:
                return None
            reading = Event()
            Thread(target=self._read, args=(reading,), daemon=True).start()
            self._reading = reading
            return reading

    def _read(self, reading: Event) -> None:
        try:
            self._keys = _usable(self._download(), self._ignore)
            self._old_at = time.monotonic() + self._times.refresh
            self._tell(None)
        except Exception as exc:  # noqa: BLE001 - whatever is wrong, this is no key set
            self._tell(exc)
        finally:
            pause = self._times.retry if self._keys is None else self._times.pause
            with self._lock:
                self._next_at = time.monotonic() + pause
                self._reading = None
            reading.set()

    def _download(self) -> object:
        deadline = time.monotonic() + self._times.fetch
        response = self._pool.urlopen(
            "GET",
            self._url,
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=self._times.fetch,
        )
        try:
            if response.status != _OK:
                raise HTTPError(f"status {response.status}")
            body = b""
            while piece := response.read1(MAX_BYTES):
                body += piece
                if len(body) > MAX_BYTES or time.monotonic() > deadline:
                    raise HTTPError("too long")
            return json.loads(body)
        finally:
            response.close()

    def _ignore(self, key_id: str, problem: str) -> None:
        """Log once that a key does not count."""
        if (key_id, problem) not in self._ignored and len(self._ignored) < MAX_IGNORED:
            self._ignored.add((key_id, problem))
            _log.warning("supabase_key_ignored", key_id=key_id, reason=problem)

    def _tell(self, error: Exception | None) -> None:
        """Count a reading, and log when the keys go away and when they are back."""
        self._on_read(error is None)
        if error is not None and not self._is_away:
            told = refused_certificate(error) or str(error)
            _log.warning("supabase_keys_away", error=type(error).__name__, detail=told)
        if error is None and self._is_away:
            _log.info("supabase_keys_back")
        self._is_away = error is not None


def _usable(document: object, ignored: Callable[[str, str], None]) -> Mapping[str, PyJWK]:
    """Read a key set; `ignored` is told the id of each key that is too weak, and why."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise TypeError("not a key set")
    if not document["keys"]:  # a project that signs with its secret only
        return {}
    found = {}
    for key in PyJWKSet.from_dict(document):
        if not isinstance(key.key_id, str) or key.algorithm_name not in ALGORITHMS:
            continue
        if key.public_key_use not in ("sig", None):
            continue
        if problem := _weakness(key.key):
            ignored(key.key_id, problem)
        else:
            found[key.key_id] = key
    return found


def _weakness(key: object) -> str | None:
    """Say why no signature of a key counts; None: it does.

    What the algorithms demand: RFC 7518, 3.3 and 3.4. PyJWT itself only warns of a short key.
    """
    if isinstance(key, RSAPublicKey):
        return None if key.key_size >= MIN_RSA_BITS else f"RSA with {key.key_size} bits"
    if isinstance(key, EllipticCurvePublicKey):
        return None if isinstance(key.curve, SECP256R1) else f"the curve {key.curve.name}"
    return f"a {type(key).__name__}"
