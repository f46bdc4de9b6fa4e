"""How the `file` driver moves bytes into its files: inside the kernel where the body is a file."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from tempfile import _TemporaryFileWrapper

from objreg.store import CHUNK, Body, Refused, chunks_of

_AT_ONCE = 1 << 30
"""The kernel moves a little less than 2 GiB a call; smaller steps let a signal through now and then."""
_CANNOT = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ENOTSOCK,
           errno.EOVERFLOW, errno.ETXTBSY}
"""How a kernel or a file system says that it cannot copy this way; nothing has been copied then."""


class BodyFailed(Exception):
    """The body raised an error of the operating system, which is not one of the store."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


def write_body(fd: int, body: Body, size: int | None) -> int:
    """Write the body, exactly `size` bytes of it if that is said, and tell how many; `Refused` if it is shorter."""
    if isinstance(body, bytes):
        return _write_chunks(fd, body, size)
    raw = _real_file(body)
    if raw is None:
        return _write_chunks(fd, body, size)
    start = raw.tell()
    count = copy(raw.fileno(), start, fd, size)
    raw.seek(start + count)
    if size is not None and count < size:
        raise Refused(f'the body ended {size - count} bytes before its size')
    return count


def link(body: Body, path: str, size: int | None, flush: Callable[[int], None]) -> int | None:
    """Give the file of a body its name, if it has none yet and may have one; tells its size, None if it may not.

    That is a file opened with ``O_TMPFILE`` and without ``O_EXCL`` on the same file system, taken from its start to its
    end: whoever opened it so has nothing more to do with it than to close it.
    """
    if isinstance(body, bytes) or (raw := _real_file(body)) is None or raw.tell():
        return None
    status = os.fstat(raw.fileno())
    if status.st_nlink or size not in (None, status.st_size):
        return None
    fd = raw.fileno()
    flush(fd)
    try:
        # Python follows the link only where it is given a directory too, which an absolute path makes no use of
        os.link(f'/proc/self/fd/{fd}', path, src_dir_fd=fd)
    except OSError:  # another file system, no /proc, a deleted file: copying tells what is really wrong
        return None
    raw.seek(status.st_size)
    return status.st_size


def _write_chunks(fd: int, body: Body, size: int | None) -> int:
    total = 0
    chunks = chunks_of(body, size)
    while chunk := _next(chunks):
        total += len(chunk)
        write_all(fd, chunk)
    return total


def _next(chunks: Iterator[bytes]) -> bytes:
    try:
        return next(chunks, b'')
    except OSError as error:
        raise BodyFailed(error) from error


def write_all(fd: int, data: bytes) -> None:
    """`os.write`, until it is written."""
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def _real_file(body: object) -> io.BufferedReader | io.BufferedRandom | io.FileIO | None:
    """The body if its bytes are those of its file descriptor (a `GzipFile` has one too, but gives other bytes)."""
    if isinstance(body, _TemporaryFileWrapper):
        body = body.file
    if not isinstance(body, (io.BufferedReader, io.BufferedRandom, io.FileIO)):
        return None
    raw = body if isinstance(body, io.FileIO) else body.raw
    if not isinstance(raw, io.FileIO) or not body.seekable():
        return None
    if isinstance(body, io.BufferedRandom):
        body.flush()
    return body


def copy(source: int, start: int, target: int, size: int | None) -> int:
    """Append what lies at `start` of a file to another one, `size` bytes or up to the end; tells how many."""
    copied = 0
    for step in (_by_range, _by_sendfile, _by_hand):
        try:
            while size is None or copied < size:
                count = step(source, start + copied, target, _AT_ONCE if size is None else min(_AT_ONCE, size - copied))
                if not count:
                    break
                copied += count
        except OSError as error:
            if error.errno not in _CANNOT or step is _by_hand:
                raise
        if copied == size:
            break
        # Some file systems answer 0 to a call that they do not know, so only reading tells the end of a file.
    return copied


def _by_range(source: int, start: int, target: int, count: int) -> int:
    if not hasattr(os, 'copy_file_range'):
        return 0
    return os.copy_file_range(source, target, count, offset_src=start)


def _by_sendfile(source: int, start: int, target: int, count: int) -> int:
    return os.sendfile(target, source, start, count)


def _by_hand(source: int, start: int, target: int, count: int) -> int:
    data = os.pread(source, min(CHUNK, count), start)
    write_all(target, data)
    return len(data)
