"""All that has to be known of a layer, computed while it comes in, so that it is never read again."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from objreg.names import Digest
from objreg.v1.compression import Compression, Unpacker, Unreadable
from objreg.v1.tarsum import Tarsum

MOST_UNPACKED = 256 * 1024**3
"""Bytes that a layer may have when it is unpacked."""


class Scanned(NamedTuple):
    """What a layer is.

    `digest` and `size` are of the bytes as they came, `diff_id` is that of the bytes unpacked; `payload` is the
    checksum of image and layer that clients from 0.9 on send, `tarsum` that of the older ones ('' if it is no tar).
    """

    digest: Digest
    size: int
    compression: Compression
    diff_id: Digest
    payload: str
    tarsum: str


class LayerScan:
    """Takes the bytes of a layer of the image with that JSON, as they come."""

    def __init__(self, json: bytes, limit: int = MOST_UNPACKED) -> None:
        self._json = json
        self._blob = hashlib.sha256()
        self._payload = hashlib.sha256(json + b'\n')
        self._diff = hashlib.sha256()
        self._unpacker = Unpacker(limit)
        self._tarsum = Tarsum()
        self._size = 0
        self.unpacked = 0
        """Bytes that came out so far."""

    def feed(self, data: bytes) -> None:
        """More of it; raises `Unreadable`."""
        self._size += len(data)
        self._blob.update(data)
        self._payload.update(data)
        for piece in self._unpacker.feed(data):
            self._plain(piece)

    def finish(self) -> Scanned:
        """What it was; raises `Unreadable` where it ends too early."""
        if not self._size:
            raise Unreadable('it is empty')
        for piece in self._unpacker.finish():
            self._plain(piece)
        return Scanned(
            Digest('sha256', self._blob.hexdigest()), self._size, self._unpacker.compression or '',
            Digest('sha256', self._diff.hexdigest()), f'sha256:{self._payload.hexdigest()}',
            self._tarsum.of(self._json),
        )

    def _plain(self, data: bytes) -> None:
        self.unpacked += len(data)
        self._diff.update(data)
        self._tarsum.feed(data)
