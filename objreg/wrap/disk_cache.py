"""``disk-cache``: keeps layers that were pulled in a folder of this node, so that the next pull asks no store.

For a store that is far away or costs money for each byte.  Only content is kept (``blobs/…``), whose bytes never
change; whether a repository may serve it is asked of the store as ever, so nothing is served longer than without it.

- Kept is what was read whole once.  It is written and hashed beside the answer, by a thread of its own; a client that
  goes away, a disk that is much slower than the client, and bytes that do not match their digest leave nothing behind.
  Ranges are answered from what is kept, and keep nothing.
- A file is hashed before it is used for the first time since the start of a process, and again after ``verify``; the
  requests that come meanwhile are answered by the store.  One that does not match is deleted, with a line in the log.
- What was not used for longest goes first.  Nothing larger than a quarter of ``size`` is kept.
- The folder may be deleted at any time, and any number of processes of one user may share it, those of other
  registries too.  A full or broken disk switches the cache off for five minutes, with one line in the log; nothing else
  comes of it.
- Clients are never sent to the store by a URL: what does not come through the node cannot be kept.

``objreg_store_seconds`` counts ``cache-hit``, ``cache-miss`` and ``cache-fill`` as operations of this store, and
``objreg_store_errors_total`` what the disk could not do and what was damaged.

Options:

``store``
    The store to be asked for what is not here, by its name in ``stores.yml``.  Needed.
``path``
    The folder, on a disk of this host and for nothing else.  Needed.
``size = 10 GiB``
    The most that lies there, what is being written included.
``verify = 1 hour``
    How long a file that matched its digest is believed by a process, unless its size or time changes.  ``0``: it is
    hashed each time.

Example::

    far:
      driver: s3
      preset: aws
      region: eu-central-1
      bucket: example-registry
    default:
      driver: disk-cache
      store: far
      path: /var/cache/objreg
      size: 200 GiB
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from threading import Lock
from typing import BinaryIO

from objreg import keys as layout
from objreg.store import CHUNK, Content, Refused, Store
from objreg.wrap import timing
from objreg.wrap.base import WrappedStore
from objreg.wrap.disk_fill import Fill, Filler
from objreg.wrap.disk_folder import Busy, Damaged, Folder

log = logging.getLogger(__name__)

_PAUSE = 300.0
"""Seconds for which a disk that failed is left alone."""


class DiskCacheStore(WrappedStore):
    """Answers reads of content from a folder."""

    def __init__(self, *, store: Store, path: str, size: int = 10 * 1024**3, verify: float = 3600.0) -> None:
        super().__init__(store)
        if not path:
            raise ValueError('path: needed')
        if size < 1024**2:
            raise ValueError('size: is at least 1 MiB')
        self.capabilities = replace(store.capabilities, presign=False)
        self._largest = size // 4
        self._folder = Folder(path, size, verify)
        self._filler = Filler(self._folder, self._ended)
        self._lock = Lock()
        self._off_until = 0.0
        self._is_told = False

    # Reading

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        name = _name_of(key)
        if not name or time.monotonic() < self._off_until:
            return self.inner.get(key, start, end)
        try:
            file = self._folder.open(name)
        except Busy:
            return self.inner.get(key, start, end)
        except (Damaged, OSError) as error:
            self._ended(error)
            file = None
        if file is not None:
            return self._kept(file, key, start, end)
        self._report('cache-miss')
        if start or end is not None or time.monotonic() < self._off_until:
            return self.inner.get(key, start, end)
        return self._filling(key, name)

    def read(self, key: str) -> bytes:
        return self.get(key).read() if _name_of(key) else self.inner.read(key)

    def _kept(self, file: BinaryIO, key: str, start: int, end: int | None) -> Content:
        try:
            length = os.fstat(file.fileno()).st_size
            if start and start >= length:
                raise Refused(f'{self.name}: {key}: byte {start} is beyond the end')
            stop = length if end is None else min(end, length)
            file.seek(start)
        except BaseException:
            file.close()
            raise
        self._report('cache-hit')
        return Content(self._chunks(file, key, start, stop), max(0, stop - start), close=file, file=file)

    def _chunks(self, file: BinaryIO, key: str, at: int, stop: int) -> Iterator[bytes]:
        while at < stop:
            try:
                chunk = file.read(min(CHUNK, stop - at))
                if not chunk:
                    raise OSError(f'{file.name} is cut')
            except OSError as error:
                self._ended(error)
                break
            at += len(chunk)
            yield chunk
        if at < stop:  # the store has it still
            with self.inner.get(key, at, stop) as rest:
                yield from rest

    def _filling(self, key: str, name: str) -> Content:
        fill = self._filler.begin(name)  # before the store is asked, so that a deletion meanwhile finds it
        if fill is None:
            return self.inner.get(key)
        try:
            content = self.inner.get(key)
        except BaseException:
            fill.drop()
            raise
        if not 0 < content.size <= self._largest:
            fill.drop()
            return content
        fill.start(content.size)
        return Content(_teed(content, fill), content.size, close=_Both(content, fill))

    # The rest

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        try:
            self.inner.delete(keys)
        finally:
            for name in filter(None, map(_name_of, keys)):
                self._filler.forget(name)
                try:
                    self._folder.remove(name)
                except OSError as error:
                    self._ended(error)

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        return None

    def close(self) -> None:
        self._filler.close()
        self.inner.close()

    def _report(self, operation: str, outcome: str = 'ok') -> None:
        timing.report(self.name, operation, 0.0, outcome)

    def _ended(self, error: Exception | None) -> None:
        """A content was written, or something went wrong."""
        self._report('cache-fill' if error is None else 'cache', 'ok' if error is None else type(error).__name__)
        if isinstance(error, Damaged):
            log.warning('%s: damaged: %s', self.name, error)
            return
        with self._lock:
            is_new, self._is_told = error is not None and not self._is_told, error is not None
            if error is not None:
                self._off_until = time.monotonic() + _PAUSE
        if is_new:
            log.warning('%s: nothing is kept in %s for a while: %s', self.name, self._folder.path, error)


def _teed(content: Content, fill: Fill) -> Iterator[bytes]:
    for chunk in content:
        fill.write(chunk)
        yield chunk


class _Both:
    """Closes the content, and gives up what was not written to its end."""

    def __init__(self, content: Content, fill: Fill) -> None:
        self._content = content
        self._fill = fill

    def __enter__(self) -> _Both:
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()
        self._fill.close()


def _name_of(key: str) -> str:
    """What the file of a content is called; '' for whatever carries no digest in its key."""
    digest = layout.parse_content(key)
    return '' if digest is None else f'{digest.algorithm}-{digest.hex}'
