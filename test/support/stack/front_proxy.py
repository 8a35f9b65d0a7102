"""nginx with `deploy/nginx.conf`, in front of a test's servers."""

import contextlib
import http.client
import shutil
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import trustme
from source_tree import ROOT
from stack.daemon import Daemon
from stack.private_folder import PrivateFolder
from stack.server_process import find_free_port

SAMPLE = ROOT / "deploy" / "nginx.conf"
HOST = "chat.example.com"
ANSWER_SECONDS = 60.0

# What Debian's main configuration file does, without its paths.
MAIN = """
daemon off;
pid @folder/tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path @folder/tmp;
  proxy_temp_path @folder/tmp;
  fastcgi_temp_path @folder/tmp;
  uwsgi_temp_path @folder/tmp;
  scgi_temp_path @folder/tmp;
  include @folder/charla.conf;
}
"""


class _Tls(http.client.HTTPSConnection):
    """A connection to the proxy under its public name, from a chosen address."""

    def __init__(self, port: int, trust: ssl.SSLContext, source: str) -> None:
        super().__init__(HOST, port, timeout=ANSWER_SECONDS)
        self._trust = trust
        self._source = source

    def connect(self) -> None:
        """Connect without looking the name up."""
        plain = socket.create_connection(
            ("127.0.0.1", self.port), ANSWER_SECONDS, source_address=(self._source, 0)
        )
        self.sock: ssl.SSLSocket = self._trust.wrap_socket(plain, server_hostname=HOST)


class FrontProxy:
    """nginx with the sample as it stands, but for the test's own ports, servers and certificate."""

    def __init__(self, server_ports: Sequence[int], prefix: str = "") -> None:
        """Prepare the proxy in front of these servers; below `prefix` as the sample tells it."""
        self.port, self.plain_port = find_free_port(), find_free_port()
        self._folder = PrivateFolder()
        self._folder.make("tmp")
        authority = trustme.CA()
        certificate = authority.issue_cert(HOST)
        self._trust = ssl.create_default_context()
        authority.configure_trust(self._trust)
        pem = self._folder.write("cert.pem", certificate.cert_chain_pems[0].bytes().decode())
        key = self._folder.write("cert.key", certificate.private_key_pem.bytes().decode())
        servers = " ".join(f"server 127.0.0.1:{port};" for port in server_ports)
        self._folder.write(
            "charla.conf",
            _replaced(
                _below(prefix, SAMPLE.read_text()),
                {
                    "server 127.0.0.1:5000;": servers,
                    "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
                    "listen 443 ": f"listen 127.0.0.1:{self.port} ",
                    f"/etc/ssl/{HOST}.pem": str(pem),
                    f"/etc/ssl/{HOST}.key": str(key),
                },
            ),
        )
        main = self._folder.write("nginx.conf", MAIN.replace("@folder", str(self._folder.path)))
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program is not None, "run: .ci/setup-system nginx-light"
        command = [program, "-p", str(self._folder.path), "-e", "stderr", "-c", str(main)]
        self._nginx = Daemon("nginx", self._folder, command, self._answers)

    def connect(self, source: str = "127.0.0.1", *, protocol: str = "http/1.1") -> _Tls:
        """Prepare a connection with TLS from an address of this machine."""
        self._trust.set_alpn_protocols([protocol])
        return _Tls(self.port, self._trust, source)

    def __enter__(self) -> Self:
        """Start the proxy."""
        with ExitStack() as undo:
            undo.callback(self._folder.close)
            undo.callback(self._nginx.stop)
            self._nginx.start()
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the proxy and remove its folder."""
        self._nginx.stop()
        self._folder.close()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", self.plain_port)
            with contextlib.closing(connection):
                connection.request("GET", "/")
                return connection.getresponse().status == http.HTTPStatus.PERMANENT_REDIRECT
        return False


def _below(prefix: str, sample: str) -> str:
    """Put the server below a path; without one leave it at the root."""
    changes = {
        "location / {": f"location {prefix}/ {{",
        "proxy_pass http://charla;": "proxy_pass http://charla/;",
        'X-Forwarded-Prefix ""': f"X-Forwarded-Prefix {prefix}",
    }
    return _replaced(sample, changes) if prefix else sample


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, f"{SAMPLE.name} says no longer: {old}"
        text = text.replace(old, new)
    return text
