"""Uploads of the `s3` driver: multipart uploads, and the copy of an object that was uploaded under another key.

A multipart upload carries a random token as metadata of the object it makes.  By it a `finish` that is tried again,
because the answer to the first was lost, tells its own success from an upload that never was.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from objreg.drivers.bodies import prepared
from objreg.drivers.s3_errors import code_of, status_of
from objreg.store import Body, NotFound, Part, Refused, Upload, check_key, check_parts

if TYPE_CHECKING:
    from objreg.drivers.s3 import S3Store

_LONGEST_ID = 512
_LONGEST_KEY = 150
"""Of a key that fits in an upload's id beside the longest id of a server; a longer one is written elsewhere first."""
_TOKEN = 'objreg-upload'  # noqa: S105 - the name of a metadata field
_PARALLEL_COPIES = 4
_COPIED_PART = 256 * 1024**2
_GONE = frozenset({'NoSuchUpload', 'NoSuchKey', 'NotFound', '404'})


class S3Upload(Upload):
    """A multipart upload, created with its first part."""

    def __init__(self, store: S3Store, key: str, token: str = '', upload_id: str = '') -> None:
        self._store = store
        self._token = token or secrets.token_hex(8)
        self._key = key if len(quote(key)) <= _LONGEST_KEY else f'uploads/{self._token}/data-long'
        self._upload_id = upload_id
        self._lock = Lock()

    @classmethod
    def of(cls, store: S3Store, id: str) -> S3Upload:
        """What another process began."""
        key, token, upload_id = ([*id.split('?', 2), '', ''])[:3]
        if not (key and token and upload_id):
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
            with self._store.errors('write a part of', self._key):
                answer = self._store.client.upload_part(
                    **self._names(), **self._store.digest_of(data), PartNumber=number, Body=data, ContentLength=length,
                )
                return Part(number, length, answer['ETag'].strip('"'))

    def finish(self, parts: Sequence[Part], key: str) -> None:
        check_key(key)
        check_parts(parts, key)
        if not self._upload_id:
            raise Refused(f'{key}: nothing of this upload was written')
        if self._complete(parts, key) and key != self._key:
            self._bring(key, sum(part.size for part in parts))

    def _bring(self, key: str, size: int) -> None:
        """Have the object at the key where it was asked for, and only there."""
        try:
            self._store.copy_sized(self._key, key, size)
        except NotFound as error:
            # another that finished the same upload was faster
            with self._store.errors('complete the upload of', self._key):
                if not self._is_mine(key):
                    raise Refused(f'{self._key}: the store knows no such upload') from error
        else:
            self._store.delete([self._key])

    def abort(self) -> None:
        if not self._upload_id:
            return
        with self._store.errors('abort the upload of', self._key):
            try:
                self._store.client.abort_multipart_upload(**self._names())
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise

    def _names(self) -> dict[str, str]:
        return {**self._store.names(self._key), 'UploadId': self._upload_id}

    def _create(self) -> None:
        with self._lock:
            if self._upload_id:
                return
            with self._store.errors('begin the upload of', self._key):
                answer = self._store.client.create_multipart_upload(
                    **self._store.names(self._key), **self._store.written_as, Metadata={_TOKEN: self._token},
                )
                self._upload_id = answer['UploadId']
            if len(self.id) > _LONGEST_ID:
                self.abort()
                raise Refused(f'{self._key}: the store names its uploads by more than {_LONGEST_ID} characters')

    def _complete(self, parts: Sequence[Part], key: str) -> bool:
        """Make the object of the parts; whether it still has to be brought to `key`."""
        named = [{'PartNumber': part.number, 'ETag': f'"{part.etag}"'} for part in parts]
        with self._store.errors('complete the upload of', self._key):
            try:
                self._store.client.complete_multipart_upload(**self._names(), MultipartUpload={'Parts': named})
            except ClientError as error:
                if code_of(error) not in _GONE and status_of(error) < 500:
                    raise
                return self._completed_before(key, error)
        return True

    def _completed_before(self, key: str, error: ClientError) -> bool:
        """After a failed completion: False if `key` came of this upload, True if its own key did; else raise.

        Ceph answers 500 where others say that there is no such upload.
        """
        if self._is_mine(key):
            return False
        if key != self._key and self._is_mine(self._key):
            return True
        if code_of(error) not in _GONE and self._is_open():
            raise error
        raise Refused(f'{self._key}: the store knows no such upload') from error

    def _is_open(self) -> bool:
        try:
            self._store.client.list_parts(**self._names(), MaxParts=1)
        except ClientError as error:
            if code_of(error) in _GONE:
                return False
            raise
        return True

    def _is_mine(self, key: str) -> bool:
        try:
            answer = self._store.client.head_object(**self._store.names(key))
        except ClientError as error:
            if status_of(error) == 404:
                return False
            raise
        return bool(answer.get('Metadata', {}).get(_TOKEN) == self._token)


def copy_in_parts(store: S3Store, source: dict[str, str], target: str, size: int) -> None:
    """Have the server copy an object (its bucket and key) that is too large for one copy, several parts at a time."""
    step = max(_COPIED_PART, -(-size // store.capabilities.max_parts))
    upload = store.client.create_multipart_upload(**store.names(target), **store.written_as)
    names = {**store.names(target), 'UploadId': upload['UploadId']}

    def copy(number: int) -> dict[str, Any]:
        first = (number - 1) * step
        answer = store.client.upload_part_copy(
            **names, PartNumber=number, CopySource=source,
            CopySourceRange=f'bytes={first}-{min(first + step, size) - 1}',
        )
        return {'PartNumber': number, 'ETag': answer['CopyPartResult']['ETag']}

    try:
        with ThreadPoolExecutor(_PARALLEL_COPIES) as pool:
            parts = list(pool.map(copy, range(1, -(-size // step) + 1)))
        store.client.complete_multipart_upload(**names, MultipartUpload={'Parts': parts})
    except BaseException:
        store.client.abort_multipart_upload(**names)
        raise
