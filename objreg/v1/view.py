"""What a repository holds, seen as images of the first version.

What a client of the second version pushed is seen so from its first look on: its images are derived, and noted under
their ids, because a client of the first version asks for an image by nothing but its id.  A tag's image is noted when
the tag is asked for, the ancestors when the ancestry is.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import msgspec

from objreg import keys
from objreg import manifest as manifests
from objreg.descriptor import Descriptor
from objreg.errors import BlobUnknown, ManifestUnknown
from objreg.manifest import Manifest
from objreg.names import Digest
from objreg.registry import Registry
from objreg.repository import Repository
from objreg.sessions import Recent
from objreg.store import NotFound, Refused, Unavailable
from objreg.v1.announcements import Announcements
from objreg.v1.file_lists import FileLists
from objreg.v1.from_v2 import NoImages, config_descriptor, images_of, plain_images_of
from objreg.v1.image import Image
from objreg.v1.images import Images
from objreg.v1.sealed import SealedTokens

log = logging.getLogger(__name__)
_LARGEST_CONFIG = 8 * 1024**2


class Platform(NamedTuple):
    """Which image of an index a client of the first version is given."""

    os: str = 'linux'
    architecture: str = 'amd64'


class View:
    """Over one registry."""

    def __init__(self, registry: Registry, platform: Platform) -> None:
        self.registry = registry
        self.images = Images(registry.store)
        self.file_lists = FileLists(registry.store)
        self.announcements = Announcements(registry.store)
        self.tokens = SealedTokens(registry.secrets)
        self._platform = platform
        self.seen: Recent[str] = Recent()
        """The repository where an image was found, of the last that were."""
        self._unwritten: Recent[Image] = Recent()
        """What could not be noted in a store that cannot be written."""

    def find(self, id: str, repository: str) -> Image | None:
        """An image of a repository, whose layer is there; two reads, none when this node saw them lately."""
        image = self.images.find(id, repository) or self._unwritten.get((id, repository))
        if image is None or not (image.is_empty or self._has(repository, image.layer.digest)):
            return None
        return image

    def _has(self, repository: str, digest: str) -> bool:
        try:
            self.registry.repository(repository).member(Digest.parse(digest))
        except BlobUnknown:
            return False
        return True

    def of_tag(self, repository: Repository, tag: str) -> Image:
        """The image that a tag names; raises MANIFEST_UNKNOWN, and `NoImages`."""
        found = self._image(repository, repository.tagged(tag))
        images = self._derived(repository, found)
        noted = self.find(images[0].id, repository.name)
        if noted is not None and _is_same(noted, images[0]):
            return noted
        images = self._unclaimed(repository, found, images)
        self._note(images[0], repository.name)
        return images[0]

    def plain_of_tag(self, repository: Repository, tag: str) -> list[Image]:
        """The images of what a tag names, by derived ids; none is noted.  Raises as `of_tag` does."""
        found = self._image(repository, repository.tagged(tag))
        manifest, config = self._read(repository, found)
        return plain_images_of(manifest, str(found.digest), config, named=False)

    def expand(self, image: Image, repository: Repository) -> None:
        """Note the ancestors of an image too."""
        if image.is_expanded:
            return
        try:
            found = repository.manifest(Digest.parse(image.manifest))
        except ManifestUnknown:
            return  # it was deleted; what is noted of it stays
        images = self._derived(repository, found)
        if images[0].id != image.id:
            images = self._derived(repository, found, named=False)
        self.registry.each(lambda one: self._note_new(one, repository.name), images[1:])
        self._note(_expanded(images[0]), repository.name)

    def _derived(self, repository: Repository, found: Descriptor, *, named: bool = True) -> list[Image]:
        manifest, config = self._read(repository, found)
        return images_of(manifest, str(found.digest), config, named=named)

    def _read(self, repository: Repository, found: Descriptor) -> tuple[Manifest, bytes]:
        """What a manifest says, and its configuration."""
        manifest = manifests.of_stored(found)
        repository.introduce(found, manifest)
        config = config_descriptor(manifest)
        if config.size > _LARGEST_CONFIG:
            raise NoImages(f'its configuration has {config.size} bytes')
        return manifest, self._config(repository, config)

    def _config(self, repository: Repository, config: Descriptor) -> bytes:
        try:
            repository.member(config.digest)
            data = self.registry.store.read(keys.content(config.digest))
        except (BlobUnknown, NotFound) as error:
            raise NoImages('its configuration is not here') from error
        if not config.digest.is_of(data):
            raise Unavailable(f'{keys.content(config.digest)} is damaged')
        return data

    def _image(self, repository: Repository, found: Descriptor) -> Descriptor:
        """Of an index, the image for the platform that old clients run."""
        if found.media_type not in manifests.INDEXES:
            return found
        child = manifests.child_for(manifests.of_stored(found), *self._platform)
        if child is None:
            raise NoImages(f'it has no image for {"/".join(self._platform)}')
        return repository.manifest(child)

    def _unclaimed(self, repository: Repository, found: Descriptor, images: list[Image]) -> list[Image]:
        """The images, by ids that mean nothing else in this repository.

        A configuration may name any ids, and one that is taken here must go on meaning what it meant.
        """
        noted = self.registry.each(lambda image: self.images.find(image.id, repository.name), images)
        if all(_is_same(one, image) for one, image in zip(noted, images, strict=True) if one is not None):
            return images
        return self._derived(repository, found, named=False)

    def _note_new(self, image: Image, repository: str) -> None:
        if self.images.find(image.id, repository) is None:  # what a client pushed is the very JSON that it had
            self._note(image, repository)

    def _note(self, image: Image, repository: str) -> None:
        try:
            self.images.put(image, repository)
        except Refused as error:
            log.warning('an image of the first version is known to this node alone: %s', error)
            self._unwritten[image.id, repository] = image


def _is_same(noted: Image, image: Image) -> bool:
    return noted.lineage == image.lineage and noted.ancestry == image.ancestry


def _expanded(image: Image) -> Image:
    return msgspec.structs.replace(image, is_expanded=True)
