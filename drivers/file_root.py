"""The folder of the `file` driver: opened without following links, and written through a staging folder in it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets

from objreg.drivers import file_copy
from objreg.store import Body, Exists, Unavailable

STAGING = '.staging'
_ATTEMPTS = 100
"""How often a write makes its directory again, when others delete the last file of it at the same time."""
_VANISHED = {errno.ENOENT, errno.ESTALE}
"""A directory that was open is deleted; NFS says it in its own way."""
_DESCRIPTORS = '/proc/self/fd/' if os.path.isdir('/proc/self/fd') else None


class Root:
    """The folder.  All paths are relative to it."""

    def __init__(self, path: str, *, sync: bool) -> None:
        self.path = os.path.realpath(path)
        self._sync = sync
        self._identity: tuple[int, int] | None = None

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """Open what is at this path, and see that no symbolic link has led elsewhere."""
        full = f'{self.path}/{path}' if path else self.path
        fd = os.open(full, flags | os.O_NOFOLLOW, 0o660)
        try:
            real = os.readlink(f'{_DESCRIPTORS}{fd}') if _DESCRIPTORS else os.path.realpath(full)
            if real != full and not _was_replaced(real, full):
                if flags & os.O_CREAT:
                    os.unlink(full)
                raise OSError(errno.ELOOP, 'a symbolic link is in the way')
        except BaseException:
            os.close(fd)
            raise
        return fd

    def see(self) -> None:
        """To be called before a file is said not to be there: the whole folder may be gone, unmounted for example.

        It is the folder that was seen before, or (mounted anew) one with a staging folder.
        """
        known = self._identity
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            if known is None:
                return  # nothing was ever written
            raise Unavailable(f'the folder {self.path} is gone') from None
        identity = (status.st_dev, status.st_ino)
        if identity == known:
            return
        if os.path.isdir(f'{self.path}/{STAGING}'):
            self._identity = identity
        elif known is not None:
            raise Unavailable(f'the folder {self.path} is gone: another one is in its place')

    def prepare(self, folder: str = STAGING) -> None:
        """Make a staging folder; the root itself only if it has never been seen."""
        self.see()
        if self._identity is None:
            os.makedirs(f'{self.path}/{STAGING}', 0o770, exist_ok=True)
            self.see()
        os.makedirs(f'{self.path}/{folder}', 0o770, exist_ok=True)

    def flush(self, fd: int) -> None:
        """See that what was written is on the disk, if that is wanted."""
        if self._sync:
            os.fsync(fd)

    # Staged files

    def spool(self) -> str:
        """The folder of files that `write` links instead of copying them."""
        self.prepare()
        return f'{self.path}/{STAGING}'

    def write(self, staged: str, body: Body, size: int | None) -> int:
        """Write a body to a new file in the staging folder; tells its size.  Leaves nothing if that fails."""
        count = file_copy.link(body, f'{self.path}/{staged}', size, self.flush)
        if count is not None:
            return count
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

    def _create(self, staged: str) -> int:
        for _ in range(_ATTEMPTS):
            try:
                return self.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            except FileNotFoundError:
                self.prepare(os.path.dirname(staged))
        raise Unavailable(f'{staged}: its folder is deleted again and again')

    def drop(self, staged: str) -> None:
        """Delete a staged file, if it is still there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f'{self.path}/{staged}')

    def drop_folder(self, staged: str) -> None:
        """Delete a folder of staged files, if it is still there, while others may write to it or delete it too."""
        for _ in range(_ATTEMPTS):
            try:
                folder = self.open(staged, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                self.see()
                return
            try:
                for name in os.listdir(folder):
                    self.drop(f'{staged}/{name}')
            finally:
                os.close(folder)
            try:
                os.rmdir(f'{self.path}/{staged}')
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                    raise
        raise Unavailable(f'{staged}: written to again and again')

    # From the staging folder into place

    def place(self, staged: str, path: str, key: str, *, if_absent: bool = False) -> None:
        """Move a staged file to where its key is, atomically."""
        parent, _, name = path.rpartition('/')
        vanished: OSError | None = None
        for _ in range(_ATTEMPTS):
            try:
                folder = self._folder(parent)
                try:
                    self._move(f'{self.path}/{staged}', folder, name, key, if_absent=if_absent)
                    self.flush(folder)
                finally:
                    os.close(folder)
            except OSError as error:
                if error.errno not in _VANISHED or not os.path.lexists(f'{self.path}/{staged}'):
                    raise
                vanished = error
                continue
            return
        raise Unavailable(f'{key}: its folder is deleted again and again') from vanished

    def _folder(self, path: str) -> int:
        """Open a directory, which is made if it is missing (and may vanish at any time while empty)."""
        missing: list[str] = []
        while True:
            try:
                fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
                break
            except FileNotFoundError:
                if not path:
                    raise Unavailable(f'the folder {self.path} is gone') from None
            path, _, name = path.rpartition('/')
            missing.append(name)
        while missing:
            name = missing.pop()
            path = f'{path}/{name}' if path else name
            self._make(name, fd)
            fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        return fd

    def _make(self, name: str, above: int) -> None:
        """Make a directory in an open one, which is closed."""
        try:
            os.mkdir(name, 0o770, dir_fd=above)
            self.flush(above)
        except FileExistsError:
            pass  # someone else made it, and maybe deletes it: opening it will tell
        finally:
            os.close(above)

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

    def check(self) -> None:
        """Try all that a write needs."""
        self.prepare()
        probe = f'{STAGING}/check-{secrets.token_hex(16)}'
        self.write(probe, b'', 0)
        try:
            os.link(f'{self.path}/{probe}', f'{self.path}/{probe}-link')
            self.drop(f'{probe}-link')
        finally:
            self.drop(probe)


def _was_replaced(real: str, full: str) -> bool:
    """Whether the kernel says of an open file's path that it was replaced or deleted since; NFS renames it then."""
    return real == full + ' (deleted)' or real.startswith(os.path.dirname(full) + '/.nfs')
