"""Parts of an upload: bytes of unknown length become parts of a store's size, within a bound of memory.

Where a store takes parts of any size (`Capabilities.min_part` 0), each stretch of bytes is one part and goes straight
through.  Elsewhere all parts but the last are equally large; one part at a time is gathered in memory, or, once the
process holds `MEMORY` bytes that way, in a temporary file.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from threading import Lock
from typing import BinaryIO

from objreg.body import Hash
from objreg.store import CHUNK, Part, Upload

MEMORY = 48 * 1024**2
"""How many bytes of parts a process gathers in memory; what is beyond goes through temporary files."""

Read = Callable[[int], bytes]
"""At most so many bytes; b'' at the end."""


class Buffers:
    """Gathers pieces of a stream in files, the memory of all of them together bounded."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._free = memory
        self._lock = Lock()

    def gather(self, read: Read, size: int, before: bytes = b'') -> Gathered:
        """`before` and what `read` gives, up to `size` bytes in all."""
        with self._lock:
            fits = self._free >= size
            self._free -= size if fits else 0
        file = io.BytesIO() if fits else tempfile.TemporaryFile()  # noqa: SIM115 - closed by Gathered
        gathered = Gathered(file, self._give_back, size if fits else 0)
        try:
            gathered.fill(read, size, before)
        except BaseException:
            gathered.close()
            raise
        return gathered

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._free += size


class Gathered:
    """Bytes in a file, at its start, to be used in a ``with``."""

    def __init__(self, file: BinaryIO, give_back: Callable[[int], None], reserved: int) -> None:
        self.file = file
        self.size = 0
        self._give_back = give_back
        self._reserved = reserved

    def fill(self, read: Read, size: int, before: bytes) -> None:
        """Read until there are `size` bytes, or no more."""
        self.file.write(before)
        self.size = len(before)
        while self.size < size and (piece := read(min(CHUNK, size - self.size))):
            self.file.write(piece)
            self.size += len(piece)
        self.file.seek(0)

    def feed(self, hasher: Hash) -> None:
        """Hash all of it, and stand at the start again."""
        self.file.seek(0)
        while piece := self.file.read(CHUNK):
            hasher.update(piece)
        self.file.seek(0)

    def __enter__(self) -> Gathered:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the memory or the file."""
        self.file.close()
        reserved, self._reserved = self._reserved, 0
        self._give_back(reserved)


def write_parts(
    upload: Upload, buffers: Buffers, read: Read, part_size: int, *, parts: list[Part], hasher: Hash | None,
    before: bytes = b'',
) -> Gathered:
    """Write `before` and what `read` gives as further parts, appended to `parts`; `hasher` sees what becomes a part.

    What fills no part is returned, and not hashed.  With `part_size` 0 everything becomes one part, of any size.
    """
    if part_size == 0:
        first = before or read(CHUNK)
        if first:
            body = chain((first,), iter(lambda: read(CHUNK), b''))
            parts.append(upload.part(len(parts) + 1, body if hasher is None else _hashed(body, hasher)))
        return buffers.gather(lambda size: b'', 0)
    while True:
        gathered = buffers.gather(read, part_size, before)
        if gathered.size < part_size:
            return gathered
        with gathered:
            if hasher is not None:
                gathered.feed(hasher)
            parts.append(upload.part(len(parts) + 1, gathered.file, gathered.size))
        before = b''


def _hashed(body: Iterable[bytes], hasher: Hash) -> Iterator[bytes]:
    for piece in body:
        hasher.update(piece)
        yield piece
