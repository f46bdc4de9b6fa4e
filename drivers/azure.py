"""``azure``: objects of a container of Azure Blob Storage.  Needs ``pip install 'objreg[azure]'``.

Options:

``account``
    The storage account, which must not have a hierarchical namespace.  Needed, unless ``connection_string`` says it.
``container``
    The container.  Needed; ``objreg store setup`` makes it.
``prefix``
    What all keys begin with, when the container is shared with others: ``registry`` gives ``registry/blobs/…``.
``account_key``
    One of the two keys of the account.
``sas_token``
    A shared access signature for the container, in the place of a key, with the rights ``racwdl``.  Pulls are then not
    redirected: it would be shown to clients.
``connection_string``
    Account, key and endpoint in one, as the portal shows it.
``endpoint``
    The server's URL, if it is another one than ``https://ACCOUNT.blob.core.windows.net``.
``public_endpoint``
    The server's URL as clients reach it, where that is another one; signed URLs carry it.
``ca_bundle``
    A file with the certificates to trust.  By default those that Python's ``certifi`` brings.
``part_size``
    The smallest part of an upload, in bytes: 8 MiB by default, at least 64 KiB.
``pool``
    How many connections are kept open, 32 by default; as many as the server has threads is right.
``connect_timeout``, ``read_timeout``
    Seconds to wait for a connection, 5 by default, and for the next bytes, 60 by default.

Example::

    default:
      driver: azure
      account: exampleregistry
      container: registry
      account_key: ${AZURE_STORAGE_KEY}

Without a key or a SAS the requests are those of the identity that Azure's own library finds: a managed identity, a
workload's, or what the environment says (``pip install azure-identity``).  It needs the roles *Storage Blob Data
Contributor* and, for redirects and copies, *Storage Blob Delegator*.

Nothing is tried twice here: a wrapping store retries.  Azure checks the MD5 of all that it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from itertools import islice
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobPrefix

from objreg.drivers import azure_names as names
from objreg.drivers import options, reading
from objreg.drivers.azure_client import Account, credentials
from objreg.drivers.azure_errors import MISSING, of_code, translated
from objreg.drivers.azure_upload import AzureUpload, copy
from objreg.drivers.bodies import prepared
from objreg.drivers.listing import rolled_up
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
_MANY = 256
"""How many blobs one request deletes."""


class AzureStore(Store):
    """A container."""

    def __init__(
        self, *, account: str = '', container: str = '', prefix: str = '', account_key: str = '', sas_token: str = '',
        connection_string: str = '', endpoint: str = '', public_endpoint: str = '', ca_bundle: str = '',
        part_size: int = 8 * MIB, pool: int = 32, connect_timeout: float = 5, read_timeout: float = 60,
    ) -> None:
        options.needed(container=container)
        whose = credentials(account, endpoint, account_key, sas_token, connection_string)
        transport = Transport(
            ca_bundle=ca_bundle, pool=pool, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        self._prefix = options.folder(prefix)
        self._place = f'container {container!r} at {whose.endpoint}'
        self.account = Account(whose, transport, container, public_endpoint)
        self.capabilities = Capabilities(
            conditional_put=True, min_part=int(options.number('part_size', part_size, 64 * 1024)), max_parts=50_000,
            max_put=5000 * MIB, presign=self.account.can_sign,
        )

    # What uploads need of their store.

    def name_of(self, key: str) -> str:
        """The name of a key's blob."""
        name = names.name_of(self._prefix + key)
        if len(name) > names.LONGEST:
            raise Refused(f'{self.name or "azure"}: {key[:80]!r} is {len(name)} characters as the name of a blob')
        return name

    def errors(
        self, doing: str, key: str, unmet: type[StoreError] = Refused, *, missing: type[StoreError] = NotFound
    ) -> AbstractContextManager[None]:
        """Translate what the library raises; `unmet` is what an unmet precondition means, `missing` what a 404 does."""
        return translated(f'{self.name or "azure"}: {doing} {key!r} in {self._place}', unmet, missing=missing)

    # The interface.

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        check_key(key)
        if end is not None and end <= start:
            return reading.nothing(self.stat(key).size, start, f'{self.name}: {key}')
        wanted = reading.range_header(start, end).get('Range')
        with self.errors('read', key):
            try:
                answer = self.account.get(self.name_of(key), wanted)
            except HttpResponseError as error:
                if start or error.status_code != 416:
                    raise
                return Content((), 0)  # the object is empty
        if wanted and not answer.headers.get('Content-Range', '').startswith(f'bytes {start}-'):
            answer.response.close()
            raise Unavailable(f'{self.name}: {key}: the answer is not the range from {start}')
        size = int(answer.headers['Content-Length'])
        if start and not size:  # as Azurite says of a range that begins at the end
            answer.response.close()
            raise Refused(f'{self.name}: {key}: {start} is beyond its end')
        chunks = reading.whole(answer.chunks, size, f'{self.name}: {key}', self.errors('read', key))
        return Content(chunks, size, close=answer)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        check_key(key)
        with prepared(body, size) as (data, length):
            if length > self.capabilities.max_put:
                raise Refused(f'{self.name}: {key}: {length} bytes are too many for one request; upload it in parts')
            with self.errors('write', key, Exists if if_absent else Refused, missing=Refused):
                self.account.put(self.name_of(key), data, if_absent=if_absent)

    def stat(self, key: str) -> Stat:
        check_key(key)
        with self.errors('stat', key):
            found = self.account.blob(self.name_of(key)).get_blob_properties()
        return Stat(found.size, found.last_modified.timestamp(), found.etag.strip('"'))

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while batch := list(islice(waiting, _MANY)):
            for key in batch:
                check_key(key)
            if len(batch) == 1:
                self._delete_one(batch[0])
            else:
                self._delete_many(list(dict.fromkeys(batch)))

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        pages = self._listing(prefix, after, delimiter, max(1, min(limit, 5000)), detail).by_page()
        while True:
            with self.errors('list', prefix, missing=Refused):
                lines = list(next(pages))
            found = [entry for entry in map(self._entry, lines) if entry.key > after and entry.key.startswith(prefix)]
            more = bool(pages.continuation_token)
            if found or not more:
                # blobs and what is rolled up come one after the other
                return Page(sorted(found), more)

    def upload(self, key: str) -> Upload:
        check_key(key)
        return AzureUpload(self)

    def resume(self, id: str) -> Upload:
        return AzureUpload.of(self, id)

    def copy(self, source: str, target: str) -> None:
        check_key(target)
        found = self.stat(source)
        copy(self, source, target, size=found.size, etag=f'"{found.etag}"')

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        check_key(key)
        if not self.capabilities.presign:
            return None
        with self.errors('sign a URL of', key):
            return self.account.signed(self.name_of(key), seconds, content_type)

    def check(self) -> None:
        super().check()
        with self.errors('look at', 'the account'):
            try:
                hierarchical = self.account.container.get_account_information().get('is_hns_enabled')
            except HttpResponseError as error:
                if error.status_code not in (401, 403):
                    raise
                return  # who may not ask that may use it all the same
        if hierarchical:
            raise Refused(f'{self.name or "azure"}: the account has a hierarchical namespace; mend account')

    def setup(self, *, rotate: bool = False) -> list[str]:
        done = []
        with self.errors('make', 'the container'):
            if not self.account.container.exists():
                self.account.container.create_container()
                done = [f'made the {self._place}']
        self.check()
        return done

    def close(self) -> None:
        self.account.close()

    def _listing(self, prefix: str, after: str, delimiter: str, limit: int, detail: bool) -> Any:
        if delimiter == '.':
            raise Refused(f'{self.name}: a listing cannot be rolled up by a dot')
        wanted: dict[str, Any] = {'name_starts_with': names.prefix_of(self._prefix + prefix), 'results_per_page': limit}
        if after:
            wanted['start_from'] = self._from(prefix, after, delimiter)
        if delimiter:
            return self.account.container.walk_blobs(delimiter=names.prefix_of(delimiter), **wanted)
        # names are read several times faster than all that is known of blobs
        return (self.account.container.list_blobs if detail else self.account.container.list_blob_names)(**wanted)

    def _from(self, prefix: str, after: str, delimiter: str) -> str:
        """Where a listing goes on: after the key `after`, or after all that is rolled up with it."""
        rolled = rolled_up(prefix, after, delimiter)
        return names.beyond(self._prefix + rolled) if rolled else names.after(self._prefix + after)

    def _entry(self, line: Any) -> Entry:
        skip = len(self._prefix)
        if isinstance(line, str):
            return Entry(names.key_of(line)[skip:])
        key = names.key_of(line.name)[skip:]
        return Entry(key) if isinstance(line, BlobPrefix) else Entry(key, line.size, line.last_modified.timestamp())

    def _delete_one(self, key: str) -> None:
        with suppress(NotFound), self.errors('delete', key):
            self.account.blob(self.name_of(key)).delete_blob()

    def _delete_many(self, keys: list[str]) -> None:
        with self.errors('delete with others', keys[0]):
            answers = list(self.account.container.delete_blobs(*map(self.name_of, keys), raise_on_any_failure=False))
        for key, answer in zip(keys, answers, strict=True):
            code = answer.headers.get('x-ms-error-code', '')
            if answer.status_code >= 300 and code not in MISSING:
                raise of_code(code, answer.status_code, f'{self.name or "azure"}: delete {key!r}', answer.headers)
