"""Lists of files of layers, and of what images change: made once, and kept in the bucket as caches that may be deleted.

To make one a layer is read and unpacked, which may take long; so a process makes one at a time, and of a layer that
cannot be read it keeps that, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import RLock

from objreg import keys
from objreg.names import Digest
from objreg.store import CHUNK, Content, NotFound, Refused, Store
from objreg.v1.compression import Unreadable, unpacked
from objreg.v1.diff import diff
from objreg.v1.errors import V1Error
from objreg.v1.files import File, dump, files_of, load
from objreg.v1.image import EMPTY_DIGEST, Image
from objreg.v1.tar_reader import NotTar

_MOST_UNPACKED = 32 * 1024**3
_MOST_LISTED = 1024**3
"""Bytes of a list."""
_PATIENCE = 60.0
"""Seconds that a request waits until another one has its list."""
_UNREADABLE = b'null'


class FileLists:
    """Those of one registry, as one process makes them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = RLock()
        """Of the thread that makes one; what an image changes is made of lists, which it makes as well."""

    def files(self, image: Image) -> Content:
        """The files of an image's layer, as JSON; raises 400 where it is no tar, and 503 where too much is going on."""
        return self._files(image.layer.digest)

    def diff(self, image: Image, ancestors: Sequence[Image]) -> Content:
        """What an image changes of its ancestors, the parent first, as JSON; raises as `files` does."""
        own, *others = (self._loaded(one.layer.digest) for one in (image, *ancestors))
        return self._kept(keys.file_diff(image.lineage), lambda: diff(own, others))

    def _loaded(self, layer: str) -> Iterator[File]:
        """The files of a layer, which is looked at when the first is asked for."""
        with self._files(layer) as content:
            yield from load(_lines(content))

    def _files(self, layer: str) -> Content:
        if layer == str(EMPTY_DIGEST):
            return Content([b'[]\n'], 3)
        digest = Digest.parse(layer)
        return self._kept(keys.file_list(digest), lambda: self._read(digest))

    def _read(self, digest: Digest) -> Iterator[bytes]:
        try:
            content = self._store.get(keys.content(digest))
        except NotFound as error:
            raise V1Error(404, 'Image not found') from error
        with content:
            yield from dump(files_of(unpacked(content, _MOST_UNPACKED)))

    def _kept(self, key: str, make: Callable[[], Iterable[bytes]]) -> Content:
        """What lies there; made, where nothing does."""
        try:
            found = self._store.get(key)
        except NotFound:
            found = self._made(key, make)
        if found.size == len(_UNREADABLE):
            found.close()
            raise V1Error(400, 'Layer format not supported')
        return found

    def _made(self, key: str, make: Callable[[], Iterable[bytes]]) -> Content:
        # not closed here: whoever is given the content closes it
        file = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with self._alone():
                try:
                    for piece in make():
                        file.write(piece)
                        if file.tell() > _MOST_LISTED:
                            raise NotTar('its list is too long')
                except (NotTar, Unreadable):
                    file.seek(0)
                    file.truncate()
                    file.write(_UNREADABLE)
            size = file.tell()
            file.seek(0)
            with suppress(Refused):  # a store that cannot be written: it is made each time
                self._store.put(key, file, size)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return Content(iter(lambda: file.read(CHUNK), b''), size, close=file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=_PATIENCE):
            raise V1Error(503, 'Other layers are being read, retry later', {'Retry-After': '30'})
        try:
            yield
        finally:
            self._turn.release()


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b''
    for piece in pieces:
        *whole, rest = (rest + piece).split(b'\n')
        yield from whole
    yield rest
