"""Tarsum: the checksum that Docker made of an image before there were digests of layers.

Of each member a SHA-256 over the fields of its header, each as name and value, and its content; of these, sorted and
in hexadecimal, a SHA-256 behind the image's JSON.  So the order of members and the compression do not matter.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from objreg.v1.tar_reader import Member, NotTar, TarReader

Version = Literal['tarsum', 'tarsum.v1']
_MOST_MEMBERS = 2_000_000


class Tarsum:
    """Takes the uncompressed layer as it comes."""

    def __init__(self, version: Version = 'tarsum') -> None:
        self._version = version
        self._reader: TarReader | None = TarReader()
        self._sums: list[bytes] = []
        self._sum = hashlib.sha256()

    def feed(self, data: bytes) -> None:
        """More of it."""
        if self._reader is None:
            return
        try:
            for event in self._reader.feed(data):
                if isinstance(event, Member):
                    self._begin(event)
                else:
                    self._sum.update(event)
        except NotTar:
            self._reader = None

    def _begin(self, member: Member) -> None:
        self._end()
        if len(self._sums) >= _MOST_MEMBERS:
            raise NotTar('too many members')
        self._sum = hashlib.sha256(_header(member, self._version))
        self._sums.append(b'')

    def _end(self) -> None:
        if self._sums:
            self._sums[-1] = self._sum.digest()

    def of(self, json: bytes) -> str:
        """``tarsum+sha256:<hex>`` with that JSON; '' where the layer is no tar archive."""
        if self._reader is None:
            return ''
        try:
            self._reader.finish()
        except NotTar:
            return ''
        self._end()
        whole = hashlib.sha256(json)
        for digest in sorted(self._sums):
            whole.update(digest.hex().encode())
        return f'{self._version}+sha256:{whole.hexdigest()}'


def _header(member: Member, version: Version) -> bytes:
    fields: list[tuple[bytes, bytes | int]] = [
        (b'name', member.name),
        (b'mode', member.mode),
        (b'uid', member.uid),
        (b'gid', member.gid),
        (b'size', member.size),
        (b'mtime', member.mtime),
        (b'typeflag', member.type),
        (b'linkname', member.linkname),
        (b'uname', member.uname),
        (b'gname', member.gname),
        (b'devmajor', member.devmajor),
        (b'devminor', member.devminor),
    ]
    if version == 'tarsum.v1':
        fields = [field for field in fields if field[0] != b'mtime']
        fields += sorted(member.xattrs)
    return b''.join(name + (b'%d' % value if isinstance(value, int) else value) for name, value in fields)
