"""``folder``: the files of a folder under their own paths, as another program wrote them; to be read, never written.

What ``objreg import`` reads where another registry kept its blobs in a folder.  (objreg's own folders are of `file`,
whose names are escaped so that any key is a name.)

Options:

``path``
    The folder.  Needed.

Example::

    old:
      driver: folder
      path: /var/lib/docker-registry

A key is the path of a file.  Symbolic links below the folder are not followed; a name that is not UTF-8 is no key.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from objreg.drivers import file_names
from objreg.drivers.file import FileStore
from objreg.drivers.file_list import Lister
from objreg.store import Body, Capabilities, NotFound, Origin, Refused, Upload, check_key

_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR}


class FolderStore(FileStore):
    """A folder that others write."""

    capabilities = Capabilities(local=True)

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._lister = _PlainLister(self._root, file_names.Listings(250_000, 2.0))

    def _open(self, key: str, flags: int = os.O_RDONLY) -> int:
        check_key(key)
        try:
            fd = self._root.open(key, flags | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _NO_FILE:
                raise NotFound(key) from error
            raise
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        raise NotFound(key)

    @property
    def spool(self) -> str:
        return ''

    def check(self) -> None:
        if not os.path.isdir(self.root):
            raise Refused(f'{self.name or "folder"}: there is no folder {self.root!r}; mend path')
        self.page('', limit=1)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        raise self._is_of_others(key)

    def take(self, origin: Origin, target: str) -> bool:
        raise self._is_of_others(target)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            raise self._is_of_others(key)

    def upload(self, key: str) -> Upload:
        raise self._is_of_others(key)

    def resume(self, id: str) -> Upload:
        raise self._is_of_others(id)

    def sweep(self, seconds: float) -> int:
        return 0

    def _is_of_others(self, key: str) -> Refused:
        return Refused(f'{self.name or "folder"}: {key[:80]!r}: the folder {self.root!r} is only read')


class _PlainLister(Lister):
    """Names as they are."""

    def path_of(self, key: str) -> str:
        return key

    def folder_of(self, prefix: str) -> str:
        return prefix

    def _names(self, folder: str) -> list[str]:
        try:
            return super()._names(folder)
        except NotADirectoryError:
            return []

    def names_in(self, fd: int, *, is_root: bool) -> list[str]:
        with os.scandir(fd) as entries:
            found = [
                f'{entry.name}/' if entry.is_dir(follow_symlinks=False) else entry.name
                for entry in entries if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
            ]
        return sorted(name for name in found if file_names.is_text(name))
