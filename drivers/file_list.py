"""Listings of the `file` driver: a walk through directories in the order of keys."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator

from objreg.drivers import file_names
from objreg.drivers.file_root import Root
from objreg.store import Entry, Page, roll_up


class Lister:
    """Lists the keys of a root, with sorted directories remembered."""

    def __init__(self, root: Root, listings: file_names.Listings) -> None:
        self._root = root
        self._listings = listings

    def page(self, prefix: str, after: str, *, delimiter: str, limit: int, detail: bool) -> Page:
        """As `Store.page`."""
        names = self._rolled(prefix, after, delimiter) if delimiter else self._keys(prefix, after)
        if not detail:
            return Page.of(map(Entry, names), limit)
        found = (self._detailed(name, delimiter, prefix) for name in names)
        return Page.of((entry for entry in found if entry), limit)

    # How files are named

    def path_of(self, key: str) -> str:
        """The path of a key's file below the root."""
        return file_names.path_of(key)

    def folder_of(self, prefix: str) -> str:
        """The path of the directory that holds what begins with `prefix` and a slash."""
        return file_names.folder_of(prefix)

    def names_in(self, fd: int, *, is_root: bool) -> list[str]:
        """The last components of keys in a directory, sorted; those of directories end with a slash."""
        return file_names.names_of(_own(fd) if is_root else os.listdir(fd))

    # The walk

    def _detailed(self, name: str, delimiter: str, prefix: str) -> Entry | None:
        if delimiter and name.endswith(delimiter) and len(name) > len(prefix):
            return Entry(name)
        try:
            status = os.stat(f'{self._root.path}/{self.path_of(name)}', follow_symlinks=False)
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
            found = map(Entry, self._keys(prefix, after))
            yield from (entry.key for entry in roll_up(found, prefix, after, delimiter))
            return
        for name in self._level(prefix.rpartition('/')[0], prefix, after):
            # A directory may be empty for a moment (or for good, where a process died): then there is nothing in it.
            if not name.endswith('/') or (name > after and next(self._keys(name, ''), None)):
                yield name

    def _level(self, folder: str, prefix: str, after: str) -> Iterator[str]:
        """What is directly in a directory; directories end with a slash, also the one that `after` is in."""
        base = folder + '/' if folder else ''
        if after > base and not after.startswith(base):
            return
        names = self._names(folder)
        wanted = prefix[len(base):]
        first = file_names.first(names, wanted, after[len(base):] if after.startswith(base) else '')
        for at in range(first, len(names)):
            if not names[at].startswith(wanted):
                return
            yield base + names[at]

    def _names(self, folder: str) -> list[str]:
        path = self.folder_of(folder) if folder else ''
        if not path:
            self._root.see()  # it could be there though nothing of ours is in it
        try:
            fd = self._root.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            self._root.see()
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
                names = self.names_in(fd, is_root=not path)
                self._listings.keep(path, status, names, now)
            return names
        finally:
            os.close(fd)


def _own(fd: int) -> list[str]:
    """What the root holds, without what belongs to the file system (``lost+found``)."""
    with os.scandir(fd) as entries:
        return [entry.name for entry in entries
                if entry.is_dir(follow_symlinks=False) == entry.name.endswith('.d')]
