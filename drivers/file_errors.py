"""What the operating system's errors mean to a store, for the `file` driver."""

from __future__ import annotations

import errno
from types import TracebackType

from objreg.drivers.file_copy import BodyFailed
from objreg.store import Refused, Unavailable

_REFUSED = {
    errno.EACCES: 'this user may not do that; give it the folder `path`, or mend path',
    errno.EPERM: 'this user may not do that; give it the folder `path`, or mend path',
    errno.EROFS: 'the file system is read-only; mount it otherwise, or mend path',
    errno.ENOSPC: 'the file system is full', errno.EDQUOT: 'the quota is used up', errno.EFBIG: 'too large a file',
    errno.ENAMETOOLONG: 'too long a name', errno.EILSEQ: 'not a name for this file system',
    errno.ELOOP: 'a symbolic link is in the way', errno.EISDIR: 'a directory is in the way',
    errno.ENOTDIR: 'a file or a symbolic link is in the way', errno.EOPNOTSUPP: 'the file system cannot do it',
    errno.EXDEV: 'the staging folder is on another file system',
}


class Errors:
    """Translates the operating system's errors; a class, since `contextlib` would cost a hot path its microseconds."""

    __slots__ = ('_key',)

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, FileNotFoundError):
            raise Unavailable(f'file: {self._key}: it vanished meanwhile, or path did; is it mounted?') from error
        if isinstance(error, OSError):
            reason = _REFUSED.get(error.errno or 0)
            if reason:
                raise Refused(f'file: {self._key}: {reason}') from error
            raise Unavailable(f'file: {self._key}: {error.strerror}') from error
        if isinstance(error, UnicodeEncodeError):
            raise Refused(f'{self._key!r}: not a name for this file system') from error
        if isinstance(error, BodyFailed):
            raise error.reason
