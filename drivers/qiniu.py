"""``qiniu``: objects of a bucket of Qiniu Kodo, by its own protocol.

Options:

``bucket``
    The bucket; it must exist.  Needed.
``prefix``
    What all keys begin with, when the bucket is shared with others: ``registry`` gives ``registry/blobs/…``.
``region``
    Where the bucket is: ``z0``, ``z1``, ``z2``, ``na0``, ``as0``, ``cn-east-2``, ``ap-southeast-2`` or
    ``ap-southeast-3``.  Needed, unless the four following options are given.
``domain``
    The URL that serves the bucket: a source domain, without a cache between, or a tag that was replaced is served as
    it was.  By default the one that Kodo gives a bucket, ``https://BUCKET.kodo-REGION.qiniucs.com``.
``up_endpoint``, ``rs_endpoint``, ``rsf_endpoint``
    The URLs of the services that take uploads, manage objects and list them.  By default the region's.
``public_domain``
    The URL that serves the bucket to clients, where that is another one.  They fetch layers there, which never change,
    so it may have a cache.
``access_key``, ``secret_key``
    The credentials.  Needed.
``ca_bundle``
    A file with the certificates to trust.  By default those that Python's ``certifi`` brings.
``part_size``
    The smallest part of an upload, in bytes: 8 MiB by default, at least 1 MiB.
``pool``
    How many connections to each service are kept open, 32 by default; as many as the server has threads is right.
``connect_timeout``, ``read_timeout``
    Seconds to wait for a connection, 5 by default, and for the next bytes, 60 by default.

Example::

    default:
      driver: qiniu
      region: z0
      bucket: registry
      access_key: ${QINIU_ACCESS_KEY}
      secret_key: ${QINIU_SECRET_KEY}

It needs ``pip install 'objreg[qiniu]'``.  Nothing is tried twice here: a wrapping store retries.  Kodo checks the
CRC-32 or MD5 of all that it is sent, and deletes the parts of an upload that nobody finished after a week.  Its keys
have at most 750 bytes, which is more than any key of a registry.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from typing import Any

from objreg.drivers import options, qiniu_regions, reading
from objreg.drivers.bodies import prepared
from objreg.drivers.listing import beyond
from objreg.drivers.qiniu_client import Kodo, marker
from objreg.drivers.qiniu_errors import NO_SUCH, KodoError, of_code, translated
from objreg.drivers.qiniu_upload import QiniuUpload
from objreg.drivers.transport import Transport
from objreg.store import (
    Body,
    Capabilities,
    Content,
    Entry,
    Exists,
    NotFound,
    Page,
    Refused,
    Stat,
    Store,
    StoreError,
    Unavailable,
    Upload,
    check_key,
)

MIB = 1024**2
_LONGEST_NAME = 750
_MANY = 1000
"""How many objects one request deletes or lists."""
_TICKS = 10**7
"""Kodo's times are in units of 100 ns."""


class QiniuStore(Store):
    """A bucket."""

    def __init__(
        self, *, bucket: str = '', prefix: str = '', region: str = '', domain: str = '', up_endpoint: str = '',
        rs_endpoint: str = '', rsf_endpoint: str = '', public_domain: str = '', access_key: str = '',
        secret_key: str = '', ca_bundle: str = '', part_size: int = 8 * MIB, pool: int = 32,
        connect_timeout: float = 5, read_timeout: float = 60,
    ) -> None:
        options.needed(bucket=bucket, access_key=access_key, secret_key=secret_key)
        self._bucket = bucket
        self._prefix = options.folder(prefix)
        endpoints = qiniu_regions.endpoints(
            region, bucket, up=up_endpoint, rs=rs_endpoint, rsf=rsf_endpoint, domain=domain,
            public_domain=public_domain,
        )
        transport = Transport(
            ca_bundle=ca_bundle, pool=pool, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        self.kodo = Kodo(bucket, access_key, secret_key, endpoints, transport)
        # forms are for 1 GB at most; that of many who write only what is new one wins is nowhere promised
        self.capabilities = Capabilities(
            min_part=int(options.number('part_size', part_size, MIB)), max_parts=10_000, max_put=10**9,
            consistent_list=False, presign=True,
        )

    # What QiniuUpload needs of its store.

    def name_of(self, key: str) -> str:
        """What the object is called in the bucket; `Refused` for what is no key."""
        check_key(key)
        name = self._prefix + key
        if len(name.encode()) > _LONGEST_NAME:
            raise Refused(f'{self.name or "qiniu"}: {key[:80]!r}: Kodo takes names of {_LONGEST_NAME} bytes at most')
        return name

    def errors(self, doing: str, key: str, *, missing: type[StoreError] = NotFound) -> AbstractContextManager[None]:
        """Translate what the library raises; `missing` is what it means that there is no such thing."""
        return translated(f'{self.name or "qiniu"}: {doing} {key!r} in bucket {self._bucket!r}', missing)

    # The interface.

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        name = self.name_of(key)
        if end is not None and end <= start:
            return reading.nothing(self.stat(key).size, start, f'{self.name}: {key}')
        wanted = reading.range_header(start, end)
        with self.errors('read', key):
            try:
                answer = self.kodo.get(name, wanted)
            except KodoError as error:
                if start or error.code != 416:
                    raise
                return Content((), 0)  # the object is empty
        length, span = answer.headers.get('Content-Length', ''), answer.headers.get('Content-Range', '')
        if not length.isdigit() or (wanted and not span.startswith(f'bytes {start}-')):
            answer.close()
            raise Unavailable(f'{self.name}: {key}: the answer has no length, or is not the range from {start}')
        chunks = reading.whole(
            reading.chunks(partial(answer.raw.read, decode_content=False), int(length)), int(length),
            f'{self.name}: {key}', self.errors('read', key),
        )
        return Content(chunks, int(length), close=contextlib.closing(answer))

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        name = self.name_of(key)
        # Kodo takes bytes that are there already for written, even where only what is new may be
        if if_absent and self.has(key):
            raise Exists(f'{self.name}: {key} is taken')
        with prepared(body, size) as (data, length):
            if length > self.capabilities.max_put:
                raise Refused(f'{self.name}: {key}: {length} bytes are too many for one request; upload it in parts')
            with self.errors('write', key, missing=Refused):
                self.kodo.put(name, data, only_new=if_absent)

    def stat(self, key: str) -> Stat:
        name = self.name_of(key)
        with self.errors('stat', key):
            found = self.kodo.stat(name)
        return Stat(found['fsize'], found['putTime'] / _TICKS, found['hash'])

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while batch := list(dict.fromkeys(islice(waiting, _MANY))):
            names = [self.name_of(key) for key in batch]
            with self.errors('delete', batch[0]):
                try:
                    told = self.kodo.delete(names)
                except KodoError as error:
                    if error.code != NO_SUCH:
                        raise
                    continue
            for key, (code, said) in zip(batch, told, strict=True):
                if code not in (200, NO_SUCH):
                    raise of_code(code, f'{self.name or "qiniu"}: delete {key!r} in bucket {self._bucket!r}', said)

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        limit = max(1, min(limit, _MANY))
        wanted = {'limit': str(limit), 'prefix': self._prefix + prefix, 'delimiter': delimiter}
        if after:
            wanted['marker'] = marker(self._prefix + beyond(prefix, after, delimiter))
        while True:
            with self.errors('list', prefix, missing=Refused):
                answer = self.kodo.list(wanted)
            entries = [entry for entry in self._entries(answer) if entry.key > after]
            wanted['marker'] = answer.get('marker') or ''
            if entries or not wanted['marker']:
                return Page(entries[:limit], bool(wanted['marker']) or len(entries) > limit)

    def upload(self, key: str) -> Upload:
        self.name_of(key)
        return QiniuUpload(self, key)

    def resume(self, id: str) -> Upload:
        return QiniuUpload.of(self, id)

    def copy(self, source: str, target: str) -> None:
        names = self.name_of(source), self.name_of(target)
        with self.errors(f'copy {source!r} to', target):
            self.kodo.copy(*names)

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        return self.kodo.url(self.name_of(key), max(1, seconds))

    def close(self) -> None:
        self.kodo.close()

    def _entries(self, answer: dict[str, Any]) -> list[Entry]:
        skip = len(self._prefix)
        found = [Entry(prefix[skip:]) for prefix in answer.get('commonPrefixes') or ()]
        found += [
            Entry(one['key'][skip:], one['fsize'], one['putTime'] / _TICKS) for one in answer.get('items') or ()
        ]
        # code points sort as their UTF-8 does
        found.sort()
        return found
