"""A server that lists models as one of several programs does, or badly."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ModelLists:
    """Answers each GET with `body`; while `until` is not set, answers are held up."""

    def __init__(self) -> None:
        """List nothing."""
        self.status = 200
        self.content_type = "application/json"
        self.body = b'{"object": "list", "data": []}'
        self.until = threading.Event()
        self.until.set()
        self.paths: list[str] = []
        self.url = ""


@contextmanager
def model_lists(tls: ssl.SSLContext | None = None) -> Iterator[ModelLists]:
    """Start a server on a free port, over TLS where it is given."""
    lists = ModelLists()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            lists.paths.append(self.path)
            lists.until.wait()
            self.send_response(lists.status)
            self.send_header("Content-Type", lists.content_type)
            self.send_header("Content-Length", str(len(lists.body)))
            self.end_headers()
            self.wfile.write(lists.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        scheme = "https" if tls else "http"
        lists.url = f"{scheme}://127.0.0.1:{server.server_port}/v1"
        yield lists
        lists.until.set()
        server.shutdown()
