"""Probes of content: what the layers of images go through."""

from __future__ import annotations

from collections.abc import Iterator

from objreg.checking.findings import Found, State
from objreg.checking.scratch import Scratch, noise
from objreg.store import NotFound, Part, Refused, Upload

_PART = 8 * 1024**2
"""How large parts are where the store takes any, and there is so much."""


def large_objects(scratch: Scratch) -> Found:
    """A large object is put, read and copied, and is the same."""
    key, target, size = scratch.content(), scratch.content(), scratch.bounds.size
    with noise(size) as (file, digest):
        scratch.put(key, file, size)
    if scratch.digest(key) != digest:
        return Found(State.WRONG, 'what is read is not what was written', 'this store cannot be used')
    scratch.readable = (key, 'sha256', digest)
    scratch.copy(key, target)
    if scratch.digest(target) != digest:
        return Found(State.WRONG, 'a copy has other bytes', 'this store cannot be used')
    return Found(State.OK, 'they are written, read and copied whole')


def uploads(scratch: Scratch) -> Found:
    """Parts become an object when they are finished and not before, wherever it is wanted; what is aborted is gone."""
    begun, wanted, size = scratch.content(), scratch.content(), scratch.bounds.size
    upload = scratch.upload(begun)
    with noise(size) as (file, digest):
        parts = [
            upload.part(number, file, length) for number, length in enumerate(_lengths(scratch, size), 1)
        ]
    for key in (begun, wanted):
        if not _is_missing(scratch, key):
            return Found(State.WRONG, 'an upload is seen before its end', 'this store cannot be used')
    scratch.resume(upload.id).finish(parts, wanted)
    if scratch.digest(wanted) != digest or scratch.stat(wanted).size != size:
        return Found(State.WRONG, 'what was uploaded is not what was sent', 'this store cannot be used')
    if not _is_missing(scratch, begun):
        return Found(State.WRONG, 'an upload is left where it began', 'it takes place until somebody deletes it')
    if _can_be_finished(scratch, scratch.upload(scratch.content())):
        return Found(State.WRONG, 'an upload that was aborted can be finished', 'what is aborted takes place')
    if len(parts) == 1:
        return Found(State.LIMITED, f'one part is whole; two are not tried below {_least(scratch)} MiB', 'see --size')
    return Found(State.OK, f'{len(parts)} parts become one object, not before their end and nowhere else')


def _lengths(scratch: Scratch, size: int) -> Iterator[int]:
    part = scratch.capabilities.min_part or max(1, min(_PART, size // 2))
    for start in range(0, size, part):
        yield min(part, size - start)


def _least(scratch: Scratch) -> int:
    return scratch.capabilities.min_part // 1024**2 + 1


def _is_missing(scratch: Scratch, key: str) -> bool:
    try:
        scratch.stat(key)
    except NotFound:
        return True
    return False


def _can_be_finished(scratch: Scratch, upload: Upload) -> bool:
    parts: list[Part] = [upload.part(1, b'dropped')]
    upload.abort()
    try:
        upload.finish(parts, scratch.content())
    except Refused:
        return False
    return True
