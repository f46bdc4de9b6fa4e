"""A server that speaks Glance v2, and what one test has there for itself: images that bear its name."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from objreg.drivers.glance import GlanceStore
from objreg.drivers.glance_names import BUCKET, KEY
from objreg.drivers.glance_records import Record
from objreg.drivers.memory import MemoryStore
from objreg.store import Store
from tests.servers.keystone import PASSWORD, PROJECT, REGION, USER


@dataclass(frozen=True)
class Images:
    """The images of a bucket."""

    settings: dict[str, str]
    """All that the start of the server told."""
    bucket: str = field(default_factory=lambda: f'test-{secrets.token_hex(6)}')

    @property
    def options(self) -> dict[str, Any]:
        """What the `glance` driver (a section of ``stores.yml``) takes, but for ``names``."""
        return {
            'bucket': self.bucket, 'auth_url': self.settings['AUTH_URL'], 'username': USER, 'password': PASSWORD,
            'project': PROJECT, 'region': REGION,
        }

    def store(self, names: Store, **other: Any) -> GlanceStore:
        """A store object on them."""
        made = GlanceStore(names=names, **{**self.options, **other})
        made.name = 'glance'
        return made

    def beside(self) -> Images:
        """Those of another bucket."""
        return Images(self.settings)

    def told(self, **properties: str) -> list[dict[str, Any]]:
        """What Glance tells of those that have these properties; a name is written ``eq:name``."""
        return list(self.own.all(**{BUCKET: self.bucket}, **properties))

    def names(self) -> list[str]:
        """What they are called."""
        return sorted(image['name'] for image in self.told())

    def deactivate(self, name: str) -> None:
        """As an administrator does with what is suspicious."""
        [found] = self.told(name=f'eq:{name}')
        self.own._bytes.post(f'/v2/images/{found["id"]}/actions/deactivate')

    def delete(self, name: str) -> None:
        """As somebody does in Horizon."""
        [found] = self.told(name=f'eq:{name}')
        self.own.delete(found['id'])

    def make_queued_in_place_of(self, store: GlanceStore, key: str) -> None:
        """Have the record of an object name an image whose bytes did not come yet."""
        record = Record.load(store.names.read(key), key)
        queued = {'id': str(uuid.uuid4()), 'name': 'queued', BUCKET: self.bucket, KEY: key}
        store.images.create(queued)
        store.names.put(key, Record(queued['id'], record.size).dump())

    def empty(self) -> None:
        """Delete them all."""
        for image in self.told():
            self.own.delete(image['id'])

    def remove(self) -> None:
        """The same, and be done."""
        self.empty()
        self.own.close()

    @cached_property
    def own(self) -> Any:
        """A client by which they are looked at."""
        return self.store(MemoryStore()).images
