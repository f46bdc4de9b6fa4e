"""What drivers send: bytes, or a seekable window of a file, since a body is read twice: hashed, then sent."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from objreg.store import CHUNK, Body, Refused, chunks_of

SPOOL = 8 * 1024**2
"""Bodies that cannot be read twice are kept in memory up to this many bytes, and in a temporary file beyond."""


class Window:
    """`size` bytes of a seekable file, from where it stands, as a file of its own."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._start = file.tell()
        self._size = size
        self._at = 0

    def __len__(self) -> int:
        return self._size

    def tell(self) -> int:
        """Where it stands."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Stand elsewhere."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        self._file.seek(self._start + self._at)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """At most that many bytes; an end before the window's is an error, since a length was promised."""
        left = self._size - self._at
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._file.read(wanted) if wanted > 0 else b''
        if wanted > 0 and not data:
            raise Refused(f'the body ended {left} bytes before its size')
        self._at += len(data)
        return data


class Joined:
    """Pieces, a `Window` among them, as one body whose length is known; it is read from its start."""

    def __init__(self, *pieces: bytes | Window) -> None:
        self._pieces = [io.BytesIO(piece) if isinstance(piece, bytes) else piece for piece in pieces]
        self._size = sum(map(len, pieces))
        self._at = 0

    def __len__(self) -> int:
        return self._size

    def rewind(self) -> None:
        """Stand at the start."""
        self._at = 0
        for piece in self._pieces:
            piece.seek(0)

    def read(self, size: int | None = -1) -> bytes:
        """At most that many bytes; fewer do not mean the end."""
        while self._at < len(self._pieces):
            if data := self._pieces[self._at].read(size):
                return data
            self._at += 1
        return b''


@contextlib.contextmanager
def prepared(body: Body, size: int | None) -> Iterator[tuple[bytes | Window, int]]:
    """What to send, and how many bytes; `Refused` when the body is shorter than `size`."""
    if isinstance(body, bytes):
        if size is not None and len(body) < size:
            raise Refused(f'the body ended {size - len(body)} bytes before its size')
        yield body[:size], len(body) if size is None else size
    elif size is None:
        raise Refused('the size of the body is needed')
    elif is_seekable(body):
        yield _window(body, size), size  # type: ignore[arg-type]
    elif size <= SPOOL:
        yield b''.join(chunks_of(body, size)), size
    else:
        with tempfile.TemporaryFile() as file:
            file.writelines(chunks_of(body, size))
            file.seek(0)
            yield Window(file, size), size


def md5_of(data: bytes | Window) -> bytes:
    """The MD5, by which servers check a body; a window is left at its start."""
    hasher = hashlib.md5(usedforsecurity=False)
    for piece in pieces_of(data):
        hasher.update(piece)
    return hasher.digest()


def pieces_of(data: bytes | Window) -> Iterator[bytes]:
    """All of a body; a window is left at its start."""
    if isinstance(data, bytes):
        yield data
    else:
        while piece := data.read(CHUNK):
            yield piece
        data.seek(0)


def is_seekable(body: Body) -> bool:
    """Whether it is a file that can be read again."""
    seekable = getattr(body, 'seekable', None)
    return seekable is not None and bool(seekable())


def _window(file: BinaryIO, size: int) -> Window:
    start = file.tell()
    length = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    if length < size:
        raise Refused(f'the body ended {size - length} bytes before its size')
    return Window(file, size)
