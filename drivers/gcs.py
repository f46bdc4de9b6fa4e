"""``gcs``: objects of a bucket of Google Cloud Storage, by its own API.

It needs ``pip install 'objreg[gcs]'``.  The driver ``s3`` with its preset ``gcs`` needs nothing more, but HMAC keys.

Options:

``bucket``
    The bucket; ``objreg store setup`` makes it.  Needed.
``prefix``
    What all keys begin with, when the bucket is shared with others: ``registry`` gives ``registry/blobs/…``.
``credentials``
    The JSON of the key of a service account (``credentials_file: PATH`` takes it from a file), or ``anonymous``, for an
    emulator.  By default Google's own search: ``GOOGLE_APPLICATION_CREDENTIALS``, gcloud's file, the metadata server.
``project``
    The project in which ``objreg store setup`` makes the bucket.  By default that of the credentials.
``endpoint``
    The server's URL.  By default Google's.
``public_endpoint``
    The server's URL as clients reach it, where that is another one; signed URLs carry it.
``sign``
    What signs URLs: ``key`` (the default), the key of a service account, where the credentials have one; or ``iam``,
    the IAM API, for those that have none (of the metadata server, for instance): one more call for each URL, and the
    account needs the role Service Account Token Creator on itself.  Where nothing signs, objreg serves all bytes.
``location``, ``storage_class``
    Where the bucket is made, and its class: by default Google's choice (``US``, ``STANDARD``).
``part_size``
    The size of the parts of an upload, in bytes: 16 MiB by default, at least 1 MiB.  There can be 10,000.
``expire_uploads``
    Seconds after which the bucket deletes what unfinished uploads left, as whole days: a week by default, 0 for never.
    ``objreg store setup`` makes the rule.
``ca_bundle``
    A file with the certificates to trust.  By default those that Python's ``certifi`` brings.
``pool``
    How many connections are kept open, 32 by default; as many as the server has threads is right.
``connect_timeout``, ``read_timeout``
    Seconds to wait for a connection, 5 by default, and for the next bytes, 60 by default.

Example::

    default:
      driver: gcs
      bucket: example-registry
      credentials_file: /run/secrets/gcs.json

Nothing is tried twice here, but for a request whose token had expired: a wrapping store retries.  Cloud Storage checks
the CRC32C of all that it is sent.  The role that is needed is Storage Object Admin on the bucket, and Storage Admin for
``objreg store setup``.  An object is replaced at most once a second; more than that is answered with 429, and retried.

The bucket should have neither a retention policy nor versions, and a class without early deletion fees: parts of
uploads are short-lived.  Where soft delete is on, as it is by default, they and all else that is deleted are paid for
seven days more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import islice
from typing import Any

from objreg.drivers import options, reading
from objreg.drivers.bodies import Window, prepared
from objreg.drivers.listing import beyond
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

try:
    from google.api_core.exceptions import GoogleAPICallError

    from objreg.drivers import gcs_client
    from objreg.drivers.gcs_batch import MANY
    from objreg.drivers.gcs_errors import translated
    from objreg.drivers.gcs_upload import PARTS, GcsUpload
except ImportError as error:
    raise ImportError(f"pip install 'objreg[gcs]' ({error})") from error

MIB = 1024**2
TIB = 1024**4
_PAGE = 1000
_DAY = 86400
_WEEK = 7 * _DAY
"""How long a signed URL may be valid."""
_FIELDS = 'items(name,size,updated),prefixes,nextPageToken'
_UNFINISHED = 'uploads/'
"""What lies there is of unfinished uploads, and expires as their parts do."""


class GcsStore(Store):
    """A bucket."""

    name = 'gcs'

    def __init__(
        self, *, bucket: str = '', prefix: str = '', credentials: str = '', project: str = '', endpoint: str = '',
        public_endpoint: str = '', sign: str = 'key', location: str = '', storage_class: str = '',
        part_size: int = 16 * MIB, expire_uploads: float = _WEEK, ca_bundle: str = '', pool: int = 32,
        connect_timeout: float = 5, read_timeout: float = 60,
    ) -> None:
        options.needed(bucket=bucket)
        if sign not in ('key', 'iam'):
            raise ValueError(f'sign: {sign!r} is neither key nor iam')
        for option, url in (('endpoint', endpoint), ('public_endpoint', public_endpoint)):
            if url and not url.startswith(('http://', 'https://')):
                raise ValueError(f'{option}: {url!r} is not http://… or https://…')
        self._bucket = bucket
        self._prefix = options.folder(prefix)
        self._server = endpoint.rstrip('/'), credentials
        self._sign_by_iam = sign == 'iam'
        self._public = (public_endpoint or endpoint or 'https://storage.googleapis.com').rstrip('/')
        self._location, self._storage_class = location or None, storage_class
        self._days = math.ceil(options.number('expire_uploads', expire_uploads, 0) / _DAY)
        self.connection = gcs_client.Connection(credentials, project, endpoint.rstrip('/'), Transport(
            ca_bundle=ca_bundle, pool=pool, connect_timeout=connect_timeout, read_timeout=read_timeout,
        ))
        self._once: dict[str, Any] = {'timeout': self.connection.transport.timeout, 'retry': None}
        """What each call of the library is given: wait that long, and try once."""
        self.capabilities = Capabilities(
            conditional_put=True, min_part=int(options.number('part_size', part_size, MIB)), max_parts=10_000,
            max_put=5 * TIB, presign=credentials != gcs_client.ANONYMOUS,
        )

    # What uploads need of their store; a name is a key, or that of a part, which is none.

    def errors(
        self, doing: str, key: str, *, missing: type[StoreError] = NotFound, unmet: type[StoreError] = Refused
    ) -> AbstractContextManager[None]:
        """Translate what the libraries raise; `missing` is what a 404 means, `unmet` an unmet precondition."""
        doing = f'{self.name}: {doing} {key!r} in bucket {self._bucket!r}'
        return translated(doing, missing=missing, unmet=unmet)

    def write(
        self, name: str, data: bytes | Window, metadata: dict[str, str], *, only_new: bool = False
    ) -> None:
        """Write an object; `Exists` if there is one and it must be new."""
        with self.errors('write', name, missing=Refused, unmet=Exists if only_new else Refused):
            self.connection.write(self._bucket, self._prefix + name, data, metadata, only_new=only_new)

    def compose(self, sources: list[str], name: str, metadata: dict[str, str]) -> None:
        """Make an object of the bytes of others."""
        with self.errors('put together', name):
            made = self._blob(name)
            made.content_type = 'application/octet-stream'
            made.metadata = metadata
            made.compose([self._blob(source) for source in sources], **self._once)

    def metadata(self, name: str) -> dict[str, str]:
        """What was said of an object when it was made."""
        with self.errors('stat', name):
            found = self._blob(name)
            found.reload(**self._once)
        return found.metadata or {}

    def delete_names(self, names: Iterable[str]) -> None:
        """Delete objects, as few at a time as are one request."""
        waiting = iter(names)
        while batch := list(islice(waiting, MANY)):
            if len(batch) == 1:
                self._delete_one(batch[0])
            else:
                self._delete_many(batch)

    def pages_under(self, prefix: str) -> Iterator[list[tuple[str, float]]]:
        """Names and times of all that begins with `prefix`, as they are listed, page by page."""
        pages: Iterator[Any] | None = None
        while True:
            with self.errors('list', prefix, missing=Refused):
                pages = pages or self._listed(prefix).pages
                page = next(pages, None)
                if page is None:
                    return
                found = [(blob.name[len(self._prefix):], blob.updated.timestamp()) for blob in page]
            yield found

    # The interface.

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        check_key(key)
        if end is not None and end <= start:
            return reading.nothing(self.stat(key).size, start, f'{self.name}: read {key!r}')
        wanted = reading.range_header(start, end)
        with self.errors('read', key):
            try:
                answer = self.connection.read(self._bucket, self._prefix + key, wanted)
            except GoogleAPICallError as error:
                if start or error.code != 416:
                    raise
                return Content((), 0)  # the object is empty
        if wanted and not answer.headers.get('Content-Range', '').startswith(f'bytes {start}-'):
            answer.close()
            raise Unavailable(f'{self.name}: read {key!r}: the answer is not the range from {start}')
        length = answer.headers.get('Content-Length', '')
        if not length.isdigit():
            answer.close()
            raise Unavailable(f'{self.name}: read {key!r}: the answer does not tell its length')
        chunks = reading.whole(
            reading.chunks(answer.raw.read, int(length)), int(length), f'{self.name}: read {key!r}',
            self.errors('read', key),
        )
        return Content(chunks, int(length), close=answer)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        check_key(key)
        with prepared(body, size) as (data, length):
            if length > self.capabilities.max_put:
                raise Refused(f'{self.name}: write {key!r}: {length} bytes are too many for an object')
            self.write(key, data, {}, only_new=if_absent)

    def stat(self, key: str) -> Stat:
        check_key(key)
        with self.errors('stat', key):
            found = self._blob(key)
            found.reload(**self._once)
        return Stat(found.size, found.updated.timestamp(), found.etag)

    def delete(self, keys: Iterable[str]) -> None:
        def checked() -> Iterator[str]:
            for key in keys:
                check_key(key)
                yield key

        self.delete_names(checked())

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        # a listing begins with the key that it is to come after, if that is there
        limit = max(1, min(limit, _PAGE - bool(after)))
        start, token = beyond(prefix, after, delimiter), None
        while True:
            with self.errors('list', prefix, missing=Refused):
                listed = self._listed(
                    prefix, start_offset=self._prefix + start if start else None, page_token=token,
                    delimiter=delimiter or None, max_results=limit + bool(after),
                )
                found = [self._entry(blob, detail) for blob in next(listed.pages, ())]
            found += [Entry(name[len(self._prefix):]) for name in listed.prefixes]
            # code points sort as their UTF-8 does
            shown = sorted(entry for entry in found if entry.key > after and not entry.key.startswith('/'))
            token = listed.next_page_token
            if shown or not token:
                return Page(shown[:limit], bool(token) or len(shown) > limit)
            if found and max(found).key.startswith('/'):
                start, token = '0', None  # the first that comes after all parts of uploads

    def upload(self, key: str) -> Upload:
        check_key(key)
        return GcsUpload.new(self)

    def resume(self, id: str) -> Upload:
        return GcsUpload.of(self, id)

    def copy(self, source: str, target: str) -> None:
        check_key(source)
        check_key(target)
        self._copy_of(self, source, target)

    def take(self, origin: Origin, target: str) -> bool:
        store = origin.store
        if not isinstance(store, GcsStore) or store._server != self._server:
            return super().take(origin, target)
        check_key(origin.key)
        check_key(target)
        try:
            self._copy_of(store, origin.key, target)
        except Refused:
            return False  # whoever may write here may not always read there
        return True

    def _copy_of(self, store: GcsStore, source: str, target: str) -> None:
        found = self.connection.client.bucket(store._bucket).blob(store._prefix + source)
        with self.errors(f'copy {source!r} to', target):
            made, token = self._blob(target), None
            while True:
                # once, unless location or class differ
                token, _, _ = made.rewrite(found, token=token, **self._once)
                if not token:
                    return

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        check_key(key)
        if not self.capabilities.presign:
            return None
        with self.errors('sign a URL of', key, missing=Refused):
            signer = self.connection.signer(by_iam=self._sign_by_iam)
            if signer is None:
                return None
            signed: str = self._blob(key).generate_signed_url(
                version='v4', method=method, expiration=timedelta(seconds=max(1, min(seconds, _WEEK))),
                response_type=content_type, api_access_endpoint=self._public, credentials=signer,
            )
        return signed

    def setup(self, *, rotate: bool = False) -> list[str]:
        with self.errors('set up', '', missing=Refused):
            bucket = self._bucket_of_client()
            done = self._made(bucket)
            under = [f'{self._prefix}{PARTS}', f'{self._prefix}{_UNFINISHED}']
            if self._days and not any(_deletes(rule, under) for rule in bucket.lifecycle_rules):
                bucket.add_lifecycle_delete_rule(age=self._days, matches_prefix=under)
                bucket.patch(**self._once)
                done.append(f'made a rule of bucket {self._bucket!r}: unfinished uploads end after {self._days} days')
        self.check()
        return done

    def sweep(self, seconds: float) -> int:
        count, before = 0, time.time() - seconds
        for page in self.pages_under(PARTS):
            old = [name for name, modified in page if modified < before]
            self.delete_names(old)
            count += len(old)
        return count

    def close(self) -> None:
        self.connection.close()

    def _bucket_of_client(self) -> Any:
        return self.connection.client.bucket(self._bucket)

    def _blob(self, name: str) -> Any:
        return self._bucket_of_client().blob(self._prefix + name)

    def _listed(self, prefix: str, **wanted: Any) -> Any:
        return self.connection.client.list_blobs(
            self._bucket, prefix=self._prefix + prefix, fields=_FIELDS, **wanted, **self._once
        )

    def _entry(self, blob: Any, detail: bool) -> Entry:
        return Entry(blob.name[len(self._prefix):], blob.size, blob.updated.timestamp() if detail else None)

    def _delete_one(self, name: str) -> None:
        try:
            with self.errors('delete', name):
                self._bucket_of_client().delete_blob(self._prefix + name, **self._once)
        except NotFound:
            return

    def _delete_many(self, names: list[str]) -> None:
        with self.errors('delete with others', names[0], missing=Refused):
            failures = self.connection.delete(self._bucket, [self._prefix + name for name in names])
        for number, failure in failures:
            try:
                with self.errors('delete', names[number]):
                    raise failure
            except NotFound:
                continue

    def _made(self, bucket: Any) -> list[str]:
        """Make the bucket if it is not there; what was done."""
        if bucket.exists(**self._once):
            bucket.reload(**self._once)
            return []
        project = self.connection.client.project
        if not project:
            raise Refused(f'{self.name}: make bucket {self._bucket!r}: set project')
        if self._storage_class:
            bucket.storage_class = self._storage_class
        bucket.iam_configuration.uniform_bucket_level_access_enabled = True
        bucket.iam_configuration.public_access_prevention = 'enforced'
        self.connection.client.create_bucket(bucket, location=self._location, **self._once)
        return [f'made bucket {self._bucket!r}']


def _deletes(rule: dict[str, Any], prefixes: list[str]) -> bool:
    """Whether a rule of the bucket deletes, after some time, what begins with these."""
    return rule.get('action', {}).get('type') == 'Delete' and {*prefixes} <= {
        *rule.get('condition', {}).get('matchesPrefix', ())
    }
