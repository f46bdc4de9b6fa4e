"""Reads a tar archive piece by piece, as raw as it is: what tarsum and lists of files are made of.

`tarfile` reads from a file only, and makes names and types nicer than they stand in the archive; a tarsum is over what
stands there.  POSIX.1-2017 "pax", and GNU's long names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_BLOCK = 512
_MOST_EXTENDED = 1024**2
"""Bytes of one extended header."""
_WITHOUT_CONTENT = frozenset({b'1', b'2', b'3', b'4', b'5', b'6'})
"""Links, devices, folders and pipes: a size in their header means nothing."""
_PAX, _LONG_NAME, _LONG_LINK, _SPARSE = b'x', b'L', b'K', b'S'
_XATTR = 'SCHILY.xattr.'


class NotTar(Exception):
    """The bytes are no tar archive; the text says why."""


class Member(NamedTuple):
    """A header: text as bytes, `type` the raw character, `size` that of the content that follows."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    type: bytes
    linkname: bytes
    uname: bytes
    gname: bytes
    devmajor: int
    devminor: int
    xattrs: tuple[tuple[bytes, bytes], ...] = ()


Event = Member | bytes


class TarReader:
    """Gives a `Member` for each header, followed by its content in pieces."""

    def __init__(self) -> None:
        self._buffer = b''
        self._left = 0
        """Bytes of content that are still to come."""
        self._padding = 0
        self._extended: tuple[bytes, list[bytes]] | None = None
        """The kind of the extended header whose content comes, and what came of it."""
        self._pax: dict[str, bytes] = {}
        self._more_sparse = False
        self._is_over = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """What these bytes are; raises `NotTar`."""
        if self._is_over:
            return
        view = memoryview(self._buffer + data if self._buffer else data)
        self._buffer = b''
        at = 0
        while at < len(view) and not self._is_over:
            if self._left:
                piece = bytes(view[at:at + self._left])
                at += len(piece)
                self._left -= len(piece)
                if self._extended is None:
                    yield piece
                else:
                    self._extended[1].append(piece)
            elif self._padding:
                step = min(self._padding, len(view) - at)
                at += step
                self._padding -= step
            elif len(view) - at < _BLOCK:
                self._buffer = bytes(view[at:])
                return
            else:
                member = self._block(bytes(view[at:at + _BLOCK]))
                at += _BLOCK
                if member is not None:
                    yield member

    def finish(self) -> None:
        """There is no more; raises `NotTar` where there should be."""
        if self._left or self._padding or self._buffer or self._more_sparse:
            raise NotTar('the archive is cut')

    def _block(self, block: bytes) -> Member | None:
        if self._more_sparse:
            self._more_sparse = block[504:505] == b'\1'
            return None
        if self._extended is not None:
            self._end_extended(*self._extended)
        if not block.strip(b'\0'):
            self._is_over = True
            return None
        _check(block)
        kind, size = block[156:157], _number(block[124:136])
        if kind in (_PAX, _LONG_NAME, _LONG_LINK):
            if not 0 < size <= _MOST_EXTENDED:
                raise NotTar(f'an extended header of {size} bytes')
            self._extended = kind, []
            self._begin(size)
            return None
        member = _member(block, size, self._pax)
        self._pax = {}
        self._more_sparse = kind == _SPARSE and block[482:483] == b'\1'
        self._begin(0 if kind in _WITHOUT_CONTENT else member.size)
        return member

    def _begin(self, size: int) -> None:
        self._left = size
        self._padding = -size % _BLOCK

    def _end_extended(self, kind: bytes, pieces: list[bytes]) -> None:
        data, self._extended = b''.join(pieces), None
        if kind == _LONG_NAME:
            self._pax['path'] = data.partition(b'\0')[0]
        elif kind == _LONG_LINK:
            self._pax['linkpath'] = data.partition(b'\0')[0]
        else:
            self._pax |= dict(_records(data))


def _check(block: bytes) -> None:
    told = _number(block[148:156])
    blanked = block[:148] + b' ' * 8 + block[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in blanked)
    if told not in (sum(blanked), signed):
        raise NotTar('the checksum of a header is wrong')


def _member(block: bytes, size: int, pax: dict[str, bytes]) -> Member:
    is_posix = block[257:263] == b'ustar\0'
    name = _text(block[0:100])
    prefix = _text(block[345:500]) if is_posix else b''
    if prefix:
        name = prefix + b'/' + name
    is_extended = block[257:262] == b'ustar'
    size = _decimal(pax, 'size', size)
    if size < 0:
        raise NotTar('a size is negative')
    return Member(
        name=pax.get('path', name),
        mode=_number(block[100:108]),
        uid=_decimal(pax, 'uid', _number(block[108:116])),
        gid=_decimal(pax, 'gid', _number(block[116:124])),
        size=size,
        mtime=_decimal(pax, 'mtime', _number(block[136:148])),
        type=block[156:157],
        linkname=pax.get('linkpath', _text(block[157:257])),
        uname=pax.get('uname', _text(block[265:297]) if is_extended else b''),
        gname=pax.get('gname', _text(block[297:329]) if is_extended else b''),
        devmajor=_number(block[329:337]) if is_extended else 0,
        devminor=_number(block[337:345]) if is_extended else 0,
        xattrs=tuple(
            (key.removeprefix(_XATTR).encode(), value) for key, value in pax.items() if key.startswith(_XATTR)
        ),
    )


def _text(field: bytes) -> bytes:
    return field.partition(b'\0')[0]


def _number(field: bytes) -> int:
    """Octal digits, or (GNU) a binary number whose first bit is set."""
    if field[0] & 0x80:
        value = int.from_bytes(field, 'big')
        bits = len(field) * 8
        value &= (1 << bits - 1) - 1
        return value - (1 << bits - 1) if field[0] == 0xff else value
    text = field.partition(b'\0')[0].strip()
    if not text:
        return 0
    if set(text) - set(b'01234567'):
        raise NotTar('a number in a header is none')
    return int(text, 8)


def _decimal(pax: dict[str, bytes], name: str, otherwise: int) -> int:
    if name not in pax:
        return otherwise
    whole, _, fraction = pax[name].partition(b'.')
    if not whole.removeprefix(b'-').isdigit() or len(whole) > 20:
        raise NotTar(f'{name} of an extended header is no number')
    negative_part = whole.startswith(b'-') and fraction.strip(b'0')
    return int(whole) - 1 if negative_part else int(whole)  # the second that it is in


def _records(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The ``<length> <key>=<value>\\n`` of an extended header."""
    at = 0
    while at < len(data):
        digits = data[at:at + 20].partition(b' ')[0]
        length = int(digits) if digits.isdigit() else 0
        record = data[at + len(digits) + 1:at + length]
        key, equals, value = record.partition(b'=')
        if length <= len(digits) + 1 or at + length > len(data) or not equals or value[-1:] != b'\n':
            raise NotTar('an extended header is damaged')
        yield key.decode(errors='surrogateescape'), value[:-1]
        at += length
