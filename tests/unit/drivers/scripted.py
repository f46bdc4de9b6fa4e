"""An HTTP server on loopback that answers what it was told to, request by request, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import parse_headers
from io import BufferedReader, BytesIO


@dataclass
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What to answer: `cut` drops that many bytes off the end of the body, `silent` answers nothing at all."""

    status: int = 200
    body: bytes = b''
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    silent: bool = False


class Scripted:
    """The server; `asked` are the requests so far."""

    def __init__(self, keep_alive: bool = False) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self._keep_alive = keep_alive
        self._answers: list[Answer] = []
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self._listener.getsockname()[1]}'
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def will(self, *answers: Answer) -> None:
        """What to answer next, in this order."""
        self._answers += answers

    def begin(self) -> None:
        """Forget what was, for the next test."""
        self.asked.clear()
        self._answers.clear()

    def all_asked(self) -> None:
        """All that was to be answered must have been asked for."""
        assert not self._answers, f'never asked for: {self._answers}'

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname()):
            pass
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        serving = []
        while not self._closing.is_set():
            connection, _ = self._listener.accept()
            serving.append(threading.Thread(target=self._connected, args=(connection,)))
            serving[-1].start()
        for thread in serving:
            thread.join()

    def _connected(self, connection: socket.socket) -> None:
        with connection, connection.makefile('rb') as source:
            self.connections += 1
            while line := source.readline().decode():
                self._answer(connection, line, source)
                if not self._keep_alive:
                    return

    def _answer(self, connection: socket.socket, line: str, source: BufferedReader) -> None:
        headers = {name.lower(): value for name, value in parse_headers(source).items()}
        if headers.get('expect'):
            connection.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
        body = source.read(int(headers.get('content-length', 0)))
        method, target, _ = line.split()
        self.asked.append(Asked(method, target, headers, body))
        answer = self._answers.pop(0)
        if answer.silent:
            return
        head = BytesIO()
        head.write(f'HTTP/1.1 {answer.status} Told\r\n'.encode())
        if not self._keep_alive:
            head.write(b'Connection: close\r\n')
        for name, value in {'Content-Length': str(len(answer.body)), **answer.headers}.items():
            head.write(f'{name}: {value}\r\n'.encode())
        sent = b'' if method == 'HEAD' else answer.body[:len(answer.body) - answer.cut]
        connection.sendall(head.getvalue() + b'\r\n' + sent)


@contextlib.contextmanager
def scripted(keep_alive: bool = False) -> Iterator[Scripted]:
    """A server, closed at the end."""
    server = Scripted(keep_alive)
    try:
        yield server
    finally:
        server.close()


def error(code: str, status: int, **headers: str) -> Answer:
    """An error as S3 answers it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>told</Message></Error>'.encode()
    return Answer(status, body, {name.replace('_', '-'): value for name, value in headers.items()})
