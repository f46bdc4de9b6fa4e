"""What files a layer has, and what it changes: ``GET /v1/images/<id>/files`` and ``…/diff``.  Pure.

A file is a list of eight: its path, its type, whether it is deleted, its size, its time, its mode, its owner and its
group.  Paths begin with ``/`` and do not end with it.  ``.wh.name`` in a folder says that ``name`` was deleted there
(OCI image-spec 1.1 "Whiteouts"), and ``.wh..wh..opq`` that all was that it had: that one keeps its own name.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from objreg.v1.tar_reader import Member, NotTar, TarReader

MOST_FILES = 1_000_000
_LONGEST = 4096
_WHITEOUT, _OPAQUE = '.wh.', '.wh..wh..opq'
_OF_AUFS = '.wh..wh.'
_TYPES = {
    b'0': 'f', b'\0': 'f', b'1': 'l', b'2': 's', b'3': 'c', b'4': 'b', b'5': 'd', b'6': 'i', b'7': 't', b'S': 'S',
}


class File(NamedTuple):
    """An entry of a layer; `type` is a letter: f l s c b d i t S, and u for what is unknown."""

    path: str
    type: str
    is_deleted: bool
    size: int
    mtime: int
    mode: int
    uid: int
    gid: int

    @property
    def cleared(self) -> str:
        """The folder whose former content is gone, '' if it is another entry."""
        folder, name = posixpath.split(self.path)
        return folder if self.is_deleted and name == _OPAQUE else ''


def files_of(tar: Iterable[bytes]) -> Iterator[File]:
    """The entries of an uncompressed layer, in their order; raises `NotTar`."""
    reader, count = TarReader(), 0
    for piece in tar:
        for event in reader.feed(piece):
            if isinstance(event, Member):
                count += 1
                if count > MOST_FILES:
                    raise NotTar(f'more than {MOST_FILES} files')
                found = _file(event)
                if found is not None:
                    yield found
    reader.finish()


def _file(member: Member) -> File | None:
    if len(member.name) > _LONGEST:
        raise NotTar('a path is too long')
    path = posixpath.normpath('/' + member.name.decode(errors='surrogateescape').lstrip('/'))
    folder, name = posixpath.split(path)
    is_deleted = name == _OPAQUE
    if name.startswith(_OF_AUFS) and not is_deleted:
        return None  # what a driver of Docker's kept there for itself
    if name.startswith(_WHITEOUT) and name != _WHITEOUT and not is_deleted:
        path, is_deleted = posixpath.join(folder, name.removeprefix(_WHITEOUT)), True
    return File(
        path, _TYPES.get(member.type, 'u'), is_deleted, member.size, member.mtime, member.mode, member.uid, member.gid
    )


def dump(files: Iterable[File]) -> Iterator[bytes]:
    """JSON, a line each, so that it can be read line by line, too."""
    before = b'['
    for file in files:
        yield before + b'\n' + json.dumps(file).encode()
        before = b','
    yield b'[]\n' if before == b'[' else b'\n]\n'


def load(lines: Iterable[bytes]) -> Iterator[File]:
    """What `dump` wrote."""
    for line in lines:
        if len(line) > 3:
            yield File(*json.loads(line.rstrip(b',\n')))
