"""Uploads of the `glance` driver: each part is an image.

One part alone becomes the object, without its bytes being moved.  Of several, the bytes are read and sent again, piece
by piece: Glance cannot join images.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from objreg.drivers.glance_bodies import Source
from objreg.drivers.glance_client import Image
from objreg.drivers.glance_records import Record
from objreg.store import Body, Part, Refused, Unavailable, Upload, check_key, check_parts

if TYPE_CHECKING:
    from objreg.drivers.glance import GlanceStore

UPLOAD, NUMBER = 'objreg_upload', 'objreg_part'
"""The properties of a part."""
_ID = re.compile('[0-9a-f]{32}')


class GlanceUpload(Upload):
    """The parts of one object to come."""

    def __init__(self, store: GlanceStore, token: str) -> None:
        self._store = store
        self._token = token

    @classmethod
    def new(cls, store: GlanceStore) -> GlanceUpload:
        """One of which nothing is written."""
        return cls(store, secrets.token_hex(16))

    @classmethod
    def of(cls, store: GlanceStore, id: str) -> GlanceUpload:
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
        name = f'objreg upload {self._token} part {number}'
        record = self._store.write_image(Source(body, size), name, {UPLOAD: self._token, NUMBER: str(number)})
        return Part(number, record.size, record.id)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        check_key(key)
        check_parts(parts, key)
        there = self._written()
        for part in parts:
            image = there.get(part.etag, {})
            if (image.get('status'), image.get('size'), image.get(NUMBER)) != ('active', part.size, str(part.number)):
                raise Refused(f'{key}: part {part.number} is not there, or not of this upload')
        if len(parts) == 1 and parts[0].size and self._store.is_large(key):
            kept = parts[0].etag
            self._store.adopt(there[kept], key)
        else:
            kept = ''
            self._store.put(key, self._joined(parts, key), sum(part.size for part in parts))
        self._store.give_up([id for id in there if id != kept])

    def abort(self) -> None:
        if _ID.fullmatch(self._token):
            self._store.discard([id for id, image in self._written().items() if not self._store.is_in_use(image)])

    def _written(self) -> dict[str, Image]:
        """The images of this upload, by their ids."""
        with self._store.errors('list the parts of', self._token):
            return {image['id']: image for image in self._store.images.all(**{UPLOAD: self._token})}

    def _joined(self, parts: Sequence[Part], key: str) -> Iterator[bytes]:
        for part in parts:
            if not part.size:
                continue
            content = self._store.content(Record(part.etag, part.size), key, 0, part.size)
            if content is None:
                raise Unavailable(f'{key}: part {part.number} went away')
            with content:
                yield from content
