"""A small HTTP server for metrics: `/metrics`, a landing page, a health check, and 404 for the rest.

It answers GET and HEAD, serves each request in a thread of its own, a bounded number at once, and drops a client
that says nothing for ten seconds.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Final, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]
Address: TypeAlias = tuple[str, int] | str

MOST_AT_ONCE: Final = 16
SILENCE_S: Final = 10.0

_TEXT: Final = "text/plain; charset=utf-8"
_LOG = logging.getLogger(__name__)

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>hashwatt: {title}</title></head>
<body><h1>hashwatt</h1><p>{title}</p>
<ul><li><a href="/metrics">Metrics</a> for Prometheus</li><li><a href="/-/healthy">Health</a></li></ul></body></html>
"""


def metrics_app(page: Callable[[str], tuple[str, bytes]], *, title: str) -> WSGIApplication:
    """Return a WSGI application for one page of metrics.

    `page` takes a request's Accept header and gives content type and body; `title` says on the landing page what it is.
    """

    def metrics(environ: WSGIEnvironment) -> tuple[str, bytes]:
        return page(environ.get("HTTP_ACCEPT", ""))

    def landing(_: WSGIEnvironment) -> tuple[str, bytes]:
        return "text/html; charset=utf-8", _PAGE.format(title=escape(title)).encode()

    def healthy(_: WSGIEnvironment) -> tuple[str, bytes]:
        return _TEXT, b"hashwatt is healthy.\n"

    pages: dict[str, Callable[[WSGIEnvironment], tuple[str, bytes]]] = {
        "/": landing,
        "/metrics": metrics,
        "/-/healthy": healthy,
    }

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = pages.get(environ.get("PATH_INFO") or "/")
        method = environ["REQUEST_METHOD"]
        headers: list[tuple[str, str]] = []
        if answer is None:
            status, (content_type, body) = "404 Not Found", (_TEXT, b"Not found; see / for what there is.\n")
        elif method not in {"GET", "HEAD"}:
            status, (content_type, body) = "405 Method Not Allowed", (_TEXT, b"Only GET and HEAD are answered.\n")
            headers.append(("Allow", "GET, HEAD"))
        else:
            status, (content_type, body) = "200 OK", answer(environ)
        headers += [("Content-Type", content_type), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
        start_response(status, headers)
        return [b"" if method == "HEAD" else body]

    return app


@contextmanager
def running_server(app: WSGIApplication, host: str, port: int) -> Iterator[int]:
    """Serve `app` on `host`:`port` (0: any free port) in the background; give the port, stop at the end.

    Raises
    ------
    OSError
        If the address cannot be bound: port taken, not permitted, or no such host.
    """
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    bound = type("BoundServer", (_Server,), {"address_family": family})
    server = bound((host, port), _Handler)
    server.set_app(app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without asking any name server what this machine is called, as the standard library would."""
        TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Request, client_address: Address) -> None:
        """Wait for a free slot, then answer in a thread."""
        self._slots.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Request, client_address: Address) -> None:
        """Answer, and free the slot whatever happens."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Request, client_address: Address) -> None:
        """Note a client that went away; it is no news for the terminal."""
        _LOG.debug("request from %s failed", client_address, exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = SILENCE_S

    def log_message(self, format: str, *args: object) -> None:
        """Keep the access log out of the terminal."""
        _LOG.debug(format, *args)
