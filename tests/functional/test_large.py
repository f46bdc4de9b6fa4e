"""A layer of 6 GiB goes in and out: more than S3 or Swift takes in one piece."""

from __future__ import annotations

import random
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from objreg import keys
from objreg.drivers.swift import SwiftStore
from objreg.names import Digest
from tests.servers.buckets import Bucket
from tests.servers.containers import Container
from tests.servers.fixtures import absent
from tests.servers.registries import Objreg

GIB = 1024**3
SIZE = 6 * GIB + 1
ROOM = 14 * GIB
BLOCK = random.Random(0).randbytes(1024**2)
DIGEST = 'sha256:0119fe6e4f279badfe0f6e465c575b459310ab58c4db049dad19c0c4620f8069'
"""Of the layer, which is always the same: the server finds it out for itself, and refuses another one."""


def pieces() -> Iterator[bytes]:
    """The layer: no two blocks of it are the same."""
    for number in range(SIZE // len(BLOCK)):
        yield number.to_bytes(8, 'big') + BLOCK[8:]
    yield b'.'


def test_a_layer_of_6_gib_goes_in_and_out_on_ceph(ceph_bucket: Bucket, tmp_path: Path) -> None:
    in_and_out({'driver': 's3', **ceph_bucket.options}, tmp_path)


def test_a_layer_of_6_gib_goes_in_and_out_on_swift_and_leaves_no_segment(
    swift_container: Container, tmp_path: Path
) -> None:
    in_and_out({'driver': 'swift', **swift_container.plain_options}, tmp_path)
    segments = f'{swift_container.name}_segments'
    assert 300 < len(swift_container.staying_segments()) <= 1000
    store = SwiftStore(**swift_container.plain_options)
    store.delete([keys.content(Digest.parse(DIGEST))])
    store.close()
    assert swift_container.names(segments) == []


def in_and_out(store: dict[str, Any], tmp_path: Path) -> None:
    """Push and pull the layer."""
    if shutil.disk_usage(tmp_path).free < ROOM:
        absent(f'no room for {ROOM // GIB} GiB')
    with Objreg(tmp_path / 'objreg', store, options={'app:registry': {'redirect': 'never'}}) as server:
        place = server.must('POST', '/v2/large/blobs/uploads/', body=b'')['Location']
        with socket.create_connection(('127.0.0.1', server.port)) as connection:
            connection.sendall(f'PATCH {place} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {SIZE}\r\n\r\n'.encode())
            for piece in pieces():
                connection.sendall(piece)
            answer = connection.recv(65536).decode()
        assert answer.startswith('HTTP/1.1 202'), answer
        place = next(line.partition(': ')[2] for line in answer.split('\r\n') if line.startswith('Location: '))
        server.must('PUT', f'{place}&digest={DIGEST}', body=b'')
        assert server.must('HEAD', f'/v2/large/blobs/{DIGEST}')['Content-Length'] == str(SIZE)
        with socket.create_connection(('127.0.0.1', server.port)) as connection, connection.makefile('rb') as body:
            connection.sendall(
                f'GET /v2/large/blobs/{DIGEST} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'.encode()
            )
            while body.readline() not in (b'\r\n', b''):
                pass
            for number, piece in enumerate(pieces()):
                assert body.read(len(piece)) == piece, f'block {number} is another one'
            assert body.read(1) == b''
        peak = int(next(line for line in Path(f'/proc/{server.pid}/status').read_text().splitlines()
                        if line.startswith('VmHWM')).split()[1])
        assert peak * 1024 < 150_000_000
