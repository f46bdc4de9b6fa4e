"""``Range`` of a download and ``Content-Range`` of an upload.  Pure.

RFC 9110 §14; distribution-spec 1.1 "Pushing a blob in chunks".
"""

from __future__ import annotations

import re

from objreg.errors import BlobUploadInvalid, RangeInvalid, RangeNotSatisfiable

_RANGE = re.compile(r'\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*', re.ASCII)
_CONTENT_RANGE = re.compile(r'\s*(?:bytes[ =])?\s*(\d{1,19})-(\d{1,19})(?:/(?:\*|\d{1,19}))?\s*', re.ASCII)


def requested(header: str, size: int) -> tuple[int, int] | None:
    """The first and the one-past-last byte that a ``Range`` asks of `size` bytes; None: send the whole.

    Several ranges, another unit or nonsense give the whole; a range that lies behind the end, or ends before it begins,
    is a 416.
    """
    found = _RANGE.fullmatch(header)
    if found is None or found.groups() == ('', ''):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
        satisfiable = last.strip('0') != '' and size > 0
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        satisfiable = start < size and (not last or int(last) >= start)
    if not satisfiable:
        raise RangeNotSatisfiable(f'the content has {size} bytes', headers={'Content-Range': f'bytes */{size}'})
    return start, end


def piece(header: str, length: int | None, offset: int) -> int:
    """Where a piece of an upload begins, by its ``Content-Range``: ``first-last``, both included.

    Raises the 416 of the specification when that is not `offset`, and BLOB_UPLOAD_INVALID when it cannot be at all.
    """
    found = _CONTENT_RANGE.fullmatch(header)
    if found is None:
        raise BlobUploadInvalid(f'Content-Range {header[:64]!r}: use <first>-<last>')
    first, last = map(int, found.groups())
    if last < first:
        raise BlobUploadInvalid(f'Content-Range {first}-{last} ends before it begins')
    if first != offset:
        raise RangeInvalid(f'the upload is at {offset}')
    if length is not None and last - first + 1 != length and not (length == 0 and last == first):
        raise BlobUploadInvalid(f'Content-Range is {first}-{last} and the body has {length} bytes')
    return first
