"""The images of the first version in the bucket: those that are there, and those whose push is under way.

An image is pushed by three requests, which three nodes may answer: its JSON, its layer, its checksum.  What came lies
below ``uploads/``, where nobody sees it, until the checksum tells that both are what the client had; then the image is
written by one key.  Of two who push the same id to the same repository the first to end wins, and no checksum is
right for the JSON of one and the layer of the other.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from objreg import keys
from objreg.store import NotFound, Store, Unavailable
from objreg.v1.image import Image, Layer, lineage_of

Made = TypeVar('Made', bound=msgspec.Struct)


class Begun(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON of an image that is pushed, its ancestry, and its parent's lineage.

    `expected`: the checksum that the layer is to have.
    """

    json: bytes
    ancestry: tuple[str, ...]
    parent_lineage: str = ''
    expected: str = ''


class Received(msgspec.Struct, frozen=True, omit_defaults=True):
    """The same with its layer, and the checksums that these two have."""

    begun: Begun
    layer: Layer
    payload: str
    tarsum: str = ''

    def image(self) -> Image:
        """What it is once the checksum was right."""
        lineage = lineage_of(self.layer.digest, self.begun.parent_lineage)
        return Image(
            self.begun.json, self.layer, self.begun.ancestry, lineage, payload=self.payload, tarsum=self.tarsum
        )


class Images:
    """Those of one registry."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, id: str, repository: str) -> Image | None:
        """An image of a repository; one read, none when this node saw it lately."""
        return self._find(keys.image(id, repository), Image)

    def repositories(self, id: str) -> list[str]:
        """Where there is an image of that id: one list call, which may lag."""
        prefix = keys.images(id)
        return [entry.key.removeprefix(prefix) for entry in self._store.list(prefix)]

    def some(self) -> bool:
        """Whether there is any: one list call."""
        return bool(self._store.page(keys.IMAGES, limit=1).entries)

    def put(self, image: Image, repository: str) -> None:
        """Let a repository have it; its layer must be a member there."""
        self._store.put(keys.image(image.id, repository), msgspec.json.encode(image))

    # A push under way

    def begin(self, id: str, repository: str, begun: Begun) -> None:
        """Keep the JSON until the layer comes; whoever begins the same again starts over."""
        self._store.put(keys.image_begun(id, repository), msgspec.json.encode(begun))

    def begun(self, id: str, repository: str) -> Begun | None:
        """The JSON that came last."""
        return self._find(keys.image_begun(id, repository), Begun)

    def receive(self, id: str, repository: str, received: Received) -> None:
        """Keep what is known of the layer until the checksum comes."""
        self._store.put(keys.image_received(id, repository), msgspec.json.encode(received))

    def received(self, id: str, repository: str) -> Received | None:
        """The layer that came last."""
        return self._find(keys.image_received(id, repository), Received)

    def end(self, id: str, repository: str) -> None:
        """The push is over."""
        self._store.delete([keys.image_begun(id, repository), keys.image_received(id, repository)])

    def _find(self, key: str, kind: type[Made]) -> Made | None:
        try:
            data = self._store.read(key)
        except NotFound:
            return None
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unavailable(f'{key} is damaged: {error}') from error
