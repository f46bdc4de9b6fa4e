"""``swift``: objects of a container of OpenStack Swift, or of Ceph through its Swift API.

Options:

``container``
    The container.  Needed; ``objreg store setup`` makes it, and that of the segments.
``segments``
    The container of the segments of large objects: by default the other one's name and ``_segments``.
``prefix``
    What all keys begin with, when the container is shared with others: ``registry`` gives ``registry/blobs/…``.
``preset``
    What server it is, hence what it can do: ``swift`` (the default) or ``ceph``.
``auth``
    How to log in: ``v3`` (Keystone, the default) or ``v1`` (tempauth, and Ceph's own).
``auth_url``
    Where: ``https://keystone.example.net:5000/v3``, or ``https://swift.example.net/auth/v1.0``.  Needed.
``username``, ``password``
    Who logs in.  With ``v1`` the name is ``account:user``.
``project``, ``project_domain``, ``user_domain``
    The project whose container it is, with ``v3``, and the domains of project and user: ``Default`` by default.
``application_credential``, ``application_secret``
    The id and secret of an application credential, in the place of user, password and project.
``region``, ``interface``
    Which entry of the catalogue to use: any region by default, and ``public`` (or ``internal``, ``admin``).
``storage_url``
    Where the account is, if the catalogue is not to be believed.
``public_endpoint``
    The server's URL as clients reach it, where that is another one; TempURLs carry it.
``temp_url_key``
    The key that signs URLs.  By default that of the container (with Ceph: of the account), which ``objreg store setup``
    makes and ``objreg store setup --rotate`` replaces; without any, objreg serves all bytes itself.
``policy``, ``segments_policy``
    The storage policy with which the containers are made; by default the cluster's.
``headers``
    Further headers with which they are made, divided by semicolons: ``X-Container-Meta-Team: infra``.
``large``
    Which keys large objects have, as a regular expression: segments are looked for when such a key is deleted.
``part_size``
    The smallest segment of an upload, in bytes: 16 MiB by default, at least 1 MiB.  There can be 1,000.
``expire_uploads``
    Seconds after which Swift deletes the parts of an upload that nobody finished: a week by default, 0 for never.
``ca_bundle``
    A file with the certificates to trust.  By default those that Python's ``certifi`` brings.
``pool``
    How many connections are kept open, 32 by default; as many as the server has threads is right.
``connect_timeout``, ``read_timeout``
    Seconds to wait for a connection, 5 by default, and for the next bytes, 60 by default.

Example::

    default:
      driver: swift
      auth_url: https://keystone.example.net:5000/v3
      username: registry
      password: ${SWIFT_PASSWORD}
      project: registry
      container: registry

Nothing is tried twice here, but for a request whose token had expired: a wrapping store retries.  Swift checks the MD5
of all that it is sent.  A listing of a large cluster may be late; nothing depends on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from swiftclient.exceptions import ClientException

from objreg.drivers import options, reading, swift_options
from objreg.drivers.bodies import Window, md5_of, prepared
from objreg.drivers.listing import LAST, beyond
from objreg.drivers.swift_client import Account, Answer, Credentials
from objreg.drivers.swift_clock import check_clock
from objreg.drivers.swift_errors import translated
from objreg.drivers.swift_presets import preset as preset_named
from objreg.drivers.swift_sweep import modified, sweep
from objreg.drivers.swift_take import take
from objreg.drivers.swift_tempurl import TempUrls
from objreg.drivers.swift_upload import LargeObjects, SwiftUpload, check_summary
from objreg.drivers.transport import Transport
from objreg.store import (
    MAX_KEY,
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

MIB = 1024**2
GIB = 1024**3
_MANY = 1000
"""How many objects one request deletes."""
_LARGE = '(.*/)?(blobs/.*|uploads/[^/]*/data.*)'
"""Layers, and uploads that are put together before their digest is known; also below a path, of ``prefix``."""
_EMPTY_MD5 = 'd41d8cd98f00b204e9800998ecf8427e'
_UNFINISHED = re.compile('((?!catalog/|repositories/)[^/]*/)*uploads/[0-9a-f]{32}/.*', re.DOTALL)
"""What is of unfinished uploads, and expires as their parts do; also below a path, of ``prefix``.

Below the other two it would be a repository of such a name.
"""


class SwiftStore(Store):
    """A container."""

    def __init__(
        self, *, container: str = '', segments: str = '', prefix: str = '', preset: str = 'swift', auth: str = 'v3',
        auth_url: str = '', username: str = '', password: str = '', project: str = '', project_domain: str = 'Default',
        user_domain: str = 'Default', application_credential: str = '', application_secret: str = '', region: str = '',
        interface: str = 'public', storage_url: str = '', public_endpoint: str = '', temp_url_key: str = '',
        policy: str = '', segments_policy: str = '', headers: str = '', large: str = _LARGE,
        part_size: int = 16 * MIB, expire_uploads: float = 7 * 86400, ca_bundle: str = '', pool: int = 32,
        connect_timeout: float = 5, read_timeout: float = 60,
    ) -> None:
        options.needed(container=container, auth_url=auth_url)
        self.preset = preset_named(preset)
        self.container = swift_options.container('container', container)
        self.segments = swift_options.container('segments', segments or f'{container}_segments')
        self.prefix = options.folder(prefix)
        self._large = options.pattern('large', large)
        seconds = int(options.number('expire_uploads', expire_uploads, 0))
        self.expiring = {'X-Delete-After': str(seconds)} if seconds else {}
        """The headers of what is not to stay."""
        self._made_with = {self.container: policy, self.segments: segments_policy or policy}
        self._headers = dict(swift_options.header(one) for one in headers.split(';') if one.strip())
        self.account = Account(
            Credentials(
                auth_url, username, password, project, user_domain, project_domain, application_credential,
                application_secret, region, interface, auth=auth, storage_url=storage_url,
            ),
            Transport(ca_bundle=ca_bundle, pool=pool, connect_timeout=connect_timeout, read_timeout=read_timeout),
        )
        self.large_objects = LargeObjects(self)
        self._temp_urls = TempUrls(
            self.account, self.container, self.preset, key=temp_url_key, public=public_endpoint
        )
        self.capabilities = Capabilities(
            min_part=int(options.number('part_size', part_size, MIB)), max_parts=1000, max_put=5 * GIB,
            consistent_list=self.preset.consistent_list, presign=True,
        )

    # What uploads need of their store.

    def place(self, key: str) -> tuple[str, str]:
        """Container and name of an object."""
        return self.container, self.prefix + key

    def errors(
        self, doing: str, key: str, *, missing: type[StoreError] = NotFound, unmet: type[StoreError] = Refused
    ) -> AbstractContextManager[None]:
        """Translate what the libraries raise; `missing` is what a 404 means, `unmet` an unmet precondition."""
        doing = f'{self.name or "swift"}: {doing} {key!r} in container {self.container!r}'
        return translated(doing, missing=missing, unmet=unmet)

    def may_be_large(self, key: str) -> bool:
        """Whether an object of that key may have segments."""
        return self._large.fullmatch(key) is not None

    def segments_under(self, prefix: str) -> list[str]:
        """The names of segments, as far as the listing shows them."""
        found = self.listed(self.segments, {'prefix': self.prefix + prefix, 'limit': '10000'}, prefix)
        return [line['name'] for line in found]

    def delete_names(self, container: str, names: list[str]) -> None:
        """Delete objects by their names in a container, as few at a time as are one request."""
        if len(names) == 1:
            self._delete_one(container, names[0])
            return
        for start in range(0, len(names), _MANY):
            lines = '\n'.join(quote(f'{container}/{name}') for name in names[start:start + _MANY])
            with self.errors('delete with others', names[start]):
                answer = self.account.ask(
                    'POST', query='bulk-delete', data=lines.encode(),
                    headers={'Content-Type': 'text/plain', 'Accept': 'application/json'},
                )
            check_summary(answer.body, f'{self.name or "swift"}: delete in container {container!r}')

    def listed(self, container: str, wanted: dict[str, str], prefix: str) -> list[dict[str, Any]]:
        """Lines of the listing of a container."""
        with self.errors('list', prefix, missing=Refused):
            answer = self.account.ask('GET', container, query=urlencode({'format': 'json', **wanted}, quote_via=quote))
        found: list[dict[str, Any]] = [] if answer.status == 204 else json.loads(answer.body)
        return found

    # The interface.

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        return self._get(key, start, end, {})

    def newest(self, key: str) -> bytes:
        return self._get(key, 0, None, {'X-Newest': 'true'}).read()

    def _get(self, key: str, start: int, end: int | None, headers: dict[str, str]) -> Content:
        check_key(key)
        if end is not None and end <= start:
            return reading.nothing(self.stat(key).size, start, f'{self.name}: {key}')
        wanted = reading.range_header(start, end)
        with self.errors('read', key):
            try:
                answer = self.account.ask('GET', *self.place(key), headers={**wanted, **headers}, stream=True)
            except ClientException as error:
                if start or error.http_status != 416:
                    raise
                return Content((), 0)  # the object is empty
        if wanted and not answer.headers.get('content-range', '').startswith(f'bytes {start}-'):
            answer.close()
            raise Unavailable(f'{self.name}: {key}: the answer is not the range from {start}')
        size = int(answer.headers['content-length'])
        return Content(self._chunks(answer, size, key), size, close=answer)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        check_key(key)
        if if_absent and not self.preset.if_none_match and self.large_objects.is_large(key) is not None:
            raise Exists(f'{self.name}: {key} is taken')
        with prepared(body, size) as (data, length):
            if length > self.capabilities.max_put:
                raise Refused(f'{self.name}: {key}: {length} bytes are too many for one request; upload it in parts')
            headers = {'ETag': md5_of(data).hex(), 'Content-Type': 'application/octet-stream'}
            if _UNFINISHED.fullmatch(key):
                headers |= self.expiring
            if not self.preset.if_none_match or not (if_absent or self.may_be_large(key)):
                self._put(key, data, headers)
                return
            try:
                self._put(key, data, {**headers, 'If-None-Match': '*'})
            except Exists:
                if if_absent:
                    raise
                self._replace(key, data, headers)

    def stat(self, key: str) -> Stat:
        check_key(key)
        with self.errors('stat', key):
            headers = self.account.ask('HEAD', *self.place(key)).headers
        written = headers.get('x-timestamp') or parsedate_to_datetime(headers['last-modified']).timestamp()
        return Stat(int(headers['content-length']), float(written), headers['etag'].strip('"'))

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while batch := list(islice(waiting, _MANY)):
            for key in batch:
                check_key(key)
            large = [key for key in batch if self.may_be_large(key) and self.large_objects.is_large(key)]
            for key in large:
                self.large_objects.delete(key)
            small = dict.fromkeys(batch)
            for key in large:
                del small[key]
            self.delete_names(self.container, [self.prefix + key for key in small])

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        limit = max(1, min(limit, 10_000))
        wanted = {'prefix': self.prefix + prefix, 'limit': str(limit)}
        if delimiter:
            wanted['delimiter'] = delimiter
        marker = self.prefix + beyond(prefix, after, delimiter) if after else ''
        while True:
            lines = self.listed(self.container, {**wanted, 'marker': marker} if marker else wanted, prefix)
            found = [entry for entry in (self._entry(line, detail) for line in lines) if entry.key > after]
            more = len(lines) == limit
            if found or not more:
                return Page(found, more)
            # beyond even a key that itself begins with the last of all characters
            marker = lines[-1].get('name') or lines[-1]['subdir'] + LAST * (MAX_KEY // len(LAST.encode()))

    def upload(self, key: str) -> Upload:
        check_key(key)
        return SwiftUpload.new(self)

    def resume(self, id: str) -> Upload:
        return SwiftUpload.of(self, id)

    def copy(self, source: str, target: str) -> None:
        check_key(source)
        check_key(target)
        if not self.preset.whole_copies and self.may_be_large(source) and self.large_objects.is_large(source):
            super().copy(source, target)
            return
        self.copy_from(self.place(source), self.place(target))

    def take(self, origin: Origin, target: str) -> bool:
        store = origin.store
        if not isinstance(store, SwiftStore):
            return super().take(origin, target)
        check_key(origin.key)
        check_key(target)
        with self.errors('find the account of', origin.key, missing=Refused):
            if store.account.url() != self.account.url():
                return False
        try:
            return take(self, store.place(origin.key), target)
        except Refused:
            return False  # who reads there and writes here may not always do both at once

    def copy_from(
        self, source: tuple[str, str], target: tuple[str, str], headers: dict[str, str] | None = None
    ) -> None:
        """Have the server copy an object, and with it the segments that it may have, as one."""
        copied = {'Destination': quote('/'.join(target)), 'X-Fresh-Metadata': 'true', **(headers or {})}
        with self.errors(f'copy {source[1]!r} of container {source[0]!r} to', target[1]):
            self.account.ask('COPY', *source, headers=copied)

    def url(self, key: str, seconds: int, *, method: str = 'GET', content_type: str | None = None) -> str | None:
        check_key(key)
        with self.errors('sign a URL of', key, missing=Refused):
            return self._temp_urls.url(self.prefix + key, seconds, method)

    def check(self) -> None:
        with self.errors('list', 'system/', missing=Refused):
            answer = self.account.ask('GET', self.container, query='limit=1')
        check_clock(answer.headers.get('date', ''), f'{self.name or "swift"}: compare the time')

    def setup(self, *, rotate: bool = False) -> list[str]:
        done = [line for name in self._made_with for line in self._made(name)]
        with self.errors('make the key of', 'TempURLs', missing=Refused):
            done += self._temp_urls.setup(rotate=rotate)
        self.check()
        return done

    def sweep(self, seconds: float) -> int:
        return sweep(self, seconds)

    def close(self) -> None:
        self.account.close()

    def _made(self, container: str) -> list[str]:
        """Make a container that is not there; what was done."""
        with self.errors('make', container, missing=Refused):
            try:
                self.account.ask('HEAD', container)
            except ClientException as error:
                if error.http_status != 404:
                    raise
            else:
                return []
            policy = {'X-Storage-Policy': self._made_with[container]} if self._made_with[container] else {}
            self.account.ask('PUT', container, headers={**self._headers, **policy})
        return [f'made the container {container!r}']

    def _put(self, key: str, data: bytes | Window, headers: dict[str, str]) -> None:
        if isinstance(data, Window):
            data.seek(0)
        with self.errors('write', key, missing=Refused, unmet=Exists):
            self.account.ask('PUT', *self.place(key), headers=headers, data=data)

    def _replace(self, key: str, data: bytes | Window, headers: dict[str, str]) -> None:
        """Write over what is there, which may have segments."""
        before = self.large_objects.segments_of(key)
        self._put(key, data, headers)
        self.large_objects.delete_segments(set(before))

    def _chunks(self, answer: Answer, size: int, key: str) -> Iterator[bytes]:
        yield from reading.whole(answer.chunks(size), size, f'{self.name}: {key}', self.errors('read', key))
        answer.close()

    def _delete_one(self, container: str, name: str) -> None:
        with self.errors('delete', name):
            try:
                self.account.ask('DELETE', container, name)
            except ClientException as error:
                if error.http_status != 404:
                    raise

    def _entry(self, line: dict[str, Any], detail: bool) -> Entry:
        skip = len(self.prefix)
        if 'subdir' in line:
            return Entry(line['subdir'][skip:])
        key, size = line['name'][skip:], line['bytes']
        if detail and not self.preset.readable_manifests and size and line['hash'] == _EMPTY_MD5:
            size = self.stat(key).size  # what is listed is the manifest's
        return Entry(key, size, modified(line))
