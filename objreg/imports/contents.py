"""The content that an import brings: each once in a run, by the server where it can, hashed where it passes here."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Literal, Protocol

from objreg import keys
from objreg.imports.once import Once
from objreg.imports.report import NotTaken, Report
from objreg.names import Digest
from objreg.store import Damaged, NotFound, Store, Unavailable
from objreg.transfer import transfer, verified

Verify = Literal['none', 'sample', 'all']
_ATTEMPTS = 4
_SAMPLE = '0'
"""How the digests of a sixteenth of all content begin."""


class Blob(Protocol):
    """Content that lies elsewhere."""

    def size(self) -> int:
        """In bytes; raises `NotTaken` where nothing is there."""

    def bring(self, target: Store, digest: Digest) -> bool:
        """Write it as that content; whether its bytes did not pass here.

        Raises `NotTaken` unless it is of that digest, and `Unavailable` when another attempt may do better.
        """


@dataclass(frozen=True)
class StoredBlob:
    """An object of another store, which is not of objreg."""

    store: Store
    key: str
    verify: Verify = 'none'

    def size(self) -> int:
        try:
            return self.store.stat(self.key).size
        except NotFound as error:
            raise NotTaken(f'{self.key} is missing') from error

    def bring(self, target: Store, digest: Digest) -> bool:
        name = keys.content(digest)
        try:
            origin = self.store.origin(self.key)
            if origin is not None:
                if self.verify == 'all' or (self.verify == 'sample' and digest.hex.startswith(_SAMPLE)):
                    self._hash(digest)
                if target.take(origin, name):
                    return True
            transfer(verified(self.store.get(self.key), digest, self.key), target, name)
        except NotFound as error:
            raise NotTaken(f'{self.key} is missing') from error
        except Damaged as error:
            raise NotTaken(str(error)) from error
        return False

    def _hash(self, digest: Digest) -> None:
        with self.store.get(self.key) as content:
            found = hashlib.new(digest.algorithm)
            for chunk in content:
                found.update(chunk)
        if found.hexdigest() != digest.hex:
            raise NotTaken(f'{self.key}: is {digest.algorithm}:{found.hexdigest()}')


@dataclass(frozen=True)
class MadeBlob:
    """Content that was made here."""

    data: bytes

    def size(self) -> int:
        return len(self.data)

    def bring(self, target: Store, digest: Digest) -> bool:
        target.put(keys.content(digest), self.data)
        return False


def read_small(store: Store, key: str, most: int) -> bytes:
    """A small object of another registry's tree; raises `NotTaken` where it is missing, or has more bytes than that."""
    try:
        content = store.get(key)
    except NotFound as error:
        raise NotTaken(f'{key} is missing') from error
    with content:
        if content.size > most:
            raise NotTaken(f'{key} has {content.size} bytes, and {most} at most are taken')
        return content.read()


class Contents:
    """The content of the target."""

    def __init__(self, target: Store, report: Report) -> None:
        self._target = target
        self._report = report
        self._brought: Once[Digest, int] = Once()

    def need(self, digest: Digest, size: int, blob: Blob) -> None:
        """Have that content, of that many bytes; raises `NotTaken`.  Many that need it at once wait for the first."""
        found = self._brought.get(digest, lambda: self._bring(digest, size, blob))
        if found != size:
            raise NotTaken(f'{digest} has {found} bytes, and {size} are said of it')

    def _bring(self, digest: Digest, size: int, blob: Blob) -> int:
        if self.has(digest, size):
            return size
        found = blob.size()
        if found != size:
            return found
        by_server = not self._report.dry_run and self._tried(digest, blob)
        self._report.count(blobs=1, bytes=size, on_server=size if by_server else 0)
        return size

    def has(self, digest: Digest, size: int) -> bool:
        """Whether it is there, and whole."""
        try:
            return self._target.stat(keys.content(digest)).size == size
        except NotFound:
            return False

    def _tried(self, digest: Digest, blob: Blob) -> bool:
        for attempt in range(1, _ATTEMPTS):
            try:
                return blob.bring(self._target, digest)
            except Unavailable:
                time.sleep(0.2 * 2**attempt)  # what streams cannot be sent again by the store that retries
        return blob.bring(self._target, digest)
