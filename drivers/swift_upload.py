"""Uploads of the `swift` driver: static large objects, whose segments lie in a container beside the other one.

A segment is ``<upload>/<number>-<random>``: two writers of one number write two segments, and the manifest names one.
It expires by itself until `finish` takes it over, which also writes down on it for which object; so nothing is left
of an upload that nobody goes on with, and an `abort` that comes too late takes nothing away.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from swiftclient.exceptions import ClientException

from objreg.drivers.bodies import md5_of, prepared
from objreg.drivers.swift_errors import of_status
from objreg.store import Body, Exists, NotFound, Part, Refused, Upload, check_key, check_parts

if TYPE_CHECKING:
    from objreg.drivers.swift import SwiftStore

_ID = re.compile('[0-9a-f]{32}')
_ETAG = re.compile('([0-9a-f]{32})[.]([0-9a-f]{16})')
FOR = 'X-Object-Meta-Objreg-For'
"""The header of a segment that says of which object it is."""
LONGEST_VALUE = 256
"""Bytes of a metadata value that every Swift takes."""
_AT_ONCE = 8
"""Requests that take over segments at the same time."""


class SwiftUpload(Upload):
    """The segments of one object to come."""

    def __init__(self, store: SwiftStore, token: str) -> None:
        self._store = store
        self._token = token

    @classmethod
    def new(cls, store: SwiftStore) -> SwiftUpload:
        """One of which nothing is written."""
        return cls(store, secrets.token_hex(16))

    @classmethod
    def of(cls, store: SwiftStore, id: str) -> SwiftUpload:
        """What another process began."""
        if not _ID.fullmatch(id):
            raise Refused(f'not the id of an upload: {id[:80]!r}')
        return cls(store, id)

    @property
    def id(self) -> str:
        return self._token

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        if not 1 <= number <= self._store.capabilities.max_parts:
            raise Refused(f'part {number}: there may be {self._store.capabilities.max_parts} parts')
        mark = secrets.token_hex(8)
        with prepared(body, size) as (data, length):
            md5 = md5_of(data).hex()
            headers = {'ETag': md5, 'Content-Type': 'application/octet-stream', **self._store.expiring}
            with self._store.errors('write a part of', self._token):
                self._store.account.ask('PUT', *self._segment(number, mark), headers=headers, data=data)
        return Part(number, length, f'{md5}.{mark}')

    def finish(self, parts: Sequence[Part], key: str) -> None:
        check_key(key)
        check_parts(parts, key)
        if not self._store.may_be_large(key):
            raise Refused(f'{key}: not a key of a large object; mend large')
        manifest = [self._described(part) for part in parts]
        if not any(part.size for part in parts):
            self._finish_empty(manifest, key)
            return
        with ThreadPoolExecutor(min(_AT_ONCE, len(manifest))) as pool:
            for done in [pool.submit(self._take_over, segment['path'], key) for segment in manifest]:
                done.result()
        self._store.large_objects.write(key, manifest)

    def abort(self) -> None:
        if not _ID.fullmatch(self._token):
            return
        segments = self._store.segments_under(f'{self._token}/')
        if not segments or self._is_taken_over(segments[0]):
            return
        self._store.delete_names(self._store.segments, segments)

    def _finish_empty(self, manifest: list[dict[str, Any]], key: str) -> None:
        """Ceph cannot answer for an object whose segments are all empty."""
        for segment in manifest:
            self._take_over(segment['path'], key)
        self._store.put(key, b'')
        self._store.large_objects.delete_segments({*_names(manifest)})

    def _segment(self, number: int, mark: str) -> tuple[str, str]:
        return self._store.segments, f'{self._store.prefix}{self._token}/{number:05d}-{mark}'

    def _described(self, part: Part) -> dict[str, Any]:
        found = _ETAG.fullmatch(part.etag)
        if not found:
            raise Refused(f'part {part.number}: {part.etag[:80]!r} is not of this store')
        container, name = self._segment(part.number, found[2])
        return {'path': f'/{container}/{name}', 'etag': found[1], 'size_bytes': part.size}

    def _take_over(self, path: str, key: str) -> None:
        """Have a segment stay for good, as a part of that object."""
        named = quote(self._store.prefix + key, safe='/')
        headers = {'X-Remove-Delete-At': 'now', FOR: named[:LONGEST_VALUE]}
        with self._store.errors('take over a part of', key, missing=Refused):
            self._store.account.ask('POST', *path[1:].split('/', 1), headers=headers)

    def _is_taken_over(self, name: str) -> bool:
        with self._store.errors('look at a part of', self._token, missing=NotFound):
            try:
                answer = self._store.account.ask('HEAD', self._store.segments, name)
            except ClientException as error:
                if error.http_status == 404:
                    return False
                raise
        return FOR.lower() in answer.headers


class LargeObjects:
    """The manifests: written, read, and their segments deleted when another object takes their place."""

    def __init__(self, store: SwiftStore) -> None:
        self._store = store

    def write(self, key: str, manifest: list[dict[str, Any]]) -> None:
        """Make `key` the object of these segments, and delete those of the object that was there.

        Where that does not tell its segments, they stay until it is deleted (see `swift_sweep`).
        """
        if not self._store.preset.readable_manifests:
            self._put(key, manifest, only_new=False)
            return
        try:
            self._put(key, manifest, only_new=True)
        except Exists:
            before, names = self.segments_of(key), _names(manifest)
            if names != before:
                self._put(key, manifest, only_new=False)
                self.delete_segments(set(before) - set(names))

    def segments_of(self, key: str) -> list[str]:
        """The names of the segments of an object, in order; none for one that is not large, or not there."""
        account, place = self._store.account, self._store.place(key)
        with self._store.errors('read the manifest of', key):
            try:
                answer = account.ask('GET', *place, query='multipart-manifest=get&format=raw', stream=True)
            except ClientException as error:
                if error.http_status == 404:
                    return []
                raise
            with answer:
                if answer.headers.get('x-static-large-object', '').lower() != 'true':
                    return []
                return _names(json.loads(b''.join(answer.chunks(8 * 1024**2))))

    def is_large(self, key: str) -> bool | None:
        """Whether the object has segments; None when it is not there."""
        with self._store.errors('stat', key):
            try:
                answer = self._store.account.ask('HEAD', *self._store.place(key))
            except ClientException as error:
                if error.http_status == 404:
                    return None
                raise
        return answer.headers.get('x-static-large-object', '').lower() == 'true'

    def delete(self, key: str) -> None:
        """Delete a large object with its segments."""
        with self._store.errors('delete', key):
            answer = self._store.account.ask(
                'DELETE', *self._store.place(key), query='multipart-manifest=delete',
                headers={'Accept': 'application/json'},
            )
        check_summary(answer.body, f'delete {key}')

    def delete_segments(self, names: set[str]) -> None:
        """Delete segments that no manifest names any more."""
        self._store.delete_names(self._store.segments, sorted(names))

    def _put(self, key: str, manifest: list[dict[str, Any]], *, only_new: bool) -> None:
        headers = {'Content-Type': 'application/octet-stream', 'Accept': 'application/json'}
        if only_new:
            headers['If-None-Match'] = '*'
        # a store that looks at a thousand segments says meanwhile that it still lives, and tells at the end how it went
        with self._store.errors('write', key, unmet=Exists if only_new else Refused, missing=Refused):
            answer = self._store.account.ask(
                'PUT', *self._store.place(key), query='multipart-manifest=put&heartbeat=on', headers=headers,
                data=json.dumps(manifest).encode(),
            )
        if answer.body.strip():
            check_summary(answer.body, f'write {key}')


def check_summary(body: bytes, doing: str) -> None:
    """Raise what the summary of a bulk request tells of errors: its status is always 200."""
    summary = json.loads(body)
    status = int(str(summary.get('Response Status', '0')).split()[0])
    errors = [(name, said) for name, said in summary.get('Errors', ()) if not str(said).startswith('404')]
    if status == 412:
        raise Exists(f'{doing}: it is there')
    if errors:
        name, said = errors[0]
        number = int(said.split()[0]) if said.split()[0].isdigit() else status
        raise of_status(number if number >= 400 else status, f'{doing}: {name}', {}, said)
    if status >= 300 and status != 404:
        raise of_status(status, doing, {}, str(summary.get('Response Body', ''))[:200])


def _names(manifest: list[dict[str, Any]]) -> list[str]:
    """The names of segments, without their container."""
    return [segment['path'].split('/', 2)[2] for segment in manifest]
