"""The folder of a ``disk-cache``: files named by the digest of what they hold, of which several processes make use.

All that is in it may be deleted at any time.  A file gets its name when it is complete and was hashed; what is being
written has a name of its own, and is locked as long as its process lives.  ``.lock`` is held while room is made, and
says how many bytes are taken at most: what it counts too many is found when room is short and all files are looked at.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import BinaryIO, NamedTuple

from cachetools import TTLCache

_BLOCK = 4096
_NAME = re.compile('(sha256|sha512)-[0-9a-f]+')
_PART = '.part-'
_USED_AGAIN = 60 * 10**9
"""Nanoseconds after which it is noted again that a file was used."""
_FILES = 100_000

_Identity = tuple[int, int, int]


class Busy(Exception):
    """Another file is just being verified."""


class Damaged(Exception):
    """The bytes are not those of the digest."""


class Room(NamedTuple):
    """A file without its name yet."""

    file: BinaryIO
    path: str


class _Kept(NamedTuple):
    used: int
    size: int
    path: str


class Folder:
    """At most `size` bytes of files; each is verified before it is used and again after `verify` seconds.

    Whatever the disk cannot do is an `OSError`.
    """

    def __init__(self, path: str, size: int, verify: float) -> None:
        self.path = os.path.abspath(path)
        self._size = size
        self._believed: TTLCache[str, _Identity] = TTLCache(_FILES, verify)
        self._lock = Lock()
        self._verifying = Lock()

    def open(self, name: str) -> BinaryIO | None:
        """The file, at its beginning; None if there is none.

        Raises `Damaged`, and the file is gone; `Busy` when it would have to wait for another one to be verified.
        """
        path = self._path(name)
        try:
            file: BinaryIO = open(path, 'rb', buffering=0, opener=_open_no_link)  # noqa: SIM115 - closed by the caller
        except FileNotFoundError:
            return None
        try:
            self._verify(name, file)
            self._note_use(file, path)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _path(self, name: str) -> str:
        return f'{self.path}/{name}'

    def _verify(self, name: str, file: BinaryIO) -> None:
        identity = _identity(file)
        with self._lock:
            if self._believed.get(name) == identity:
                return
        if not self._verifying.acquire(blocking=False):
            raise Busy
        try:
            algorithm, _, hexadecimal = name.partition('-')
            is_right = hashlib.file_digest(file, algorithm).hexdigest() == hexadecimal  # type: ignore[arg-type]
        finally:
            self._verifying.release()
        if not is_right or _identity(file) != identity:
            self.remove(name)
            raise Damaged(f'{self._path(name)} does not match its name')
        self._believe(name, identity)

    def _believe(self, name: str, identity: _Identity) -> None:
        with self._lock:
            self._believed[name] = identity

    @staticmethod
    def _note_use(file: BinaryIO, path: str) -> None:
        """By the time of access, which few file systems keep by themselves."""
        status = os.fstat(file.fileno())
        now = time.time_ns()
        if now - status.st_atime_ns > _USED_AGAIN:
            with suppress(FileNotFoundError):
                os.utime(path, ns=(now, status.st_mtime_ns))

    def remove(self, name: str) -> None:
        """Delete a file; one that is not there is no error."""
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(self._path(name))

    # Writing

    def reserve(self, size: int) -> Room | None:
        """A file of that size to be written, the oldest others deleted to make room; None where that is not enough."""
        os.makedirs(self.path, 0o700, exist_ok=True)
        with self._locked() as lock:
            taken = _taken(lock)
            if taken is None or taken + _on_disk(size) > self._size:
                taken = self._make_room(self._size - _on_disk(size))
            if taken + _on_disk(size) > self._size:
                return None
            path = f'{self.path}/{_PART}{secrets.token_hex(16)}'
            file: BinaryIO = open(path, 'xb', buffering=0, opener=_open_private)  # noqa: SIM115 - of the Room
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.truncate(file.fileno(), size)
                os.pwrite(lock, b'%020d' % (taken + _on_disk(size)), 0)
            except BaseException:
                self.drop(Room(file, path))
                raise
        return Room(file, path)

    def place(self, room: Room, name: str) -> None:
        """Give a file its name: it is complete, and was hashed as it was written."""
        with room.file, suppress(FileNotFoundError):  # the folder was deleted
            os.replace(room.path, self._path(name))
            self._believe(name, _identity(room.file))

    @staticmethod
    def drop(room: Room) -> None:
        """Give up a file."""
        room.file.close()
        with suppress(FileNotFoundError):
            os.unlink(room.path)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        lock = os.open(f'{self.path}/.lock', os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock
        finally:
            os.close(lock)

    def _make_room(self, limit: int) -> int:
        """Delete what was not used for longest, and more than is needed, so that it is seldom done; what is left."""
        kept = sorted(self._kept())
        taken = sum(one.size for one in kept)
        if taken <= limit:
            return taken
        for one in kept:
            if taken <= limit - self._size // 10:
                break
            if one.used >= 0:
                with suppress(FileNotFoundError):
                    os.unlink(one.path)
                taken -= one.size
        return taken

    def _kept(self) -> Iterator[_Kept]:
        """All files; those that are being written come as if they were never used."""
        with os.scandir(self.path) as entries:
            for entry in entries:
                is_part = entry.name.startswith(_PART)
                if not is_part and not _NAME.fullmatch(entry.name):
                    continue
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if is_part and _is_abandoned(entry.path):
                        os.unlink(entry.path)
                        continue
                    yield _Kept(-1 if is_part else status.st_atime_ns, _on_disk(status.st_size), entry.path)


def _on_disk(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _identity(file: BinaryIO) -> _Identity:
    status = os.fstat(file.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns


def _taken(lock: int) -> int | None:
    text = os.pread(lock, 20, 0)
    return int(text) if re.fullmatch(rb'[0-9]{20}', text) else None


def _is_abandoned(path: str) -> bool:
    """Whether the process that wrote it is gone."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
