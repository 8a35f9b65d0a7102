"""Whether a server speaks TLS, or without it, whatever is set: asked where it cannot be reached."""

import ssl
from contextlib import closing

from services.names.connecting import connect
from services.redis.address import Host

OF_REDIS = (b"+", b"-")
"""With these begins what a Redis says to a PING."""


def speaks_tls(host: Host, seconds: float) -> bool:
    """Tell whether a handshake succeeds; no certificate is believed, and nothing is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with closing(connect(*host, seconds)) as plain, closing(context.wrap_socket(plain)):
            return True
    except ssl.SSLError as exc:  # it may want a certificate of ours
        return "ALERT" in (exc.reason or "")
    except OSError:
        return False


def answer_to_ping(host: Host, seconds: float) -> bytes:
    """Give the first byte that is answered to a PING without TLS; empty: nothing is."""
    try:
        with closing(connect(*host, seconds)) as plain:
            plain.sendall(b"PING\r\n")
            return plain.recv(1)
    except OSError:
        return b""
