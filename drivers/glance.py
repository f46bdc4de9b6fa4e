"""``glance``: layers as images of OpenStack Glance; names, tags, manifests and all that is small in another store.

Options:

``names``
    The store of what is small, by its name in ``stores.yml``.  It also says which image holds which layer: without it
    the images are of no use, so it is to be as durable as they are.  Needed.
``bucket``
    What the images of this registry are told from others of the project by: a word, another one for each registry.
    ``objreg store sweep`` deletes images of that name which the store of names does not know.  Needed.
``auth_url``
    Where Keystone is: ``https://keystone.example.net:5000/v3``.  Needed.
``username``, ``password``
    Who logs in: a member of the project, and no administrator, to whom Glance also gives what is deactivated.
``project``, ``project_domain``, ``user_domain``
    The project whose images they are, and the domains of project and user: ``Default`` by default.
``application_credential``, ``application_secret``
    The id and secret of an application credential, in the place of user, password and project.
``region``, ``interface``
    Which entry of the catalogue to use: any region by default, and ``public`` (or ``internal``, ``admin``).
``endpoint``
    Where Glance is, if the catalogue is not to be believed.
``visibility``
    Who sees the images: ``private`` by default, or ``shared``, ``community``, ``public``.
``container_format``, ``disk_format``
    What Glance is told that they are: ``bare`` and ``raw`` by default.  Of what is ``bare`` Glance refuses content that
    looks like a broken disk image; with ``docker`` it does not look.
``tags``
    Tags of the images, divided by spaces: ``objreg`` by default.
``properties``
    Further properties of the images, divided by semicolons: ``team: infra``.
``inline``
    Content of up to that many bytes stays in the store of names: 64 KiB by default, 0 for an image of everything.
``large``
    Which keys are images, as a regular expression: content by default.  Not to be changed once there is any.
``ca_bundle``
    A file with the certificates to trust.  By default those that Python's ``certifi`` brings.
``pool``
    How many connections are kept open, 32 by default; as many as the server has threads is right.
``connect_timeout``, ``read_timeout``
    Seconds to wait for a connection, 5 by default, and for the next bytes, 60 by default.

Example::

    small:
      driver: file
      path: /srv/objreg
    default:
      driver: glance
      names: small
      bucket: registry
      auth_url: https://keystone.example.net:5000/v3
      username: registry
      password: ${GLANCE_PASSWORD}
      project: registry

An image is named by its digest; its properties ``objreg_bucket`` and ``objreg_key`` say whose it is and under which
key, and ``objreg_upload`` by which upload it came.  An image that is deactivated, deleted or not complete is as if it
were not there, until its content is pushed again, as another image.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from objreg.drivers import options, reading
from objreg.drivers.glance_bodies import Source
from objreg.drivers.glance_client import Image, Images
from objreg.drivers.glance_errors import translated
from objreg.drivers.glance_names import BUCKET, KEY, named, property_of
from objreg.drivers.glance_records import Record
from objreg.drivers.glance_sweep import modified, sweep
from objreg.drivers.glance_upload import GlanceUpload
from objreg.drivers.keystone import Login
from objreg.drivers.transport import Transport
from objreg.store import (
    CHUNK,
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
    chunks_of,
)

Got = TypeVar('Got')

_LARGE = 'blobs/.*|uploads/[^/]*/data.*'
_VISIBILITIES = ('private', 'shared', 'community', 'public')
_LARGEST = 1024**4
"""Glance's own limit of an image, by default."""
_AT_ONCE = 8
"""Requests of one call that go at the same time."""
_BATCH = 1000


class GlanceStore(Store):
    """A project's images, and the store that knows which is which."""

    has_server = True

    def __init__(
        self, *, names: Store, bucket: str = '', auth_url: str = '', username: str = '', password: str = '',
        project: str = '', project_domain: str = 'Default', user_domain: str = 'Default',
        application_credential: str = '', application_secret: str = '', region: str = '', interface: str = 'public',
        endpoint: str = '', visibility: str = 'private', container_format: str = 'bare', disk_format: str = 'raw',
        tags: str = 'objreg', properties: str = '', inline: int = 64 * 1024, large: str = _LARGE, ca_bundle: str = '',
        pool: int = 32, connect_timeout: float = 5, read_timeout: float = 60,
    ) -> None:
        options.needed(bucket=bucket, auth_url=auth_url)
        self.names = names
        self.bucket = bucket
        self._inline = int(options.number('inline', inline, 0))
        self._large = options.pattern('large', large)
        self._all_have: Image = {
            'container_format': container_format, 'disk_format': disk_format, 'protected': False, BUCKET: bucket,
            'visibility': options.chosen('visibility', visibility, _VISIBILITIES), 'tags': tags.split(),
            **dict(property_of(one) for one in properties.split(';') if one.strip()),
        }
        self.images = Images(
            Login(
                auth_url, username, password, project, user_domain, project_domain, application_credential,
                application_secret, region, interface,
            ),
            endpoint,
            Transport(ca_bundle=ca_bundle, pool=pool, connect_timeout=connect_timeout, read_timeout=read_timeout),
        )
        self.capabilities = Capabilities(
            conditional_put=names.capabilities.conditional_put, max_parts=1000, max_put=_LARGEST,
            consistent_list=names.capabilities.consistent_list,
        )

    # What uploads and the sweep need of their store.

    def errors(self, doing: str, key: str) -> AbstractContextManager[None]:
        """Translate what the libraries raise."""
        return translated(f'{self.name or "glance"}: {doing} {key!r}')

    def is_large(self, key: str) -> bool:
        """Whether an object of that key is an image."""
        return self._large.fullmatch(key) is not None

    def is_in_use(self, image: Image) -> bool:
        """Whether the record of an object names that image."""
        with suppress(NotFound):
            return KEY in image and self._record(unquote(image[KEY])).id == image['id']
        return False

    def write_image(self, source: Source, name: str, properties: dict[str, str]) -> Record:
        """Make an image and send its bytes; nobody finds it before a record names it.

        What the source itself raises passes through.
        """
        id = str(uuid.uuid4())
        with self.errors('make', name):
            self.images.create({'id': id, 'name': name, **self._all_have, **properties})
        try:
            with self.errors('write', name):
                self.images.upload(id, source)
        except BaseException:
            self.give_up([id])
            if source.failed is not None:
                raise source.failed from None
            raise
        return Record(id, source.sent)

    def adopt(self, image: Image, key: str) -> None:
        """Make the image of a part the object of a key."""
        if image.get(KEY, quote(key)) != quote(key):
            raise Refused(f'{key}: the upload is finished, as {unquote(image[KEY])}')
        with self.errors('name', key):
            self.images.change(image['id'], name=named(key), **{KEY: quote(key)})
        self._publish(key, Record(image['id'], image['size']))

    def discard(self, images: list[str]) -> None:
        """Delete images."""
        def delete(id: str) -> None:
            with self.errors('delete image', id):
                self.images.delete(id)

        _each(delete, images)

    def give_up(self, images: list[str]) -> None:
        """Delete images that no object needs any more; what is left where that fails, the sweep takes."""
        with suppress(StoreError):
            self.discard(images)

    def content(self, record: Record, key: str, start: int, end: int) -> Content | None:
        """The bytes from `start` to `end`, which are in the image; None where it has none."""
        with self.errors('read', key):
            answer = self.images.open(record.id, start, end, record.size)
        if answer is None:
            return None
        if (start or end != record.size) and not answer.headers.get('content-range', '').startswith(f'bytes {start}-'):
            answer.close()
            raise Unavailable(f'{self.name}: {key}: the answer is not the range from {start}')
        size = end - start
        chunks = reading.whole(answer.iter_content(CHUNK), size, f'{self.name}: {key}', self.errors('read', key))
        return Content(chunks, size, close=_Closing(answer))

    # The interface.

    def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
        check_key(key)
        if not self.is_large(key):
            return self.names.get(key, start, end)

        def look(record: Record) -> Content | None:
            if start and start >= record.size:
                raise Refused(f'{self.name}: {key}: {start} is beyond its end')
            stop = max(start, record.size if end is None else min(end, record.size))
            if record.data is not None:
                data = record.data[start:stop]
                return Content((data[at:at + CHUNK] for at in range(0, len(data), CHUNK)), len(data))
            if stop == start:
                return Content((), 0) if self._state(record, key) else None
            return self.content(record, key, start, stop)

        return self._look(key, look)

    def read(self, key: str) -> bytes:
        return super().read(key) if self.is_large(key) else self.names.read(key)

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        check_key(key)
        if not self.is_large(key):
            self.names.put(key, body, size, if_absent=if_absent)
            return
        if size is None and not isinstance(body, bytes):
            raise Refused('the size of the body is needed')
        if if_absent and self._known(key) is not None:
            raise Exists(f'{self.name}: {key} is taken')
        length = len(body) if size is None and isinstance(body, bytes) else size or 0
        if length <= self._inline or not length:
            record = Record.here(b''.join(chunks_of(body, length)))
        else:
            record = self.write_image(Source(body, length), named(key), {KEY: quote(key)})
        self._publish(key, record, if_absent=if_absent)

    def stat(self, key: str) -> Stat:
        check_key(key)
        if not self.is_large(key):
            return self.names.stat(key)

        def look(record: Record) -> Stat | None:
            if record.data is not None:
                return Stat(record.size, self.names.stat(key).modified, record.id)
            image = self._state(record, key)
            return None if image is None else Stat(record.size, modified(image), record.id)

        return self._look(key, look)

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while batch := list(dict.fromkeys(islice(waiting, _BATCH))):
            for key in batch:
                check_key(key)
            records = _each(self._known, [key for key in batch if self.is_large(key)])
            self.names.delete(batch)
            self.discard([record.id for record in records if record is not None and record.data is None])

    def page(
        self, prefix: str, after: str = '', *, delimiter: str = '', limit: int = 1000, detail: bool = False
    ) -> Page:
        found, more = self.names.page(prefix, after, delimiter=delimiter, limit=limit, detail=detail)
        return Page(_each(self._sized, found) if detail else found, more)

    def upload(self, key: str) -> Upload:
        check_key(key)
        return GlanceUpload.new(self)

    def resume(self, id: str) -> Upload:
        return GlanceUpload.of(self, id)

    def copy(self, source: str, target: str) -> None:
        check_key(source)
        check_key(target)
        if self.is_large(source) or self.is_large(target):
            super().copy(source, target)
        else:
            self.names.copy(source, target)

    def check(self) -> None:
        self.names.check()
        with self.errors('list', 'images'):
            self.images.page(1, {BUCKET: self.bucket})

    def setup(self, *, rotate: bool = False) -> list[str]:
        done = self.names.setup(rotate=rotate)
        self.check()
        return done

    def sweep(self, seconds: float) -> int:
        return self.names.sweep(seconds) + sweep(self, seconds)

    def close(self) -> None:
        self.names.close()
        self.images.close()

    def _record(self, key: str) -> Record:
        return Record.load(self.names.read(key), key)

    def _known(self, key: str) -> Record | None:
        try:
            return self._record(key)
        except NotFound:
            return None

    def _look(self, key: str, look: Callable[[Record], Got | None]) -> Got:
        """What there is to see of an object; again, when it was replaced between its record and its image."""
        seen = ''
        while True:
            record = self._record(key)
            found = look(record)
            if found is not None:
                return found
            if record.id == seen:
                raise NotFound(f'{self.name}: {key}: its image {record.id} is deactivated, incomplete or gone')
            seen = record.id

    def _state(self, record: Record, key: str) -> Image | None:
        """What Glance tells of the image of a record; None unless it can be read."""
        with self.errors('stat', key):
            image = self.images.look(record.id)
        return image if image is not None and image['status'] == 'active' else None

    def _publish(self, key: str, record: Record, *, if_absent: bool = False) -> None:
        """Make that the object: from here on it is seen.  What was there before is deleted.

        Where this fails, it may have been done all the same, and so the image stays; the sweep knows.
        """
        try:
            self.names.put(key, record.dump(), if_absent=True)
            return
        except Exists:
            if if_absent:
                self.give_up([record.id] if record.data is None else [])
                raise
        before = self._known(key)
        self.names.put(key, record.dump())
        if before is not None and before.data is None and before.id != record.id:
            self.give_up([before.id])

    def _sized(self, entry: Entry) -> Entry:
        """A line of the listing of names with the size of the object; of one that has gone since, that of nothing."""
        if entry.size is None or not self.is_large(entry.key):
            return entry
        record = self._known(entry.key)
        return entry._replace(size=record.size if record is not None else 0)


class _Closing(AbstractContextManager[object]):
    """Closes an answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __exit__(self, *_: object) -> None:
        self._answer.close()


Item = TypeVar('Item')


def _each(work: Callable[[Item], Got], items: list[Item]) -> list[Got]:
    """What the work gives for each of them, some at the same time; an error is raised when all are done."""
    if len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        return list(pool.map(work, items))
