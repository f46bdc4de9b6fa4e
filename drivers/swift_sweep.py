"""Segments of the `swift` driver that no object has any more: found, and deleted.

They are left when a process dies between the manifest and what follows it, or when two write one large object at the
same moment.  Those of unfinished uploads expire by themselves, where `expire_uploads` is not 0.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from swiftclient.exceptions import ClientException

from objreg.drivers.swift_upload import FOR, LONGEST_VALUE
from objreg.store import Refused

if TYPE_CHECKING:
    from objreg.drivers.swift import SwiftStore

_PAGE = 10_000


def sweep(store: SwiftStore, seconds: float) -> int:
    """Delete segments that are older than that and belong to no object; how many they were."""
    newest = time.time() - seconds
    doomed = [name for upload in _uploads(store) for name in _doomed(store, upload, newest)]
    store.delete_names(store.segments, doomed)
    return len(doomed)


def _uploads(store: SwiftStore) -> Iterator[list[dict[str, Any]]]:
    """The lines of the listing of segments, those of one upload together."""
    for _, group in groupby(_lines(store), lambda line: line['name'].rpartition('/')[0]):
        yield list(group)


def _lines(store: SwiftStore) -> Iterator[dict[str, Any]]:
    marker = ''
    while lines := store.listed(store.segments, {'prefix': store.prefix, 'limit': str(_PAGE), 'marker': marker}, ''):
        yield from lines
        marker = lines[-1]['name']


def _doomed(store: SwiftStore, upload: list[dict[str, Any]], newest: float) -> list[str]:
    if any(modified(line) > newest for line in upload):
        return []
    found: list[str] = [line['name'] for line in upload]
    with store.errors('look at segments of', found[0], missing=Refused):
        try:
            headers = store.account.ask('HEAD', store.segments, found[0]).headers
        except ClientException as error:
            if error.http_status == 404:
                return []  # a listing that lags
            raise
    named = headers.get(FOR.lower(), '')
    if len(named) >= LONGEST_VALUE:
        return []  # of which object cannot be told
    if not named:
        return found
    key = unquote(named)[len(store.prefix):]
    if not store.preset.readable_manifests:
        return [] if store.large_objects.is_large(key) else found
    in_use = set(store.large_objects.segments_of(key))
    return [name for name in found if name not in in_use]


def modified(line: dict[str, Any]) -> float:
    """When an object of a listing was written, in seconds since the epoch."""
    told = datetime.fromisoformat(line['last_modified'])
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
