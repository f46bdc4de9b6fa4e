"""How the `file` driver names the files of a folder, and how it remembers sorted listings.

A directory's name ends with ``.d`` and a file's never does, so that a key can be a prefix of another one
(``catalog/a`` is the file ``catalog.d/a``, ``catalog/a/b`` is ``catalog.d/a.d/b``) and a listing needs no `stat`.
What begins with a dot is not an object: the staging folder, and what NFS or an operator leaves behind.
Escaped as ``%XX`` are the per cent sign, a dot at the beginning, and the dot of a file's name that ends with ``.d``.
"""

from __future__ import annotations

import bisect
import os
import re
import threading
from collections import OrderedDict
from typing import NamedTuple

from objreg.store import MAX_KEY, check_key

_PLAIN = re.compile(r'[\w+=:,@~-][\w.+=:,@~-]*(?:/[\w+=:,@~-][\w.+=:,@~-]*)*', re.ASCII)
"""A key that is good and that needs no escape, unless it ends with ``.d``."""
_ESCAPES = re.compile('%(2[5E])')
_UNESCAPED = {'25': '%', '2E': '.'}


def path_of(key: str) -> str:
    """The path of a key's file below the root; raises `Refused`."""
    if len(key) <= MAX_KEY and _PLAIN.fullmatch(key) and not key.endswith('.d'):
        return key.replace('/', '.d/')
    check_key(key)
    path = folder_of(key)[:-len('.d')]
    return path[:-2] + '%2Ed' if path.endswith('.d') else path


def folder_of(prefix: str) -> str:
    """The path of the directory that holds what begins with `prefix` and a slash."""
    escaped = prefix.replace('%', '%25').replace('/.', '/%2E')
    if escaped.startswith('.'):
        escaped = '%2E' + escaped[1:]
    return escaped.replace('/', '.d/') + '.d'


def names_of(files: list[str]) -> list[str]:
    """The last components of keys, sorted as keys are; those of directories end with a slash.

    Python orders strings by code point, which is the order of their UTF-8 bytes.
    """
    everything = '/'.join(['', *files, ''])
    if not everything.isascii():
        files = [file for file in files if is_text(file)]
    if '/.' in everything:
        files = [file for file in files if not file.startswith('.')]
    if '.d/' in everything:
        files = [file[:-2] + '/' if file.endswith('.d') else file for file in files]
    if '%' in everything:
        files = [_ESCAPES.sub(lambda match: _UNESCAPED[match[1]], file) for file in files]
    return sorted(files)


def is_text(name: str) -> bool:
    """Whether a name's bytes are UTF-8, as those of all keys are."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def first(names: list[str], wanted: str, after: str) -> int:
    """Where to begin in a directory's names: at `wanted`, beyond `after`, but with the directory that `after` is in."""
    head, slash, _ = after.partition('/')
    beyond = bisect.bisect_left(names, head + slash) if slash else bisect.bisect_right(names, after)
    return max(beyond, bisect.bisect_left(names, wanted))


class Seen(NamedTuple):
    """What tells whether a directory has changed since."""

    inode: int
    modified_ns: int


class Listings:
    """Sorted listings by path, the longest unused dropped first; bounded by the number of names in all.

    A listing is kept only if the directory had been at rest for `settle` seconds when it was read: a change that
    comes within the granularity of the file system's clock would not show in the time of the directory.
    """

    def __init__(self, names: int, settle: float) -> None:
        self._most = self._room = names
        self._settle_ns = int(settle * 1e9)
        self._kept: OrderedDict[str, tuple[Seen, list[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str, status: os.stat_result) -> list[str] | None:
        """The listing of a directory that has this status now, if it is known."""
        with self._lock:
            seen, names = self._kept.get(path, (None, None))
            if names is None or seen != (status.st_ino, status.st_mtime_ns):
                return None
            self._kept.move_to_end(path)
            return names

    def keep(self, path: str, status: os.stat_result, names: list[str], now_ns: int) -> None:
        """Remember a listing that was read after the directory had this status, at `now_ns` or later."""
        if now_ns - status.st_mtime_ns < self._settle_ns or len(names) >= self._most:
            return
        with self._lock:
            self._forget(path)
            self._kept[path] = Seen(status.st_ino, status.st_mtime_ns), names
            self._room -= len(names) + 1
            while self._room < 0:
                self._forget(next(iter(self._kept)))

    def _forget(self, path: str) -> None:
        _, names = self._kept.pop(path, (None, None))
        if names is not None:
            self._room += len(names) + 1
