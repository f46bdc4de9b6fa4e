"""Services on loopback, each on a port of its own, by waitress in this process; and what may go wrong with them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from waitress import wasyncore
from waitress.server import create_server


class Answered(Exception):
    """Ends a request with that status and message."""

    def __init__(self, status: int, told: str = '', **headers: str) -> None:
        super().__init__(status, told)
        self.status = status
        self.told = told
        self.headers = headers


@dataclass
class Fault:
    """What becomes of one request to a service whose method and path match: an answer instead of, or `after`, the work.

    `cut` bytes are missing from the end of a body; `stall` are seconds of silence before the answer.
    """

    service: str
    asked: str
    status: int = 0
    told: str = ''
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    cut: int = 0
    stall: float = 0


@dataclass
class Request:
    """A request as it came."""

    service: str
    method: str
    target: str
    host: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Without the query."""
        return self.target.partition('?')[0]


Told = tuple[int, dict[str, str], bytes]


class Services:
    """The servers; `asked` are the requests so far, as service, method and path."""

    def __init__(self, services: Mapping[str, Callable[[Request], Any]]) -> None:
        self.asked: list[str] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self._services = services
        sockets = [socket.create_server(('127.0.0.1', 0), backlog=128) for _ in services]
        self._service_of = {str(one.getsockname()[1]): name for one, name in zip(sockets, services, strict=True)}
        self.urls = {name: f'http://127.0.0.1:{port}' for port, name in self._service_of.items()}
        self._connections: dict[Any, Any] = {}
        self._closing = threading.Event()
        self._server = create_server(
            self._serve, map=self._connections, sockets=sockets, threads=24,
            inbuf_overflow=2**30,  # in memory, since of a connection that is reset waitress leaves the file open
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._thread.join()

    def begin(self) -> None:
        """Forget what was, for the next test."""
        self.asked.clear()
        self.faults.clear()

    def _run(self) -> None:
        while not self._closing.is_set():
            wasyncore.loop(0.1, use_poll=True, map=self._connections, count=1)
        self._server.close()

    def _serve(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        request = Request(
            self._service_of[environ['SERVER_PORT']], environ['REQUEST_METHOD'], environ['REQUEST_URI'],
            environ['HTTP_HOST'],
            {name[5:].replace('_', '-').lower(): value for name, value in environ.items() if name.startswith('HTTP_')}
            | {'content-type': environ.get('CONTENT_TYPE', '')},
            environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0)),
        )
        asked = f'{request.service} {request.method} {request.path}'
        with self.lock:
            self.asked.append(asked)
            fault = next((one for one in self.faults if asked.startswith(f'{one.service} {one.asked}')), None)
            if fault is not None:
                self.faults.remove(fault)
        status, headers, body = self._faulty(request, fault) if fault else self._answered(request)
        headers = {'Content-Length': str(len(body)), 'X-Reqid': 'told', **headers}
        start(f'{status} Told', [*headers.items()])
        return [] if request.method == 'HEAD' else [body[:len(body) - fault.cut] if fault else body]

    def _faulty(self, request: Request, fault: Fault) -> Told:
        done = self._answered(request) if fault.after or not fault.status else None
        time.sleep(fault.stall)
        if done is not None and not fault.status:
            return done
        return fault.status, fault.headers, json.dumps({'error': fault.told}).encode()

    def _answered(self, request: Request) -> Told:
        try:
            told = self._services[request.service](request)
        except Answered as answer:
            return answer.status, answer.headers, json.dumps({'error': answer.told}).encode()
        return told if isinstance(told, tuple) else (200, {}, json.dumps(told).encode())
