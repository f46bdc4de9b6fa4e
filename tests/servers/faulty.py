"""An HTTP proxy before the servers of an object store, that fails as networks and busy servers do."""

from __future__ import annotations

import contextlib
import enum
import http.client
import re
import select
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Fault(enum.Enum):
    """What happens to a request."""

    UNAVAILABLE = 'it is not done, and the answer is 503, with Retry-After'
    THROTTLED = 'it is not done, and the answer is 429, with Retry-After'
    FULL = 'it is not done, and the answer is 507'
    UNAUTHORIZED = 'it is not done, and the answer is 401'
    RESET = 'half of its body reaches the server, then both connections are reset'
    LOST = 'it is done, and the connection ends without an answer'
    LATE = 'it is done, and nothing is answered until the client gives up'
    OVERDUE = 'it is done, and the answer is 408'
    CUT = 'it is done, and the answer ends in the middle of the body whose length it said, or else of its first line'
    BEHEADED = "it is done, and the answer ends amid its headers, which Python's library takes for all of them"


_STATUS = {
    Fault.UNAVAILABLE: 503, Fault.THROTTLED: 429, Fault.FULL: 507, Fault.UNAUTHORIZED: 401, Fault.OVERDUE: 408,
}
_PATIENCE = 20
"""Seconds after which a client that never gives up has waited for a `LATE` answer long enough."""


Rule = Callable[[int, str], bool]
"""Whether the fault happens to a request: its number (from 1), and what it is, as `kind_of` takes it."""

_NAMED = re.compile(rb'"name": ?"([^"]*)"|\nDELETE (\S+) HTTP|name="key"\r\n\r\n([^\r]*)')
"""What a body of JSON, or one of several pieces, names where a path does not: an image, or an object."""
_VARIES = re.compile(
    r'-[0-9a-f]{16}\b|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|blockid=[^& ]*'
    r'|\?e=[0-9]+&token=\S+'
)
"""What tells the names of one upload, part, block, image or signed URL from those of the next attempt at it."""


def kind_of(request: str) -> str:
    """What all attempts to make a request have in common.

    A request is told by its method, its path, what its body names, and its length.  What an attempt chose by chance is
    left out, so that the length alone tells one content from another there.
    """
    return _VARIES.sub('', request)


class FaultyProxy:
    """Stands before the servers of some `urls`, for each on a free port of 127.0.0.1; started and stopped by ``with``.

    Requests are counted together, whichever server they are for.  Bodies are held in memory, and one request of a
    connection is under way at a time.  One without a length is an error unless it `streams`.  Where headers of an
    answer tell where the server is, they name the proxy.
    """

    def __init__(self, *urls: str, streams: bool = False) -> None:
        self._servers = {target: self._before(target) for target in {urlsplit(url).netloc for url in urls}}
        self._lock = threading.Lock()
        self.streams = streams
        self.work()

    def _before(self, target: str) -> ThreadingHTTPServer:
        handler = type('Handler', (_Handler,), {'proxy': self, 'target': target})
        server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
        server.daemon_threads = True
        return server

    def instead_of(self, url: str) -> str:
        """The URL by which the same is reached through the proxy."""
        parts = urlsplit(url)
        return parts._replace(netloc=f'127.0.0.1:{self._servers[parts.netloc].server_port}').geturl()

    def fail(self, fault: Fault, rule: Rule) -> None:
        """Let it happen to requests from now on, and forget those before."""
        with self._lock:
            self._fault, self._rule = fault, rule
            self.requests: list[str] = []
            self.failed: list[str] = []

    def work(self) -> None:
        """From now on nothing fails."""
        self.fail(Fault.LOST, lambda number, request: False)

    def next(self, request: str) -> Fault | None:
        """Count a request; what is to happen to it."""
        with self._lock:
            self.requests.append(request)
            if not self._rule(len(self.requests), request):
                return None
            self.failed.append(request)
            return self._fault

    def __enter__(self) -> Self:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, and the one to the server that belongs to it."""

    proxy: FaultyProxy
    target: str
    protocol_version = 'HTTP/1.1'

    def setup(self) -> None:
        super().setup()
        self._there = http.client.HTTPConnection(self.target, timeout=60)

    def finish(self) -> None:
        self._there.close()
        with contextlib.suppress(ConnectionError):
            super().finish()

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client gave up
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said."""

    def _any(self) -> None:
        body = self._read()
        fault = self.proxy.next(self._told(body))
        if fault in _STATUS:
            if fault is Fault.OVERDUE:
                self._asked(body)
            self._refuse(_STATUS[fault])
        elif fault is Fault.RESET:
            self._reset(body)
        else:
            self._answer(*self._asked(body), fault)

    def _read(self) -> bytes:
        """The body as it came, the lengths of its chunks included where it comes in chunks."""
        if 'Transfer-Encoding' not in self.headers:
            return self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if not self.proxy.streams:
            raise ValueError('an object store is told lengths')
        pieces, size = [], -1
        while size:
            line = self.rfile.readline()
            size = int(line, 16)
            pieces += [line, self.rfile.read(size + len(b'\r\n'))]
        return b''.join(pieces)

    def _told(self, body: bytes) -> str:
        """The request, for a `Rule`."""
        told = [self.command, self.path]
        if self.headers.get('Content-Type', '').startswith(('application/json', 'multipart/')):
            told += sorted(b''.join(found).decode() for found in _NAMED.findall(body[:65536]))
        return ' '.join(told + [str(len(body))] * bool(body))

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_COPY = _any

    def _asked(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        try:
            self._send(body)
            answer = self._there.getresponse()
        except (ConnectionError, http.client.BadStatusLine):  # it closed what was idle
            self._there.close()
            self._send(body)
            answer = self._there.getresponse()
        return answer, answer.read()

    def _send(self, body: bytes) -> None:
        """Send the request as it came, with this much of its body."""
        self._there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ('expect', 'connection'):
                self._there.putheader(name, value)
        self._there.endheaders(body)

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header('Content-Length', '0')
        if status in (429, 503):
            self.send_header('Retry-After', '1')
        self.end_headers()

    def _reset(self, body: bytes) -> None:
        if body:
            self._send(body[:len(body) // 2])
        self._there.close()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.rfile.close()
        self.connection.close()

    def _answer(self, answer: http.client.HTTPResponse, body: bytes, fault: Fault | None) -> None:
        if fault is Fault.LATE:
            select.select([self.connection], [], [], _PATIENCE)
        if fault in (Fault.LATE, Fault.LOST):
            self._hang_up()
            return
        head = [f'HTTP/1.1 {answer.status} {answer.reason}'] + [
            f'{name}: {value.replace(self.target, self.headers["Host"])}' for name, value in answer.getheaders()
            if name.lower() not in ('transfer-encoding', 'content-length', 'connection')
        ]
        length = answer.headers.get('Content-Length') if self.command == 'HEAD' else str(len(body))
        if length is not None and answer.status not in (204, 304):
            head.append(f'Content-Length: {length}')
        whole = '\r\n'.join([*head, '', '']).encode('latin-1')
        if fault is Fault.CUT:
            self.wfile.write(whole + body[:len(body) // 2] if body else whole[:10])
        elif fault is Fault.BEHEADED:
            self.wfile.write(whole[:len(whole) // 2])
        else:
            self.wfile.write(whole + body)
            return
        self._hang_up()
