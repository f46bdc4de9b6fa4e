"""How the bytes of a layer are compressed, as their beginning tells, and what they are without it; piece by piece.

What comes out of a piece is bounded, whatever was sent: a few bytes may stand for gigabytes.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import zstandard

Compression = Literal['', 'gzip', 'bzip2', 'xz', 'zstd']

_MAGIC: tuple[tuple[bytes, Compression], ...] = (
    (b'\x1f\x8b', 'gzip'), (b'BZh', 'bzip2'), (b'\xfd7zXZ\0', 'xz'), (b'\x28\xb5\x2f\xfd', 'zstd'),
)
_HEAD = max(len(magic) for magic, _ in _MAGIC)
_PIECE = 256 * 1024
_MEMORY = 128 * 1024**2
"""The most that the tables of a decompressor may take; ``xz -9`` and ``zstd --ultra`` need no more."""
_ZSTD_STEP = 512
"""Bytes that zstd is given at once: four may stand for 128 KiB, and what it returns cannot be bounded."""


class Unreadable(Exception):
    """Not what its beginning says, cut, followed by something else, or larger than allowed; the text says which."""


class _Decoder(ABC):
    """Reads one stream, up to its end, by a decompressor of Python's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def eof(self) -> bool:
        """Whether its end was reached."""
        return bool(self._stream.eof)

    @property
    def unused_data(self) -> bytes:
        """What came behind its end."""
        return bytes(self._stream.unused_data)

    @abstractmethod
    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What these bytes stand for."""


def compression_of(head: bytes) -> Compression:
    """What begins so; '' for what is none of those that are known."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), '')


class Unpacker:
    """Takes the bytes of a layer as they come.  `limit` is how many may come out."""

    def __init__(self, limit: int) -> None:
        self.compression: Compression | None = None
        """Known once there were a few bytes."""
        self._limit = limit
        self._left = limit
        self._head = b''
        self._decoder: _Decoder | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What they are without compression; raises `Unreadable`."""
        if self.compression is None:
            data = self._head + data
            if len(data) < _HEAD:
                self._head = data
                return
            self._begin(data)
        yield from self._counted(self._plain(data))

    def finish(self) -> Iterator[bytes]:
        """There is no more: what is left; raises `Unreadable` where there should be more."""
        if self.compression is None:
            self._begin(self._head)
            yield from self._counted(self._plain(self._head))
        if self._decoder is not None and not self._decoder.eof:
            raise Unreadable(f'the {self.compression} stream is cut')

    def _begin(self, head: bytes) -> None:
        self.compression = compression_of(head)
        self._decoder = _decoder(self.compression)

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._left -= len(piece)
            if self._left < 0:
                raise Unreadable(f'more than {self._limit} bytes when unpacked')
            yield piece

    def _plain(self, data: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            yield data
            return
        try:
            while data:
                if self._decoder.eof:
                    data = self._next(data)
                    continue
                yield from self._decoder.pieces(data)
                data = self._decoder.unused_data if self._decoder.eof else b''
        except (zlib.error, OSError, ValueError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
            raise Unreadable(f'not {self.compression}: {error}') from error

    def _next(self, data: bytes) -> bytes:
        """What follows a stream: another one, or zeros."""
        data = data.lstrip(b'\0')
        if data:
            self._decoder = _decoder(self.compression or '')
        return data


class _Gzip(_Decoder):
    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._stream.decompress(data, _PIECE)
            if piece:
                yield piece
            data = self._stream.unconsumed_tail
            if self.eof or (not data and len(piece) < _PIECE):
                return


class _Bounded(_Decoder):
    """Of bzip2 and of xz, whose decompressors are alike."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._stream.decompress(data, _PIECE)
            if piece:
                yield piece
            data = b''
            if self.eof or (self._stream.needs_input and not piece):
                return


class _Zstd(_Decoder):
    _behind = b''

    @property
    def unused_data(self) -> bytes:
        """What came behind its end, of which the decompressor was given the first bytes only."""
        return super().unused_data + self._behind

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_STEP):
            piece = self._stream.decompress(data[start:start + _ZSTD_STEP])
            if piece:
                yield piece
            if self.eof:
                self._behind = data[start + _ZSTD_STEP:]
                return


def _decoder(compression: Compression) -> _Decoder | None:
    if compression == 'gzip':
        return _Gzip(zlib.decompressobj(wbits=31))
    if compression == 'bzip2':
        return _Bounded(bz2.BZ2Decompressor())
    if compression == 'xz':
        return _Bounded(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY))
    if compression == 'zstd':
        return _Zstd(zstandard.ZstdDecompressor(max_window_size=_MEMORY).decompressobj())
    return None


def unpacked(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """All of a layer without its compression; raises `Unreadable`."""
    unpacker = Unpacker(limit)
    for piece in pieces:
        yield from unpacker.feed(piece)
    yield from unpacker.finish()


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes as gzip, always in the same form."""
    stream = zlib.compressobj(wbits=31)
    for piece in pieces:
        packed = stream.compress(piece)
        if packed:
            yield packed
    yield stream.flush()
