"""Uploads of the `qiniu` driver: Kodo's resumable uploads, version 2, and the copy of what was uploaded elsewhere.

An upload carries a random token as metadata of the object it makes.  By it a `finish` that is tried again, because the
answer to the first was lost, tells its own success from an upload that never was.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from objreg.drivers.bodies import md5_of, prepared
from objreg.drivers.qiniu_errors import NO_SUCH, KodoError
from objreg.store import Body, NotFound, Part, Refused, Upload, check_parts

if TYPE_CHECKING:
    from objreg.drivers.qiniu import QiniuStore

_LONGEST_ID = 512
_LONGEST_KEY = 150
"""Of a key that fits in an upload's id beside the longest id of the server; a longer one is written elsewhere first."""
_TOKEN = 'x-qn-meta-objreg-upload'  # noqa: S105 - the name of a metadata field
_EMPTY = 'empty'
"""The etag of a part without bytes, which is not sent: nobody says that Kodo takes one."""


class QiniuUpload(Upload):
    """An upload in parts, begun with its first part.  Kodo deletes its parts after a week."""

    def __init__(self, store: QiniuStore, key: str, token: str = '', upload_id: str = '') -> None:
        self._store = store
        self._token = token or secrets.token_hex(8)
        self._key = key if len(quote(key)) <= _LONGEST_KEY else f'uploads/{self._token}/data-long'
        self._upload_id = upload_id
        self._lock = Lock()

    @classmethod
    def of(cls, store: QiniuStore, id: str) -> QiniuUpload:
        """What another process began."""
        key, token, upload_id = ([*id.split('?', 2), '', ''])[:3]
        if not (key and token and upload_id) or '/' in upload_id or '?' in upload_id:
            raise Refused(f'not the id of an upload: {id[:80]!r}')
        return cls(store, unquote(key), token, upload_id)

    @property
    def id(self) -> str:
        return f'{quote(self._key)}?{self._token}?{self._upload_id}'

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        if not 1 <= number <= self._store.capabilities.max_parts:
            raise Refused(f'part {number}: there may be {self._store.capabilities.max_parts} parts')
        with prepared(body, size) as (data, length):
            self._create()
            if not length:
                return Part(number, 0, _EMPTY)
            headers = {'Content-Type': 'application/octet-stream', 'Content-MD5': md5_of(data).hex()}
            with self._store.errors('write a part of', self._key, missing=Refused):
                told = self._store.kodo.upload(
                    'PUT', self._name, self._upload_id, str(number), data=data, headers=headers
                )
        return Part(number, length, told['etag'])

    def finish(self, parts: Sequence[Part], key: str) -> None:
        target = self._store.name_of(key)
        check_parts(parts, key)
        if not self._upload_id:
            raise Refused(f'{key}: nothing of this upload was written')
        if any((part.etag == _EMPTY) != (part.size == 0) for part in parts):
            raise Refused(f'{key}: a part is not of this upload')
        if not any(part.size for part in parts):
            self._finish_empty(key)
        elif self._complete(parts, target) and target != self._name:
            self._bring(key)

    def abort(self) -> None:
        if not self._upload_id:
            return
        with self._store.errors('abort the upload of', self._key, missing=Refused):
            try:
                self._store.kodo.upload('DELETE', self._name, self._upload_id)
            except KodoError as error:
                if error.code != NO_SUCH:
                    raise

    @property
    def _name(self) -> str:
        return self._store.name_of(self._key)

    def _create(self) -> None:
        with self._lock:
            if self._upload_id:
                return
            with self._store.errors('begin the upload of', self._key, missing=Refused):
                self._upload_id = self._store.kodo.upload('POST', self._name)['uploadId']
            if len(self.id) > _LONGEST_ID:
                self.abort()
                raise Refused(f'{self._key}: the store names its uploads by more than {_LONGEST_ID} characters')

    def _finish_empty(self, key: str) -> None:
        """An object of nothing is written at once, if the upload is still open."""
        with self._store.errors('look at the upload of', self._key, missing=Refused):
            self._store.kodo.upload('GET', self._name, self._upload_id)
        self._store.put(key, b'')
        self.abort()

    def _complete(self, parts: Sequence[Part], target: str) -> bool:
        """Make the object of the parts; whether it is where it was begun, and not yet at `target` only."""
        described = {
            'parts': [{'partNumber': part.number, 'etag': part.etag} for part in parts if part.size],
            'mimeType': 'application/octet-stream', 'metadata': {_TOKEN: self._token},
        }
        with self._store.errors('complete the upload of', self._key, missing=Refused):
            try:
                self._store.kodo.upload(
                    'POST', self._name, self._upload_id, data=json.dumps(described).encode(),
                    headers={'Content-Type': 'application/json'},
                )
            except KodoError as error:
                if error.code != NO_SUCH:
                    raise
                # completed before, or never begun
                if not self._is_mine(self._name):
                    if target == self._name or not self._is_mine(target):
                        raise
                    return False
        return True

    def _bring(self, key: str) -> None:
        """Have the object at the key where it was asked for, and only there."""
        try:
            self._store.copy(self._key, key)
        except NotFound as error:
            # another that finished the same upload was faster
            with self._store.errors('complete the upload of', self._key, missing=Refused):
                if not self._is_mine(self._store.name_of(key)):
                    raise Refused(f'{self._key}: the store knows no such upload') from error
        else:
            self._store.delete([self._key])

    def _is_mine(self, name: str) -> bool:
        try:
            found = self._store.kodo.stat(name)
        except KodoError as error:
            if error.code == NO_SUCH:
                return False
            raise
        return self._token in (found.get('x-qn-meta') or {}).values()
