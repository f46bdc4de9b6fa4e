"""``s3``: objects of a bucket of Amazon S3, Ceph, MinIO, or of whoever else speaks S3.

Options:

``bucket``
    The bucket; it must exist.  Needed.
``prefix``
    What all keys begin with, when the bucket is shared with others: ``registry`` gives ``registry/blobs/…``.
``preset``
    What server it is, hence what it can do: ``aws`` (the default), ``ceph``, ``minio``, ``swift`` (with s3api),
    ``gcs`` (Google), ``oss`` (Aliyun), ``obs`` (Huawei), ``r2`` (Cloudflare), ``b2`` (Backblaze), ``wasabi`` or
    ``qiniu``.
``endpoint``
    The server's URL.  Needed where the preset has none: ``ceph``, ``minio``, ``r2``, ``swift``.
``public_endpoint``
    The server's URL as clients reach it, where that is another one; presigned URLs carry it.
``region``
    What requests are signed for.  By default the preset's; ``obs`` and ``b2`` need it.
``access_key``, ``secret_key``
    The credentials.  Without them boto3 looks in the environment, in its files, and for the role of the host.
``session_token``
    A third part that temporary credentials have.
``profile``, ``credentials_file``
    A section of boto3's files, and another place of its credentials file.
``addressing``
    ``path``, ``virtual`` (the bucket is part of the host's name) or ``auto``.  By default the preset's.
``ca_bundle``
    A file with the certificates to trust.  By default those that Python's ``certifi`` brings.
``conditional_put``
    Whether ``If-None-Match: *`` is atomic on this server, if you know better than the preset.
``part_size``
    The smallest part of an upload, in bytes: 8 MiB by default, at least 5 MiB.
``pool``
    How many connections are kept open, 32 by default; as many as the server has threads is right.
``connect_timeout``, ``read_timeout``
    Seconds to wait for a connection, 5 by default, and for the next bytes, 60 by default.
``storage_class``, ``sse``
    The class of what is written, and its encryption at rest: ``AES256``, ``aws:kms`` or ``aws:kms:KEY``.

Example::

    default:
      driver: s3
      preset: ceph
      endpoint: https://rgw.example.net
      bucket: registry
      access_key: ${S3_ACCESS_KEY}
      secret_key: ${S3_SECRET_KEY}

Nothing is tried twice here: a wrapping store retries.  The server checks the SHA-256 or MD5 of all that it is sent.
Set a lifecycle rule of the bucket that aborts incomplete multipart uploads after some days.
"""

from __future__ import annotations

import contextlib
import re
from base64 import b64encode
from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from objreg.drivers import options, reading, s3_client, s3_options
from objreg.drivers.bodies import Window, md5_of, prepared
from objreg.drivers.listing import beyond
from objreg.drivers.s3_errors import of_code, status_of, translated
from objreg.drivers.s3_presets import MIB
from objreg.drivers.s3_presets import preset as preset_named
from objreg.drivers.s3_upload import S3Upload, copy_in_parts
from objreg.drivers.transport import Transport
from objreg.store import (
    Body,
    Capabilities,
    Content,
    Entry,
    Exists,
    NotFound,
    Origin,
    Page,
    Refused,
    Stat,
    Store,
    StoreError,
    Unavailable,
    Upload,
    check_key,
)

_WEEK = 7 * 86400
"""How long a presigned URL may be valid."""
_FITS_XML = re.compile('[^\x00-\x1f\x7f\ufffe\uffff]*')
"""Keys that can be deleted together, which is asked for in XML."""


class S3Store(Store):
    """A bucket."""

    def __init__(
        self, *, bucket: str = '', prefix: str = '', preset: str = 'aws', endpoint: str = '', public_endpoint: str = '',
        region: str = '', access_key: str = '', secret_key: str = '', session_token: str = '', profile: str = '',
        credentials_file: str = '', addressing: str = '', ca_bundle: str = '', conditional_put: bool | None = None,
        part_size: int = 8 * MIB, pool: int = 32, connect_timeout: float = 5, read_timeout: float = 60,
        storage_class: str = '', sse: str = '',
    ) -> None:
        self._preset = known = preset_named(preset)
        self._bucket = bucket
        self._prefix = options.folder(prefix)
        self.written_as = s3_options.written_as(storage_class, sse)
        options.needed(
            bucket=bucket, endpoint=endpoint or known.endpoint is not None, region=region or known.region is not None
        )
        region = region or known.region or ''
        endpoint = endpoint or (known.endpoint or '').format(region=region)
        self._place = f'bucket {bucket!r} at {endpoint or "AWS"}'
        addressing = s3_options.addressing(addressing or known.addressing)
        transport = Transport(
            ca_bundle=ca_bundle, pool=pool, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        credentials = s3_client.Credentials(access_key, secret_key, session_token, profile, credentials_file)
        boto = s3_client.session(credentials)
        self._server = endpoint, region, credentials
        """Two stores for which this is the same see the same buckets."""
        self.client = s3_client.client(boto, endpoint, region, addressing, transport)
        self._lister = self.client.list_objects_v2 if known.list_v2 else self.client.list_objects
        self._signer = self.client
        if public_endpoint:
            self._signer = s3_client.client(boto, public_endpoint, region, addressing, transport)
        self.capabilities = Capabilities(
            conditional_put=options.flag(
                'conditional_put', known.conditional_put if conditional_put is None else conditional_put
            ),
            min_part=int(options.number('part_size', part_size, 5 * MIB)), max_parts=known.max_parts,
            max_put=known.max_put, consistent_list=known.consistent_list, presign=True,
        )
        self._if_none_match = known.if_none_match or self.capabilities.conditional_put

    # What S3Upload needs of its store.

    def names(self, key: str) -> dict[str, str]:
        """An object, as boto3 names it."""
        return {'Bucket': self._bucket, 'Key': self._prefix + key}

    def digest_of(self, data: bytes | Window) -> dict[str, str]:
        """What a body carries so that the server can check it, as boto3 names it; none where SHA-256 does it."""
        return {'ContentMD5': b64encode(md5_of(data)).decode()} if self._preset.content_md5 else {}

    def errors(self, doing: str, key: str, unmet: type[StoreError] = Refused) -> AbstractContextManager[None]:
        """Translate what boto3 raises; `unmet` is what an unmet precondition means."""
        return translated(f'{self.name or "s3"}: {doing} {key!r} in {self._place}', unmet)

    # The interface.

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        check_key(key)
        if end is not None and end <= start:
            return reading.nothing(self.stat(key).size, start, f'{self.name}: {key}')
        wanted = reading.range_header(start, end)
        with self.errors('read', key):
            try:
                answer = self.client.get_object(**self.names(key), **wanted)
            except ClientError as error:
                if start or status_of(error) != 416:
                    raise
                return Content((), 0)  # the object is empty
            body, size = answer['Body'], answer['ContentLength']
        if wanted and not answer.get('ContentRange', '').startswith(f'bytes {start}-'):
            body.close()
            raise Unavailable(f'{self.name}: {key}: the answer is not the range from {start}')
        chunks = reading.whole(reading.chunks(body.read, size), size, f'{self.name}: {key}', self.errors('read', key))
        return Content(chunks, size, close=contextlib.closing(body))

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        check_key(key)
        condition = {}
        if if_absent and self._if_none_match:
            condition = {'IfNoneMatch': '*'}
        elif if_absent and self.has(key):
            raise Exists(f'{self.name}: {key} is taken')
        with prepared(body, size) as (data, length):
            if length > self.capabilities.max_put:
                raise Refused(f'{self.name}: {key}: {length} bytes are too many for one request; upload it in parts')
            with self.errors('write', key, Exists if if_absent else Refused):
                self.client.put_object(
                    **self.names(key), **self.written_as, **condition, **self.digest_of(data), Body=data,
                    ContentLength=length,
                )

    def stat(self, key: str) -> Stat:
        check_key(key)
        with self.errors('stat', key):
            answer = self.client.head_object(**self.names(key))
            return Stat(answer['ContentLength'], answer['LastModified'].timestamp(), answer['ETag'].strip('"'))

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while batch := list(islice(waiting, self._preset.delete_many)):
            for key in batch:
                check_key(key)
            together = [key for key in batch if _FITS_XML.fullmatch(key)]
            alone = batch if len(together) == 1 else [key for key in batch if not _FITS_XML.fullmatch(key)]
            for key in alone:
                self._delete_one(key)
            if len(together) > 1:
                self._delete_many(together)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        wanted: dict[str, Any] = {'Prefix': self._prefix + prefix, 'MaxKeys': max(1, min(limit, 1000))}
        if delimiter:
            wanted['Delimiter'] = delimiter
        if after:
            place = 'StartAfter' if self._preset.list_v2 else 'Marker'
            wanted[place] = self._prefix + beyond(prefix, after, delimiter)
        while True:
            with self.errors('list', prefix):
                answer = self._lister(Bucket=self._bucket, **wanted)
                more = answer['IsTruncated']
            entries = [entry for entry in self._entries(answer) if entry.key > after]
            if entries or not more:
                return Page(entries, more)
            if self._preset.list_v2:
                wanted['ContinuationToken'] = answer['NextContinuationToken']
            else:
                wanted['Marker'] = answer.get('NextMarker') or answer['Contents'][-1]['Key']

    def upload(self, key: str) -> Upload:
        check_key(key)
        return S3Upload(self, key)

    def resume(self, id: str) -> Upload:
        return S3Upload.of(self, id)

    def copy(self, source: str, target: str) -> None:
        check_key(source)
        check_key(target)
        self._copy_of(self, source, target)

    def take(self, origin: Origin, target: str) -> bool:
        store = origin.store
        if not isinstance(store, S3Store) or store._server != self._server:
            return super().take(origin, target)
        check_key(origin.key)
        check_key(target)
        try:
            self._copy_of(store, origin.key, target)
        except Refused:
            return False  # not everywhere may who reads and writes also copy, or an object that large be copied
        return True

    def _copy_of(self, store: S3Store, source: str, target: str) -> None:
        size = None if self._preset.max_copy is None else store.stat(source).size
        self.copy_sized(source, target, size, named=store.names(source))

    def copy_sized(
        self, source: str, target: str, size: int | None, *, named: dict[str, str] | None = None
    ) -> None:
        """Copy an object of that size (None: any) on the server; `named` where it is not in this bucket."""
        named = named or self.names(source)
        with self.errors(f'copy {source!r} to', target):
            if size is None or self._preset.max_copy is None or size <= self._preset.max_copy:
                self.client.copy_object(**self.names(target), **self.written_as, CopySource=named)
            elif self._preset.part_copy:
                copy_in_parts(self, named, target, size)
            else:
                raise Refused(f'{self.name}: {source}: {size} bytes are too many for a copy')

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        check_key(key)
        wanted: dict[str, str] = self.names(key)
        if content_type:
            wanted['ResponseContentType'] = content_type
        operation = 'head_object' if method == 'HEAD' else 'get_object'
        with self.errors('sign a URL of', key):
            signed: str = self._signer.generate_presigned_url(operation, wanted, min(seconds, _WEEK))
        return signed

    def close(self) -> None:
        self.client.close()
        self._signer.close()

    def _delete_one(self, key: str) -> None:
        with self.errors('delete', key), contextlib.suppress(self.client.exceptions.NoSuchKey):
            self.client.delete_object(**self.names(key))

    def _delete_many(self, keys: list[str]) -> None:
        named = [{'Key': self._prefix + key} for key in keys]
        with self.errors('delete with others', keys[0]):
            answer = self.client.delete_objects(Bucket=self._bucket, Delete={'Objects': named, 'Quiet': True})
        for told in answer.get('Errors', ()):
            doing = f'{self.name}: delete {told.get("Key")!r}'
            error = of_code(told.get('Code', ''), 0, doing, said=told.get('Message') or '')
            if not isinstance(error, NotFound):
                raise error

    def _entries(self, answer: dict[str, Any]) -> list[Entry]:
        skip = len(self._prefix)
        found = [Entry(one['Prefix'][skip:]) for one in answer.get('CommonPrefixes', ())]
        found += [
            Entry(one['Key'][skip:], one['Size'], one['LastModified'].timestamp()) for one in answer.get('Contents', ())
        ]
        # code points sort as their UTF-8 does
        found.sort()
        return found
