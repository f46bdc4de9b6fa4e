"""A WSGI application as a server on this machine, which notes what it was asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Asked(NamedTuple):
    """A request, with its query; `authorization` is '' where none was sent."""

    method: str
    path: str
    authorization: str


@dataclass
class Serving:
    """The server."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """What it was asked for."""
        return [one.path for one in self.asked]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(app: Callable[..., Iterable[bytes]]) -> Iterator[Serving]:
    """Serve it on a port of its own; it is told where by ``environ['test.url']``."""
    told = Serving('')

    def noting(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        query = f'?{environ["QUERY_STRING"]}' if environ['QUERY_STRING'] else ''
        told.asked.append(Asked(
            environ['REQUEST_METHOD'], environ['PATH_INFO'] + query, environ.get('HTTP_AUTHORIZATION', '')
        ))
        environ['test.url'] = told.url
        return app(environ, start_response)

    with make_server('127.0.0.1', 0, noting, _Server, _Quiet) as server:
        told.url = f'http://127.0.0.1:{server.server_port}'
        thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


def answering(
    start_response: Any, status: int, body: bytes = b'', headers: Mapping[str, str] | None = None
) -> list[bytes]:
    """One answer."""
    start_response(f'{status} X', [('Content-Length', str(len(body))), *(headers or {}).items()])
    return [body]
