"""Bodies on their way: in memory while they are small, then in a file without a name, hashed as they come.

A blob that was received whole is known by its digest without being read again; and a file in the folder of a store
that is of this machine becomes the object without being copied (`objreg.store.Store.spool`).
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tempfile
from typing import Any

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.utilities import Error

from objreg.routes import brings_blob

MEMORY = 512 * 1024
"""Bytes of a body that stay in memory."""
SMALL_BODY = 16 * 1024**2
"""Bytes; only blobs are larger."""
_AT_ONCE = 256 * 1024
"""Bytes that are written at once: chunks of a few KiB cost much more one by one."""
_MOST_PIECES = 1000
"""That one `writev` takes."""
_WRITE_BACK = 16 * 1024**2
"""Bytes after which the kernel is told to write."""

_NO_SUCH_FILES = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)
"""How a file system says that its files need names."""


class NoRoom(Error):
    """The answer to a body that the spool has no room for."""

    code = 507
    reason = 'Insufficient Storage'


class Spooled(io.FileIO):
    """A body in a file; `hashed` was fed with all of it."""

    hashed = hashlib.sha256()


class Spool:
    """What waitress collects a body in."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._memory = io.BytesIO()
        self._file: Spooled | None = None
        self._hashed = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._size = 0
        self._begun = 0  # up to where it is on its way to the disk

    def append(self, data: bytes) -> None:
        """The next bytes; raises `OSError`."""
        self._size += len(data)
        if self._file is None:
            self._memory.write(data)
            if self._size > MEMORY:
                self._overflow()
            return
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size >= _AT_ONCE:
            self._write(self._file)

    def _write(self, file: Spooled) -> None:
        """Hash and write what waits."""
        for piece in self._waiting:
            self._hashed.update(piece)
        _write(file, self._waiting)
        self._waiting, self._waiting_size = [], 0
        if self._size - self._begun >= _WRITE_BACK:
            # makes the kernel begin to write, so that little is left to wait for when the file has to be on the disk
            os.posix_fadvise(file.fileno(), self._begun, self._size - self._begun, os.POSIX_FADV_DONTNEED)
            self._begun = self._size

    def _overflow(self) -> None:
        data = self._memory.getvalue()
        self._memory.close()
        self._file = _unnamed(self._folder)
        self._waiting, self._waiting_size = [data], len(data)

    def getfile(self) -> io.BytesIO | Spooled:
        """The body, at its start."""
        if self._file is None:
            self._memory.seek(0)
            return self._memory
        self._write(self._file)
        self._file.seek(0)
        self._file.hashed = self._hashed
        return self._file

    def __len__(self) -> int:
        return self._size

    def close(self) -> None:
        """Forget it."""
        (self._memory if self._file is None else self._file).close()


def _unnamed(folder: str) -> Spooled:
    """A new file; one that a link can give a name later, where the file system has such."""
    if folder and hasattr(os, 'O_TMPFILE'):
        try:
            return Spooled(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o660), 'r+')
        except OSError as error:
            if error.errno not in _NO_SUCH_FILES:
                raise
    fd, name = tempfile.mkstemp(dir=folder if os.path.isdir(folder) else None)
    os.unlink(name)
    return Spooled(fd, 'r+')


def _write(file: Spooled, pieces: list[bytes]) -> None:
    for start in range(0, len(pieces), _MOST_PIECES):
        some = pieces[start:start + _MOST_PIECES]
        written = os.writev(file.fileno(), some)
        if written < sum(map(len, some)):  # no room, or a signal: what is left says which
            left = memoryview(b''.join(some))[written:]
            while left:
                left = left[os.write(file.fileno(), left):]


class Adjusted(Adjustments):
    """What waitress is told, and the two things that it does not know of."""

    spool: str
    """The folder of bodies; '': that of the system."""
    of_small_bodies: Adjusted
    """What holds for requests that bring no blob."""


class Parser(HTTPRequestParser):
    """Waitress's, with this spool, and with large bodies only where blobs go."""

    adj: Adjusted
    path: str
    body_rcv: Any

    def parse_header(self, header_plus: bytes) -> None:
        """The header is complete."""
        super().parse_header(header_plus)
        if not brings_blob(self.path):
            self.adj = self.adj.of_small_bodies
        if self.body_rcv is not None:
            self.body_rcv.buf = Spool(self.adj.spool)

    def received(self, data: bytes) -> int:
        """Bytes have come; tells how many of them belong to this request."""
        try:
            return int(super().received(data))
        except OSError as error:
            self.error = NoRoom(f'the body cannot be kept: {error.strerror}')
            self.completed = True
            return len(data)
