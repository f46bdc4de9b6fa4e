"""Request bodies as an upload needs them: read once, counted, hashed on the way, never held in memory.

A server that hands over a whole, seekable body (waitress, which spools it) lets objreg know the digest before it
writes anything; one that streams (gunicorn, granian) spares the spool.  Both come here as a `RequestBody`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol, cast
from wsgiref.types import WSGIEnvironment

from objreg.errors import SizeInvalid
from objreg.store import CHUNK


class Hash(Protocol):
    """The part of hashlib's objects that is used."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """The digest of all bytes so far."""

    def copy(self) -> Any:
        """Another one that goes on from here."""


class RequestBody:
    """The body of one request.

    `length` is what the client announced, in bytes (None: chunked); `received` is what `read` gave so far.
    When the connection breaks, `read` ends early and `is_cut` says so: what arrived is kept, not thrown away.
    """

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._input = cast(BinaryIO, environ['wsgi.input'])
        self.length = _length(environ)
        self.received = 0
        self.is_cut = False
        seekable = getattr(self._input, 'seekable', None)
        self.is_whole = bool(environ.get('wsgi.input_terminated') and seekable is not None and seekable())
        self._start = self._input.tell() if self.is_whole else 0

    def read(self, size: int = CHUNK) -> bytes:
        """At most `size` bytes; b'' at the end."""
        if self.length is not None:
            size = min(size, self.length - self.received)
        if size <= 0:
            return b''
        try:
            data = self._input.read(size)
        except OSError:
            data = b''
            self.is_cut = True
        if not data and self.length is not None:
            self.is_cut = True
        self.received += len(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b'')

    def whole(self) -> BinaryIO:
        """The whole, seekable body as a file, at its start."""
        self._input.seek(self._start)
        return self._input

    def measure(self, algorithm: str) -> tuple[str, int]:
        """Hexadecimal digest and size of a whole body, which can be read again afterwards."""
        hashed = getattr(self._input, 'hashed', None)
        if hashed is not None and hashed.name == algorithm:  # by the server, as it came
            size = self._input.seek(0, 2) - self._start
            self._input.seek(self._start)
            return hashed.hexdigest(), size
        file, hasher, size = self.whole(), hashlib.new(algorithm), 0
        buffer = memoryview(bytearray(CHUNK))
        readinto = getattr(file, 'readinto')  # noqa: B009 - BinaryIO does not declare it, every seekable file has it
        while count := readinto(buffer):
            hasher.update(buffer[:count])
            size += count
        file.seek(self._start)
        return hasher.hexdigest(), size

    def digest(self, algorithm: str) -> str:
        """Hexadecimal digest of what is left, read to its end, of which nothing is kept."""
        hasher = hashlib.new(algorithm)
        for piece in self:
            hasher.update(piece)
        return hasher.hexdigest()

    def small(self, limit: int) -> bytes:
        """All of a body that is at most `limit` bytes long; raises `TooLong` without reading on."""
        if self.length is not None and self.length > limit:
            raise TooLong
        pieces = []
        while self.received <= limit and (piece := self.read(min(CHUNK, limit + 1 - self.received))):
            pieces.append(piece)
        if self.received > limit:
            raise TooLong
        if self.is_cut:
            raise SizeInvalid('the body ended before its Content-Length')
        return b''.join(pieces)


class TooLong(Exception):
    """The body is longer than what was asked for."""


def _length(environ: WSGIEnvironment) -> int | None:
    """The announced length; 0 when there is no body; None when only its end will tell."""
    text = environ.get('CONTENT_LENGTH') or ''
    if text:
        if not (text.isascii() and text.isdigit()):
            raise SizeInvalid('Content-Length is not a number')
        return int(text[:20])
    chunked = environ.get('HTTP_TRANSFER_ENCODING', '').lower() == 'chunked'
    return None if chunked or environ.get('wsgi.input_terminated') else 0
