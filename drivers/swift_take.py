"""How the `swift` driver takes an object of another container of its account: the server copies, nothing passes here.

A large object is copied as one where that makes bytes of its own, up to what one object may have; beyond it, each of
its segments is copied.  Where a copy would share the segments, which another owner may delete, nothing is taken.
"""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from objreg.drivers.swift_upload import FOR, LONGEST_VALUE

if TYPE_CHECKING:
    from objreg.drivers.swift import SwiftStore

_AT_ONCE = 8
"""Segments that are copied at the same time."""
_LONGEST_MANIFEST = 8 * 1024**2


def take(store: SwiftStore, source: tuple[str, str], target: str) -> bool:
    """Make `target` a copy of the object at that container and name; False where its bytes have to be read."""
    with store.errors('stat', source[1]):
        headers = store.account.ask('HEAD', *source).headers
    size, is_static = int(headers['content-length']), headers.get('x-static-large-object', '').lower() == 'true'
    is_large = is_static or 'x-object-manifest' in headers
    if is_large and not store.preset.whole_copies:
        return False
    if size <= store.capabilities.max_put:
        store.copy_from(source, store.place(target))
        return True
    return is_static and store.may_be_large(target) and _segment_by_segment(store, source, target)


def _segment_by_segment(store: SwiftStore, source: tuple[str, str], target: str) -> bool:
    """Copy the segments, and make an object of the copies; False where a segment is more, or less, than an object."""
    with store.errors('read the manifest of', source[1]):
        answer = store.account.ask('GET', *source, query='multipart-manifest=get&format=raw', stream=True)
    with answer:
        segments: list[dict[str, Any]] = json.loads(b''.join(answer.chunks(_LONGEST_MANIFEST)))
    if len(segments) > store.capabilities.max_parts or not all(map(_is_object, segments)):
        return False
    token = secrets.token_hex(16)
    named = {FOR: quote(store.prefix + target, safe='/')[:LONGEST_VALUE]}
    copies = [
        {**segment, 'path': f'/{store.segments}/{store.prefix}{token}/{number:05d}-{secrets.token_hex(8)}'}
        for number, segment in enumerate(segments, 1)
    ]

    def copy(segment: dict[str, Any], made: dict[str, Any]) -> None:
        container, name = segment['path'][1:].split('/', 1)
        place = made['path'][1:].split('/', 1)
        store.copy_from((container, name), (place[0], place[1]), named)

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(copy, segments, copies))
        store.large_objects.write(target, copies)
    except BaseException:
        store.delete_names(store.segments, [made['path'].split('/', 2)[2] for made in copies])
        raise
    return True


def _is_object(segment: dict[str, Any]) -> bool:
    """Whether a segment is a whole object that is none of segments itself."""
    return {*segment} == {'path', 'etag', 'size_bytes'}
