"""The lists of images that pushes announce, and what a repository has by all of them.

One announcement is one object, whose key says when it came and what it lists: who announces the same again, or by
another node, takes the place of the former one.  What is taken away is only ever older than what was written, so that
nodes that do so at the same time lose nothing.  A list is a promise, and tells registries of others which images belong
to a push; whether an image is there is for the registry to know.  The lists of the last pushes are kept, however many
there were.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from objreg.hub import keys, records
from objreg.hub.hub import Each
from objreg.store import Store
from objreg.v1.errors import decoded

LARGEST = 512 * 1024
"""Bytes of a list; an entry has about a hundred."""
KEPT = 8
"""Lists of a repository."""


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image; what else a client says of it (its tag, for one) is for the registry to know."""

    id: Annotated[str, Meta(pattern='^([0-9a-f]{16}|[0-9a-f]{64})(?![\\s\\S])')]
    checksum: Annotated[str, Meta(max_length=200)] | None = None


class Announcement(records.Record, frozen=True):
    """A list."""

    images: tuple[Image, ...]


class Images(NamedTuple):
    """What a repository has; `is_known`: anything was ever announced, if only that there is nothing."""

    images: list[Image]
    is_known: bool


def parse(data: bytes) -> tuple[Image, ...]:
    """The list in the body of a request; raises 400."""
    return decoded(data, tuple[Image, ...])


class Announced:
    """Those of all repositories of a hub."""

    def __init__(self, store: Store, each: Each, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._each = each
        self._now = now

    def announce(self, repository: str, images: tuple[Image, ...]) -> None:
        """Keep a list: one write and a list call, and now and then those that are older go."""
        digest = hashlib.sha256(msgspec.json.encode(images)).hexdigest()
        key = keys.announcement(repository, int(self._now() * 1000), digest)
        self._store.put(key, Announcement(images).dump())
        found = self._keys(repository)
        same = [old for old in found if old < key and old.endswith(digest)]
        others = [old for old in found if old < key and not old.endswith(digest)]
        gone = same + others[:max(0, len(found) - len(same) - KEPT)]
        if gone:
            self._store.delete(gone)

    def of(self, repository: str) -> Images:
        """What was announced, once each; who announced it with a checksum is believed rather than who did without."""
        found = self._keys(repository)
        images: dict[str, Image] = {}
        for one in self._each(lambda key: records.find(self._store, key, Announcement), found):
            for image in one.images if one else ():  # it may have gone since it was listed
                if image.checksum or image.id not in images:
                    images[image.id] = image
        return Images(list(images.values()), bool(found))

    def forget(self, repository: str) -> None:
        """Let nothing be announced."""
        self._store.delete(self._keys(repository))

    def _keys(self, repository: str) -> list[str]:
        """The oldest first; more than are kept only where several nodes are writing."""
        return [entry.key for entry in self._store.page(keys.announced(repository), limit=4 * KEPT).entries]
