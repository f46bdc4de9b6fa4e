"""``file``: objects as files of a folder, on a local disk or on NFS, for any number of processes and hosts.

Options:

``path``
    The folder; it is made if it is missing.  Needed.
``sync``
    Whether a write is on the disk before it is acknowledged (``true``, the default), or may be lost when the power
    fails (``false``: for tests, or where the folder can be rebuilt).  A write is atomic either way.
``listing_names``
    How many names of sorted listings each process keeps in memory, 250,000 by default (some 25 MB); 0 keeps none.
``settle``
    How many seconds a directory must have been left alone before its listing is kept, 2 by default.  It must be more
    than the granularity of the file system's times, and on NFS also more than the difference of the clocks.

Example::

    default:
      driver: file
      path: /srv/registry

A key is the path of its file; directories end with ``.d`` (`objreg.drivers.file_names`).  What is being written, and
the parts of unfinished uploads, lie in ``.staging`` of the same folder; a process that dies leaves its files there, and
``objreg store sweep`` deletes them.  Files are moved into place by `rename`, or
by `link` where the key must be free, which NFS does atomically too.  Symbolic links below the folder are not followed.

Several hosts on NFS see each other's writes as soon as their attribute caches let them: mount with ``actimeo=1`` or
less, and with ``lookupcache=positive``.
"""

from __future__ import annotations

import errno
import itertools
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from objreg.drivers import file_names
from objreg.drivers.file_errors import Errors
from objreg.drivers.file_list import Lister
from objreg.drivers.file_root import STAGING, Root
from objreg.drivers.file_sweep import sweep
from objreg.drivers.file_upload import FileUpload
from objreg.store import (
    CHUNK,
    Body,
    Capabilities,
    Content,
    Exists,
    NotFound,
    Origin,
    Page,
    Refused,
    Stat,
    Store,
    Unavailable,
    Upload,
)

_PATH_ONLY = getattr(os, 'O_PATH', os.O_RDONLY)


class FileStore(Store):
    """A folder of files."""

    capabilities = Capabilities(conditional_put=True, max_put=1 << 62, local=True)

    def __init__(
        self, path: str, *, sync: bool = True, listing_names: int = 250_000, settle: float = 2.0
    ) -> None:
        if not path:
            raise ValueError('path: needed')
        self._root = Root(path, sync=sync)
        self._lister = Lister(self._root, file_names.Listings(listing_names, settle))

    @property
    def spool(self) -> str:
        with Errors(f'try path {self.root!r}'):
            return self._root.spool()

    @property
    def root(self) -> str:
        """The folder."""
        return self._root.path

    # Reading

    def _open(self, key: str, flags: int = os.O_RDONLY) -> int:
        try:
            return self._root.open(file_names.path_of(key), flags)
        except FileNotFoundError as error:
            self._root.see()
            raise NotFound(key) from error

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        with Errors(key):
            fd = self._open(key)
            file: BinaryIO = os.fdopen(fd, 'rb', buffering=0)
            try:
                length = os.fstat(fd).st_size
                if start and start >= length:
                    raise Refused(f'{key}: byte {start} is beyond the end')
                size = max(0, (length if end is None else min(end, length)) - start)
                if start:
                    file.seek(start)
            except BaseException:
                file.close()
                raise
            return Content(_chunks(key, file, size), size, close=file, file=file)

    def read(self, key: str) -> bytes:
        with Errors(key):
            fd = self._open(key)
            try:
                chunks: list[bytes] = []
                while chunk := os.read(fd, CHUNK if chunks else 32768):
                    chunks.append(chunk)
                return chunks[0] if len(chunks) == 1 else b''.join(chunks)
            finally:
                os.close(fd)

    def stat(self, key: str) -> Stat:
        with Errors(key):
            fd = self._open(key, _PATH_ONLY)
            try:
                status = os.fstat(fd)
            finally:
                os.close(fd)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.ELOOP, 'not a file')
        etag = f'{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}'
        return Stat(status.st_size, status.st_mtime, etag)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        with Errors(prefix):
            return self._lister.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)

    # Writing

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        path = file_names.path_of(key)
        with Errors(key):
            if if_absent and os.path.lexists(f'{self.root}/{path}'):
                raise Exists(key)
            staged = f'{STAGING}/put-{secrets.token_hex(16)}'
            self._root.write(staged, body, size)
            try:
                self._root.place(staged, path, key, if_absent=if_absent)
            except BaseException:
                self._root.drop(staged)
                raise

    def copy(self, source: str, target: str) -> None:
        self.take(Origin(self, source), target)

    def take(self, origin: Origin, target: str) -> bool:
        if not isinstance(origin.store, FileStore):
            return super().take(origin, target)
        file_names.path_of(target)
        with origin.store.get(origin.key) as content:
            # the kernel copies, or shares, the bytes; a link would have them changed by whoever writes in place there
            self.put(target, content.file or content, content.size)
        return True

    def delete(self, keys: Iterable[str]) -> None:
        paths = sorted(file_names.path_of(key).rpartition('/')[::2] for key in keys)
        for parent, names in itertools.groupby(paths, lambda path: path[0]):
            with Errors(parent):
                try:
                    self._unlink(parent, [name for _, name in names])
                except FileNotFoundError:
                    self._root.see()

    def _unlink(self, parent: str, names: list[str]) -> None:
        folder = self._root.open(parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in names:
                try:
                    os.unlink(name, dir_fd=folder)
                except FileNotFoundError:
                    continue
            self._root.flush(folder)
        finally:
            os.close(folder)
        while parent:
            try:
                os.rmdir(f'{self.root}/{parent}')
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
                    return
                raise
            parent = parent.rpartition('/')[0]

    # The rest

    def upload(self, key: str) -> Upload:
        return FileUpload.new(self._root)

    def resume(self, id: str) -> Upload:
        return FileUpload(self._root, id)

    def sweep(self, seconds: float) -> int:
        with Errors(f'sweep path {self.root!r}'):
            return sweep(self._root, time.time() - seconds)

    def check(self) -> None:
        with Errors(f'try path {self.root!r}'):
            self._root.check()


def _chunks(key: str, file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0:
        with Errors(key):
            chunk = file.read(min(CHUNK, size))
        if not chunk:
            raise Unavailable(f'{key}: the file ended {size} bytes too early')
        size -= len(chunk)
        yield chunk
