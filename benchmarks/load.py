"""What clients do, done with as little work of the client's as possible: it shares the machine with the server."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.servers.registries import Server

_RATE = re.compile(r'Requests per second:\s+([0-9.]+)')
_STEP = 1 << 20


def rate(server: Server, path: str, *, clients: int, seconds: float, keep_alive: bool, accept: str = '*/*') -> float:
    """How many GETs of that path a second, by ``ab``."""
    done = subprocess.run(
        [
            'ab', '-q', *(['-k'] if keep_alive else []), '-t', str(seconds), '-n', '1000000', '-c', str(clients), '-H',
            f'Accept: {accept}', f'http://127.0.0.1:{server.port}{path}',
        ],
        capture_output=True, text=True, check=True,
    ).stdout
    found = _RATE.search(done)
    if found is None or 'Non-2xx' in done or not re.search(r'Failed requests:\s+0\b', done):
        raise RuntimeError(f'{server.name}: GET {path}: {done[-1000:]}')
    return float(found[1])


def at_once(count: int, work: Callable[[int], None]) -> float:
    """Seconds that it takes until `work` of 0, 1, … is done, all at the same time."""
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return time.perf_counter() - began


class Layer:
    """A file of random bytes, to be pushed."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        hasher = hashlib.sha256()
        with path.open('wb') as file:
            for start in range(0, size, _STEP):
                piece = os.urandom(min(_STEP, size - start))
                hasher.update(piece)
                file.write(piece)
        self.digest = f'sha256:{hasher.hexdigest()}'


def push(server: Server, name: str, layer: Layer, *, chunked: bool) -> None:
    """POST, one PATCH (with its length, as skopeo does, or chunked, as docker does), PUT."""
    place = _place(server.must('POST', f'/v2/{name}/blobs/uploads/', body=b'')['Location'])
    with socket.create_connection(('127.0.0.1', server.port)) as connection:
        framing = 'Transfer-Encoding: chunked' if chunked else f'Content-Length: {layer.size}'
        connection.sendall(
            f'PATCH {place} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n'
            f'{framing}\r\nConnection: close\r\n\r\n'.encode()
        )
        with layer.path.open('rb') as file:
            if chunked:
                _send_chunks(connection, file.fileno(), layer.size)
            else:
                connection.sendfile(file)
        answer = _answer(connection)
    head, _, _ = answer.partition(b'\r\n\r\n')
    if b' 202 ' not in head[:20]:
        raise RuntimeError(f'{server.name}: PATCH: {answer[:300]!r}')
    found = re.search(rb'(?i)\r\nlocation: *([^\r]+)', head)
    place = _place(found[1].decode() if found else '')
    server.must('PUT', f'{place}{"&" if "?" in place else "?"}digest={layer.digest}', body=b'')


def _place(location: str) -> str:
    return re.sub(r'^https?://[^/]+', '', location)


def _send_chunks(connection: socket.socket, fd: int, size: int, step: int = 32 * 1024) -> None:
    """As docker frames them: 32 KiB each."""
    for start in range(0, size, step):
        piece = os.pread(fd, step, start)
        connection.sendall(b'%x\r\n%b\r\n' % (len(piece), piece))
    connection.sendall(b'0\r\n\r\n')


def _answer(connection: socket.socket) -> bytes:
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(_STEP):
            pieces.append(piece)
    return b''.join(pieces)


def pull(server: Server, name: str, digest: str, size: int) -> None:
    """GET of a blob, thrown away."""
    buffer, received = bytearray(_STEP), 0
    with socket.create_connection(('127.0.0.1', server.port)) as connection:
        connection.sendall(
            f'GET /v2/{name}/blobs/{digest} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'.encode()
        )
        head = b''
        while b'\r\n\r\n' not in head:
            head += connection.recv(65536)
        received = len(head) - head.index(b'\r\n\r\n') - 4
        while count := connection.recv_into(buffer):
            received += count
    if b' 200 ' not in head[:20] or received != size:
        raise RuntimeError(f'{server.name}: GET {digest}: {received} of {size} bytes, {head[:100]!r}')


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]
