"""Has a Python process look up names below `.test` at the name server of a test.

Python loads this before anything else where PYTHONPATH leads here. It stands in for the C library's
resolver, and blocks its thread as that does: five seconds for each of two tries.
"""

import _socket
import importlib.util
import os
from pathlib import Path

SECONDS, TRIES = 5.0, 2

_spec = importlib.util.spec_from_file_location(
    "name_server_of_a_test", Path(__file__).parent.parent / "server.py"
)
assert _spec is not None
assert _spec.loader is not None
_wire = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_wire)

_PORT = int(os.environ["NAME_SERVER_OF_A_TEST"])  # noqa: TID251 - of a test, no setting
_of_system = _socket.getaddrinfo
_plain_socket = _socket.socket


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):  # type: ignore[no-untyped-def]  # noqa: A002, ANN001, ANN201 - as the system has it
    if not (isinstance(host, str) and host.endswith(".test")):
        return _of_system(host, port, family, type, proto, flags)
    asking = _plain_socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        asking.settimeout(SECONDS)
        for number in range(TRIES):
            asking.sendto(
                _wire.question_for(host, number),
                ("127.0.0.1", _PORT),
            )
            try:
                found = _wire.address_in(asking.recv(512))
            except TimeoutError:
                continue
            if found is None:
                raise _socket.gaierror(_socket.EAI_NONAME, "Name or service not known")
            return [(_socket.AF_INET, type or _socket.SOCK_STREAM, 6, "", (found, port or 0))]
    finally:
        asking.close()
    raise _socket.gaierror(_socket.EAI_AGAIN, "Temporary failure in name resolution")


_socket.getaddrinfo = getaddrinfo
