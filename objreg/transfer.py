"""Moves an object from one store to another, within a bound of memory, however large it is."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Iterator

from objreg.names import Digest
from objreg.store import CHUNK, Content, Damaged, Part, Store

_SINGLE = 64 * 1024**2
"""What goes as one piece to a store that takes parts: up to that many bytes."""
_PART = 16 * 1024**2


def bring(source: Store, key: str, target: Store, name: str) -> bool:
    """Make `name` in `target` the object `key` of `source`; whether the bytes did not pass here.  Raises `NotFound`."""
    origin = source.origin(key)
    if origin is not None and target.take(origin, name):
        return True
    transfer(source.get(key), target, name)
    return False


def verified(content: Content, digest: Digest, what: str) -> Content:
    """The same content, which ends in `Damaged` instead of its last chunk unless it matches its digest.

    An empty one raises it at once.  `what` is its name for the message.
    """
    hasher = hashlib.new(digest.algorithm)

    def chunks() -> Iterator[bytes]:
        left = content.size
        for chunk in content:
            hasher.update(chunk)
            left -= len(chunk)
            if left <= 0:
                check()
            yield chunk

    def check() -> None:
        if hasher.hexdigest() != digest.hex:
            content.close()
            raise Damaged(f'{what}: is {digest.algorithm}:{hasher.hexdigest()}')

    if not content.size:
        check()
    return Content(chunks(), content.size, close=content)


def transfer(content: Content, target: Store, key: str) -> None:
    """Write what `content` gives, all of it, as the object `key`; closes it.

    In parts where the target wants large objects so; nothing is left of those when it fails.
    """
    capabilities = target.capabilities
    with content:
        if content.size <= (min(_SINGLE, capabilities.max_put) if capabilities.min_part else capabilities.max_put):
            target.put(key, content, content.size)
            return
        least = -(-content.size // capabilities.max_parts)
        step = math.lcm(CHUNK, capabilities.part_step)
        size = -(-max(_PART, capabilities.min_part, least) // step) * step
        upload, reader = target.upload(key), _Reader(content)
        try:
            parts: list[Part] = []
            for start in range(0, content.size, size):
                length = min(size, content.size - start)
                # a file, so that whoever sends it may begin anew
                with tempfile.SpooledTemporaryFile(_PART) as file:
                    file.writelines(reader.pieces(length))
                    file.seek(0)
                    parts.append(upload.part(len(parts) + 1, file, length))
            upload.finish(parts, key)
        except BaseException:
            upload.abort()
            raise


class _Reader:
    """Reads chunks of any size in pieces of a given one."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b''

    def pieces(self, length: int) -> Iterator[bytes]:
        """The next `length` bytes, or fewer at the end."""
        while length:
            piece = self._rest or next(self._chunks, b'')
            if not piece:
                return
            self._rest = piece[length:]
            yield piece[:length]
            length -= min(length, len(piece))
