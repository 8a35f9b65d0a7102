"""Serves the keys of a Supabase project over real HTTP: rotated, withheld or slow, and counted."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

PATH = "/auth/v1/.well-known/jwks.json"
HANG_SECONDS = 30.0
TRICKLE_SECONDS = 0.02

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair of the project."""

    id: str
    algorithm: str
    private: PrivateKey

    def sign(self, claims: Mapping[str, Any], **header: object) -> str:
        """Make a token; a header field that is None is left out."""
        return jwt.encode(
            dict(claims), self.private, self.algorithm, headers={"kid": self.id, **header}
        )

    def sign_bytes(self, text: bytes) -> bytes:
        """Sign anything, with a key for ES256."""
        assert isinstance(self.private, ec.EllipticCurvePrivateKey)
        return ECAlgorithm(ECAlgorithm.SHA256).sign(text, self.private)

    def jwk(self, **changes: object) -> dict[str, Any]:
        """Describe the public half as Supabase does."""
        public = self.private.public_key()
        if isinstance(public, ec.EllipticCurvePublicKey):
            described = ECAlgorithm.to_jwk(public, as_dict=True)
        else:
            described = RSAAlgorithm.to_jwk(public, as_dict=True)
        known = {"kid": self.id, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}
        return {**described, **known, **changes}

    def pem(self) -> bytes:
        """Write the public half as it stands in a PEM file."""
        public = self.private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@cache
def ec_key(key_id: str) -> SigningKey:
    """Make an ES256 key, or give the key that was made for this id."""
    return SigningKey(key_id, "ES256", ec.generate_private_key(ec.SECP256R1()))


@cache
def rsa_key(key_id: str) -> SigningKey:
    """Make an RS256 key, or give the key that was made for this id."""
    return SigningKey(key_id, "RS256", rsa.generate_private_key(65537, 2048))


class KeyServer(ThreadingHTTPServer):
    """A project's key set; it answers with `body` and `status` while `is_open`.

    While it `trickles`, it never comes to the end of its headers.
    """

    daemon_threads = True

    def __init__(self, *keys: SigningKey) -> None:
        """Listen on a free port of this machine."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.fetches = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.trickles = False
        self.is_open = threading.Event()
        self.is_open.set()
        self.asked = threading.Semaphore(0)
        self.publish(*keys)

    def publish(self, *keys: SigningKey) -> None:
        """Replace the keys."""
        self.say({"keys": [key.jwk() for key in keys]})

    def say(self, document: object) -> None:
        """Replace the whole answer."""
        self.body = json.dumps(document).encode()

    def wait_for_fetches(self, count: int) -> None:
        """Return once `count` more fetches have begun than were waited for before."""
        for _ in range(count):
            assert self.asked.acquire(timeout=10)

    def __enter__(self) -> Self:
        """Serve in a thread."""
        serve: Callable[[float], None] = self.serve_forever
        threading.Thread(target=serve, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; a client that still waits gets no answer."""
        self.trickles = False
        self.is_open.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        server = self.server
        server.fetches += 1
        server.asked.release()
        server.is_open.wait(HANG_SECONDS)
        is_found = self.path == PATH
        try:
            if server.trickles:
                self._trickle()
            self.send_response(server.status if is_found else 404)
            for name, value in {"Content-Length": str(len(server.body)), **server.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(server.body)
        except OSError:
            self.close_connection = True  # the client gave up

    def _trickle(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
        while self.server.trickles:
            self.wfile.write(b"x")
            time.sleep(TRICKLE_SECONDS)

    def log_message(self, *_: object) -> None:
        """Print nothing."""
