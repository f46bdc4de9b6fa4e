"""Bodies on their way through ``encrypt``: sealed as they are sent, opened as they come, a chunk at a time."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from objreg.store import Body, Content, Refused, Unavailable, chunks_of
from objreg.wrap.encrypt_format import CHUNK_SIZE, SEALED, Opener, Sealer, chunks_in, sealed_size

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def sealed_body(sealer: Sealer, body: Body, size: int, *, is_end: bool) -> Body:
    """`size` bytes of a body, sealed; a file becomes a file again, so that whoever sends it may begin anew.

    `is_end`: the object ends with them.
    """
    if isinstance(body, bytes):
        body = io.BytesIO(body)
    if hasattr(body, 'seekable') and body.seekable():
        return SealedFile(sealer, cast(BinaryIO, body), size, is_end=is_end)
    return _sealed(sealer, body, size, is_end=is_end)


def _sealed(sealer: Sealer, body: Body, size: int, *, is_end: bool) -> Iterator[bytes]:
    last = chunks_in(size) - 1
    number = -1
    for number, data in enumerate(pieces(chunks_of(body, size), CHUNK_SIZE)):
        yield sealer.seal(number, data, is_last=is_end and number == last)
    if number < 0:
        yield sealer.seal(0, b'', is_last=is_end)


class SealedFile(io.RawIOBase):
    """What `size` bytes of a seekable file are when they are sealed, as a file that seals what is read of it."""

    def __init__(self, sealer: Sealer, file: BinaryIO, size: int, *, is_end: bool) -> None:
        self._sealer = sealer
        self._file = file
        self._start = file.tell()
        self._size = size
        self._is_end = is_end
        self._at = 0
        self._number, self._chunk = -1, b''
        length = file.seek(0, os.SEEK_END) - self._start
        file.seek(self._start)
        if length < size:
            raise Refused(f'the body ended {size - length} bytes before its size')

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: sealed_size(self._size)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        number, skip = divmod(self._at, SEALED)
        if number >= chunks_in(self._size):
            return 0
        if number != self._number:
            self._number, self._chunk = number, self._seal(number)
        target = memoryview(buffer).cast('B')
        count = max(0, min(len(target), len(self._chunk) - skip))
        target[:count] = memoryview(self._chunk)[skip:skip + count]
        self._at += count
        return count

    def _seal(self, number: int) -> bytes:
        """Seal a chunk, or seal it again to the very same: the file of a body does not change while it is sent."""
        self._file.seek(self._start + number * CHUNK_SIZE)
        size = min(CHUNK_SIZE, self._size - number * CHUNK_SIZE)
        data = b''.join(chunks_of(self._file, size))
        return self._sealer.seal(number, data, is_last=self._is_end and number == chunks_in(self._size) - 1)


def pieces(chunks: Iterable[bytes], size: int) -> Iterator[memoryview]:
    """The same bytes in pieces of `size`, the last one maybe smaller."""
    waiting: list[bytes] = []
    held = 0
    for chunk in chunks:
        waiting.append(chunk)
        held += len(chunk)
        if held >= size:
            joined = memoryview(b''.join(waiting))
            whole = held - held % size
            yield from (joined[at:at + size] for at in range(0, whole, size))
            waiting, held = [bytes(joined[whole:])], held - whole
    if held:
        yield memoryview(b''.join(waiting))


class Opening:
    """What sealed content holds, from its chunk `number` on.

    `goes_on`: the content ends with one byte of the chunk behind those that are wanted, which tells that there is one.
    """

    def __init__(self, opener: Opener, content: Content, number: int, *, goes_on: bool) -> None:
        self._opener = opener
        self._content = content
        self._number = number
        self._goes_on = goes_on
        self._left = content.size - goes_on
        self._is_empty = not content.size

    def __iter__(self) -> Iterator[bytes]:
        if self._is_empty:
            self._opener.open(self._number, memoryview(b''), is_last=True)  # raises: even of nothing there is a chunk
        # chunk by chunk: the next one is not waited for before this one is handed on
        for piece in pieces(self._content, SEALED):
            if self._left <= 0:
                return
            if len(piece) < min(SEALED, self._left):
                break
            self._left -= len(piece)
            data = self._opener.open(self._number, piece, is_last=self._left == 0 and not self._goes_on)
            self._number += 1
            yield data
        if self._left > 0:
            raise Unavailable(f'encrypt: the content was cut before chunk {self._number}')


def window(chunks: Iterable[bytes], skip: int, size: int) -> Iterator[bytes]:
    """`size` bytes of them, those before left out; all chunks are taken, for the last one may tell of damage."""
    for chunk in chunks:
        data = chunk[skip:skip + size] if skip or len(chunk) > size else chunk
        skip = max(0, skip - len(chunk))
        size -= len(data)
        if data:
            yield data
