"""Takes a registry of the first version of the API: each tag becomes a manifest, by the code that a push of it uses.

A layer is read once, whoever shares it, since neither its digest nor that of its unpacked bytes is known there; its
bytes are then copied by the server where it can.  Ids stay, so that old clients find what they had.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from objreg import keys
from objreg import manifest as manifests
from objreg.descriptor import Descriptor
from objreg.errors import ManifestUnknown, TagInvalid
from objreg.hub import keys as hub_keys
from objreg.hub import policy
from objreg.hub.repositories import Repositories
from objreg.imports.bounded import Bounded
from objreg.imports.contents import Blob, Contents, MadeBlob, StoredBlob
from objreg.imports.images_v1 import ImagesV1, is_same
from objreg.imports.once import Once
from objreg.imports.report import NotTaken, Report
from objreg.imports.repositories import Wanted
from objreg.imports.taking import be_member
from objreg.imports.tree_v1 import OldTags, TreeV1
from objreg.names import Digest, check_tag
from objreg.registry import Registry
from objreg.repository import Repository
from objreg.store import NotFound
from objreg.v1 import tag_facts
from objreg.v1.from_v2 import IDS, NoImages, config_descriptor
from objreg.v1.image import EMPTY_DIGEST, Image, ImageInvalid, load
from objreg.v1.images import Images
from objreg.v1.tag_facts import TagFacts
from objreg.v1.to_v2 import config_of, manifest_of

_FACTS = ('docker_version', 'docker_go_version', 'arch', 'os', 'kernel')


class ImportingV1:
    """An import into a registry."""

    def __init__(self, registry: Registry, tree: TreeV1, wanted: Wanted, report: Report) -> None:
        self.registry, self.tree, self.report = registry, tree, report
        self.noted = Images(registry.store)
        self.images = ImagesV1(tree, self.noted)
        self.contents = Contents(registry.store, report)
        self._wanted = wanted
        self._has_hub = False
        self._tags = ThreadPoolExecutor(wanted.jobs, 'objreg-tags')

    def run(self) -> Report:
        """Take it all."""
        began = time.monotonic()
        if not self.report.dry_run:
            self.registry.start()
        self._has_hub = bool(self.registry.store.page(hub_keys.HUB, limit=1).entries)
        self.tree.look()
        self.images.begin()
        with self._tags, ThreadPoolExecutor(self._wanted.jobs, 'objreg-repositories') as pool:
            waiting = Bounded(pool, 2 * self._wanted.jobs)
            for old in self.tree.repositories():
                if self._wanted.wants(old.name or old.shown):
                    waiting.submit(lambda old=old: self._take(old))  # type: ignore[misc]
            waiting.finish()
        if not self._wanted.patterns:
            self._tell_of_the_rest()
        self.report.seconds = time.monotonic() - began
        return self.report

    def _tell_of_the_rest(self) -> None:
        """Of images that no tag led to."""
        whole = 0
        for id in self.tree.images.keys() - self.images.reached:
            problem = self.images.problem(id)
            whole += not problem
            if problem:
                self.report.leave(f'image {id}', problem)
        if whole:
            self.report.note(f'{whole} images are named by no tag, nor are ancestors of one that is; they stay behind')

    def _take(self, old: OldTags) -> None:
        if not old.name:
            self.report.leave(old.shown, 'its name is none of a repository')
            return
        with self.report.taking(old.shown):
            if old.is_private:
                self._hide(old.name)
            list(self._tags.map(_Taking(self, old).take, old.tags.items()))
            self.report.count(repositories=1)

    def _hide(self, name: str) -> None:
        """Before anything of it is there; what was decided here since stays."""
        if not self._has_hub:
            self.report.note(f'{name} was private; there is no hub here, so see that only those read it who may')
        elif not self.report.dry_run:
            hidden = policy.Repository(name, policy.Visibility.PRIVATE)
            Repositories(self.registry.store).begin(hidden)


class _Taking:
    """One repository."""

    def __init__(self, importing: ImportingV1, old: OldTags) -> None:
        self._old, self._chain = old, importing.images.chain
        self._tree, self._report, self._contents = importing.tree, importing.report, importing.contents
        self._noted = importing.noted
        self._target: Repository = importing.registry.repository(old.name)
        self._taken: Once[str, None] = Once()

    def take(self, named: tuple[str, str]) -> None:
        """Take a tag with its image, or report why not."""
        tag, key = named
        with self._report.taking(f'{self._old.shown}:{tag}'):
            if not self._tells_of_another(key):
                self._take(tag, key)

    def _tells_of_another(self, key: str) -> bool:
        """Whether what looks like a tag ``X_json`` tells of the tag ``_X``: both have one key."""
        return key in self._old.facts.values() and bool(self._tree.facts(key))

    def _take(self, tag: str, key: str) -> None:
        try:
            check_tag(tag)
        except TagInvalid as error:
            raise NotTaken('its name is none of a tag') from error
        images = self._chain(self._tree.tagged(key))
        config = config_of(images)
        data = manifest_of(images, config)
        digest = Digest.of(data)
        manifest = manifests.parse(data, manifests.DOCKER_MANIFEST)
        is_here = self._target.held(digest) is not None
        if not is_here:
            for image in reversed(images):  # the root first
                self._taken.get(image.id, lambda image=image: self._take_image(image))  # type: ignore[misc]
            self._blob(Digest.of(config), len(config), MadeBlob(config))
        if not self._report.dry_run:
            self._target.put_manifest(digest, manifest, data, is_here=is_here)
        self._report.count(**{'present' if is_here else 'manifests': 1})
        self._move(tag, digest, data)

    def _take_image(self, image: Image) -> None:
        """After its layer."""
        noted = self._noted.find(image.id, self._target.name)
        if noted is not None and not is_same(noted, image):
            raise NotTaken(f'the image {image.id} means something else in {self._target.name} already')
        if image.layer.digest != str(EMPTY_DIGEST):
            key = self._tree.layer_key(image.id)
            self._blob(Digest.parse(image.layer.digest), image.layer.size, StoredBlob(self._tree.store, key))
        if noted is None:
            if not self._report.dry_run:
                self._noted.put(image, self._target.name)
            self._report.count(images=1)

    def _blob(self, digest: Digest, size: int, blob: Blob) -> None:
        self._contents.need(digest, size, blob)
        if not self._report.dry_run:
            be_member(self._target, digest, size)

    def _move(self, tag: str, digest: Digest, data: bytes) -> None:
        try:
            here = self._target.tagged(tag)
        except ManifestUnknown:
            here = None
        if here is not None and here.digest == digest:
            return
        if here is not None and not self._came_from_there(here):
            self._report.keep(f'{self._old.shown}:{tag}')
            return
        if not self._report.dry_run:
            facts = self._facts(tag, digest)
            if facts is not None:  # they count once the tag names that digest
                tag_facts.put(self._target, tag, facts)
            self._target.put_tag(tag, digest, manifests.DOCKER_MANIFEST, data)
        self._report.count(tags=1)

    def _facts(self, tag: str, digest: Digest) -> TagFacts | None:
        """What the old registry knew of who pushed it."""
        key = self._old.facts.get(tag)
        told: dict[str, Any] = self._tree.facts(key) if key else {}
        at = told.get('last_update')
        if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < 1 << 40:
            return None
        return TagFacts(str(digest), at, {name: told[name] for name in _FACTS if isinstance(told.get(name), str)})

    def _came_from_there(self, here: Descriptor) -> bool:
        """Whether what a tag names here is an image of the old registry."""
        try:
            config = config_descriptor(manifests.of_stored(here))
            ids = load(self._target.store.read(keys.content(config.digest))).get(IDS)
        except (NoImages, NotFound, ImageInvalid):
            return False
        return isinstance(ids, list) and bool(ids) and isinstance(ids[-1], str) and ids[-1] in self._tree.images
