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
the parts of unfinished uploads, lie in ``.staging`` of the same folder; a process that dies leaves its files there,
where everything older than the longest upload may be deleted at any time.  Files are moved into place by `rename`, or
by `link` where the key must be free, which NFS does atomically too.  Symbolic links below the folder are not followed.

Several hosts on NFS see each other's writes as soon as their attribute caches let them: mount with ``actimeo=1`` or
less, and with ``lookupcache=positive``.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import BinaryIO

from objreg.drivers import file_copy, file_names
from objreg.store import (
    CHUNK,
    Body,
    Capabilities,
    Content,
    Entry,
    Exists,
    NotFound,
    Page,
    Part,
    Refused,
    Stat,
    Store,
    StoreError,
    Unavailable,
    Upload,
)

_STAGING = '.staging'
_RANDOM = re.compile('[0-9a-f]{32}')
_ATTEMPTS = 100
"""How often a write makes its directory again, when others delete the last file of it at the same time."""
_REFUSED = {
    errno.EACCES: 'no permission', errno.EPERM: 'no permission', errno.EROFS: 'the file system is read-only',
    errno.ENOSPC: 'the file system is full', errno.EDQUOT: 'the quota is used up', errno.EFBIG: 'too large a file',
    errno.ENAMETOOLONG: 'too long a name', errno.EILSEQ: 'not a name for this file system',
    errno.ELOOP: 'a symbolic link is in the way', errno.EISDIR: 'a directory is in the way',
    errno.ENOTDIR: 'a file is in the way', errno.EOPNOTSUPP: 'the file system cannot do it',
    errno.EXDEV: 'the staging folder is on another file system',
}
_PATH_ONLY = getattr(os, 'O_PATH', os.O_RDONLY)
_DESCRIPTORS = '/proc/self/fd/' if os.path.isdir('/proc/self/fd') else None


class _Errors:
    """Translates the operating system's errors; a class, since `contextlib` would cost a hot path its microseconds."""

    __slots__ = ('_key', '_missing')

    def __init__(self, key: str, missing: type[StoreError] = Unavailable) -> None:
        self._key = key
        self._missing = missing

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, FileNotFoundError):
            raise self._missing(self._key) from error
        if isinstance(error, OSError):
            reason = _REFUSED.get(error.errno or 0)
            if reason:
                raise Refused(f'{self._key}: {reason}') from error
            raise Unavailable(f'{self._key}: {error.strerror}') from error
        if isinstance(error, UnicodeEncodeError):
            raise Refused(f'{self._key!r}: not a name for this file system') from error


class FileStore(Store):
    """A folder of files."""

    capabilities = Capabilities(conditional_put=True, max_put=1 << 62)

    def __init__(
        self, path: str, *, sync: bool = True, listing_names: int = 250_000, settle: float = 2.0
    ) -> None:
        self.root = os.path.realpath(path)
        self._sync = sync
        self._ready = False
        self._listings = file_names.Listings(listing_names, settle)

    # Reading

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """Open what is at this path of the root, and see that no symbolic link has led elsewhere."""
        full = f'{self.root}/{path}' if path else self.root
        fd = os.open(full, flags | os.O_NOFOLLOW, 0o660)
        try:
            real = os.readlink(f'{_DESCRIPTORS}{fd}') if _DESCRIPTORS else os.path.realpath(full)
            # The kernel says so of a file that was replaced or deleted since.
            if real not in (full, full + ' (deleted)'):
                raise OSError(errno.ELOOP, 'a symbolic link is in the way')
        except BaseException:
            os.close(fd)
            raise
        return fd

    def see_root(self) -> None:
        """To be called before a file is said not to be there: the whole folder may be gone, unmounted for example."""
        if self._ready and not os.path.isdir(f'{self.root}/{_STAGING}'):
            raise Unavailable(f'the folder {self.root} is gone')

    def _open_object(self, key: str, flags: int = os.O_RDONLY) -> int:
        try:
            return self.open(file_names.path_of(key), flags)
        except FileNotFoundError as error:
            self.see_root()
            raise NotFound(key) from error

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        with _Errors(key):
            fd = self._open_object(key)
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
        with _Errors(key):
            fd = self._open_object(key)
            try:
                chunks: list[bytes] = []
                while chunk := os.read(fd, CHUNK if chunks else 32768):
                    chunks.append(chunk)
                return chunks[0] if len(chunks) == 1 else b''.join(chunks)
            finally:
                os.close(fd)

    def stat(self, key: str) -> Stat:
        with _Errors(key):
            fd = self._open_object(key, _PATH_ONLY)
            try:
                status = os.fstat(fd)
            finally:
                os.close(fd)
        etag = f'{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}'
        return Stat(status.st_size, status.st_mtime, etag)

    # Writing

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        path = file_names.path_of(key)
        with _Errors(key):
            if if_absent and os.path.lexists(f'{self.root}/{path}'):
                raise Exists(key)
            staged = f'{_STAGING}/put-{secrets.token_hex(16)}'
            self.write(staged, body, size)
            try:
                self.place(staged, path, key, if_absent=if_absent)
            except BaseException:
                self.drop(staged)
                raise

    def write(self, staged: str, body: Body, size: int | None) -> int:
        """Write a body to a new file in the staging folder; tells its size.  Leaves nothing if that fails."""
        fd = self._create(staged)
        try:
            try:
                count = file_copy.write_body(fd, body, size)
                self.flush(fd)
            finally:
                os.close(fd)
        except BaseException:
            self.drop(staged)
            raise
        return count

    def flush(self, fd: int) -> None:
        """See that what was written is on the disk, if that is wanted."""
        if self._sync:
            os.fsync(fd)

    def drop(self, staged: str) -> None:
        """Delete a staged file, if it is still there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f'{self.root}/{staged}')

    def _create(self, staged: str) -> int:
        for _ in range(_ATTEMPTS):
            try:
                return self.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            except FileNotFoundError:
                self._prepare(os.path.dirname(staged))
        raise Unavailable(f'{staged}: its folder is deleted again and again')

    def _prepare(self, folder: str = _STAGING) -> None:
        """Make a staging folder; the root itself only if it has never been seen, for it may be unmounted."""
        if not self._ready:
            os.makedirs(f'{self.root}/{_STAGING}', 0o770, exist_ok=True)
            self._ready = True
        if not os.path.isdir(self.root):
            raise Unavailable(f'the folder {self.root} is gone')
        os.makedirs(f'{self.root}/{folder}', 0o770, exist_ok=True)

    def place(self, staged: str, path: str, key: str, *, if_absent: bool = False) -> None:
        """Move a staged file to where its key is, atomically."""
        parent, _, name = path.rpartition('/')
        for _ in range(_ATTEMPTS):
            try:
                folder = self._folder(parent)
                try:
                    self._move(f'{self.root}/{staged}', folder, name, key, if_absent=if_absent)
                    self.flush(folder)
                finally:
                    os.close(folder)
            except FileNotFoundError:
                if not os.path.lexists(f'{self.root}/{staged}'):
                    raise
                continue
            return
        raise Unavailable(f'{key}: its folder is deleted again and again')

    def _folder(self, path: str) -> int:
        """Open a directory of the root, which is made if it is missing (and may vanish at any time while empty)."""
        try:
            return self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            if not path:
                raise Unavailable(f'the folder {self.root} is gone') from None
        parent, _, name = path.rpartition('/')
        above = self._folder(parent)
        try:
            os.mkdir(name, 0o770, dir_fd=above)
            self.flush(above)
        except FileExistsError:
            pass  # someone else made it, and maybe deletes it: the next line tells
        finally:
            os.close(above)
        return self.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def _move(self, staged: str, folder: int, name: str, key: str, *, if_absent: bool) -> None:
        if not if_absent:
            os.replace(staged, name, dst_dir_fd=folder)
            return
        try:
            os.link(staged, name, dst_dir_fd=folder)
        except FileExistsError as error:
            # NFS repeats a call whose answer was lost, and may then find the link that it has made itself.
            if os.stat(staged).st_nlink == 1:
                raise Exists(key) from error
        os.unlink(staged)

    def delete(self, keys: Iterable[str]) -> None:
        paths = sorted(file_names.path_of(key).rpartition('/')[::2] for key in keys)
        for parent, names in itertools.groupby(paths, lambda path: path[0]):
            with _Errors(parent):
                try:
                    self._unlink(parent, [name for _, name in names])
                except FileNotFoundError:
                    self.see_root()

    def _unlink(self, parent: str, names: list[str]) -> None:
        folder = self.open(parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in names:
                try:
                    os.unlink(name, dir_fd=folder)
                except FileNotFoundError:
                    continue
            self.flush(folder)
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

    # Listing

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        with _Errors(prefix):
            names = self._rolled(prefix, after, delimiter) if delimiter else self._keys(prefix, after)
            if not detail:
                entries = [Entry(name) for name in itertools.islice(names, limit + 1)]
            else:
                rolled = delimiter or '/'
                found = (self._detailed(name, rolled, prefix) for name in names)
                entries = list(itertools.islice((entry for entry in found if entry), limit + 1))
        return Page(entries[:limit], len(entries) > limit)

    def _detailed(self, name: str, delimiter: str, prefix: str) -> Entry | None:
        if name.endswith(delimiter) and len(name) > len(prefix):
            return Entry(name)
        try:
            status = os.stat(f'{self.root}/{file_names.path_of(name)}', follow_symlinks=False)
        except FileNotFoundError:
            return None  # deleted since it was listed
        return Entry(name, status.st_size, status.st_mtime)

    def _keys(self, prefix: str, after: str) -> Iterator[str]:
        """All keys that begin with `prefix` and come after `after`."""
        levels = [self._level(prefix.rpartition('/')[0], prefix, after)]
        while levels:
            name = next(levels[-1], None)
            if name is None:
                levels.pop()
            elif name.endswith('/'):
                levels.append(self._level(name[:-1], prefix, after))
            else:
                yield name

    def _rolled(self, prefix: str, after: str, delimiter: str) -> Iterator[str]:
        if delimiter != '/':
            yield from _roll_up(self._keys(prefix, after), prefix, after, delimiter)
            return
        for name in self._level(prefix.rpartition('/')[0], prefix, after):
            # A directory may be empty for a moment (or for good, where a process died): then there is nothing in it.
            if not name.endswith('/') or (name > after and next(self._keys(name, ''), None)):
                yield name

    def _level(self, folder: str, prefix: str, after: str) -> Iterator[str]:
        """What is directly in a directory; directories end with a slash, also the one that `after` is in."""
        base = folder + '/' if folder else ''
        names = self._names(folder)
        wanted = prefix[len(base):]
        first = file_names.first(names, wanted, after[len(base):] if after.startswith(base) else '')
        if after > base and not after.startswith(base):
            return
        for at in range(first, len(names)):
            if not names[at].startswith(wanted):
                return
            yield base + names[at]

    def _names(self, folder: str) -> list[str]:
        path = file_names.folder_of(folder) if folder else ''
        try:
            fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            self.see_root()
            return []
        except ValueError:
            return []  # a prefix that no file name begins with
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return []
            raise
        try:
            now, status = time.time_ns(), os.fstat(fd)
            names = self._listings.get(path, status)
            if names is None:
                names = file_names.names_of(os.listdir(fd) if path else _own(fd))
                self._listings.keep(path, status, names, now)
            return names
        finally:
            os.close(fd)

    # The rest

    def upload(self, key: str) -> Upload:
        return _FileUpload(self, secrets.token_hex(16))

    def resume(self, id: str) -> Upload:
        if not _RANDOM.fullmatch(id):
            raise Refused(f'not an upload: {id[:80]!r}')
        return _FileUpload(self, id)

    def check(self) -> None:
        with _Errors(self.root):
            self._prepare()
            probe = f'{_STAGING}/check-{secrets.token_hex(16)}'
            self.write(probe, b'', 0)
            try:
                os.link(f'{self.root}/{probe}', f'{self.root}/{probe}-link')
                self.drop(f'{probe}-link')
            finally:
                self.drop(probe)


def _chunks(key: str, file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0:
        with _Errors(key):
            chunk = file.read(min(CHUNK, size))
        if not chunk:
            raise Unavailable(f'{key}: the file ended {size} bytes too early')
        size -= len(chunk)
        yield chunk


def _own(fd: int) -> list[str]:
    """What the root holds, without what belongs to the file system (``lost+found``)."""
    with os.scandir(fd) as entries:
        return [entry.name for entry in entries
                if entry.is_dir(follow_symlinks=False) == entry.name.endswith('.d')]


def _roll_up(keys: Iterable[str], prefix: str, after: str, delimiter: str) -> Iterator[str]:
    last = None
    for key in keys:
        cut = key.find(delimiter, len(prefix))
        name = key if cut < 0 else key[:cut + 1]
        if name != last and name > after:
            yield name
        last = name


class _FileUpload(Upload):
    """Parts are files of a folder of their own in the staging folder, each named at random and written once."""

    def __init__(self, store: FileStore, id: str) -> None:
        self._store = store
        self._id = id
        self._folder = f'{_STAGING}/upload-{id}'

    @property
    def id(self) -> str:
        return self._id

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        etag = secrets.token_hex(16)
        with _Errors(f'part {number} of upload {self._id}'):
            count = self._store.write(self._path(Part(number, 0, etag)), body, size)
        return Part(number, count, etag)

    def _path(self, part: Part) -> str:
        if not _RANDOM.fullmatch(part.etag):
            raise Refused(f'not a part: {part.etag[:80]!r}')
        return f'{self._folder}/{int(part.number)}-{part.etag}'

    def finish(self, parts: Sequence[Part], key: str) -> None:
        path = file_names.path_of(key)
        with _Errors(key):
            try:
                self._claim(parts, path, key)
            except FileNotFoundError as error:
                self._store.see_root()
                raise Refused(f'{key}: not the parts of this upload') from error
        self.abort()

    def _claim(self, parts: Sequence[Part], path: str, key: str) -> None:
        root = self._store.root
        if not parts or [part.number for part in parts] != list(range(1, len(parts) + 1)):
            raise Refused(f'{key}: the parts of an upload are numbered from 1, without gaps')
        for part in parts:
            if os.stat(f'{root}/{self._path(part)}').st_size != part.size:
                raise Refused(f'{key}: part {part.number} is not the one that was written')
        # Of two that finish the same upload, one gets the first part and the other finds it missing.
        first, staged = self._path(parts[0]), f'{self._folder}/finish-{secrets.token_hex(16)}'
        os.rename(f'{root}/{first}', f'{root}/{staged}')
        try:
            if len(parts) > 1:
                self._append(staged, parts[1:])
            self._store.place(staged, path, key)
        except BaseException:
            if os.path.lexists(f'{root}/{staged}'):
                os.truncate(f'{root}/{staged}', parts[0].size)
                os.rename(f'{root}/{staged}', f'{root}/{first}')
            raise

    def _append(self, staged: str, parts: Sequence[Part]) -> None:
        target = self._store.open(staged, os.O_WRONLY)
        try:
            os.lseek(target, 0, os.SEEK_END)
            for part in parts:
                source = self._store.open(self._path(part))
                try:
                    if file_copy.copy(source, 0, target, part.size) < part.size:
                        raise Unavailable(f'part {part.number} of upload {self._id} became shorter')
                finally:
                    os.close(source)
            self._store.flush(target)
        finally:
            os.close(target)

    def abort(self) -> None:
        with _Errors(f'upload {self._id}'):
            try:
                shutil.rmtree(f'{self._store.root}/{self._folder}')
            except FileNotFoundError:
                self._store.see_root()
