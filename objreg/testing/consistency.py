"""Looks at a whole bucket, and tells what is not as docs/layout.md has it.

Two kinds of findings.  What *dangles* is a name for something that is not there, or not what it says it is: that never
happens, whatever ends a process or a call.  What is *incomplete* is a thing that cannot be found by all its names yet:
its push ended in the middle and was not acknowledged, and the next push of the same completes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from objreg import descriptor, keys, manifest
from objreg.descriptor import Descriptor, Malformed
from objreg.errors import RegistryError
from objreg.names import Digest
from objreg.store import Store
from objreg.v1.image import Image

_OF_REPOSITORY = re.compile(r'repositories/(.+)/_(blobs|manifests|tags|referrers)/(.+)')


@dataclass
class Findings:
    """Lines for people."""

    dangling: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)


def check(store: Store, *, sparse: bool = False) -> Findings:
    """Read everything, and compare.  `sparse`: manifests may name what is not here."""
    bucket = _Bucket(store)
    found = Findings()
    for name, digest, size in bucket.members:
        if bucket.contents.get(digest) != size:
            found.dangling.append(f'{name} has {digest} of {size} bytes, whose content is not there')
    for name, digest, described in bucket.manifests:
        if described.data is None or not digest.is_of(described.data):
            found.dangling.append(f'{name}: the bytes of the manifest {digest} are not those')
        elif not sparse:
            found.dangling += bucket.missing_children(name, digest, described)
        found.incomplete += bucket.missing_names(name, digest, described)
    for name, tag, described in bucket.tags:
        if (name, described.digest) not in bucket.held:
            found.dangling.append(f'{name}:{tag} names {described.digest}, which is not there')
    for name, subject, digest in bucket.referrers:
        if (name, digest) not in bucket.held:
            found.dangling.append(f'{name}: {digest} refers to {subject}, and is not there')
    found.dangling += [*bucket.missing_layers(), *bucket.damaged]
    found.incomplete += bucket.missing_ancestors()
    return found


class _Bucket:
    """All that a bucket says."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.damaged: list[str] = []
        self.contents: dict[Digest, int] = {}
        self.members: list[tuple[str, Digest, int]] = []
        self.manifests: list[tuple[str, Digest, Descriptor]] = []
        self.tags: list[tuple[str, str, Descriptor]] = []
        self.referrers: list[tuple[str, Digest, Digest]] = []
        self.catalog: set[str] = set()
        self.images: dict[tuple[str, str], Image] = {}
        for entry in store.list(''):
            self._note(entry.key)
        self.held = {(name, digest) for name, digest, _ in self.manifests}
        self._members = {(name, digest): size for name, digest, size in self.members}
        self._referrers = set(self.referrers)

    def _note(self, key: str) -> None:
        if keys.is_content(key):
            _, algorithm, _, hexadecimal = key.split('/')
            self._note_content(key, Digest(algorithm, hexadecimal))
        elif image := keys.parse_image(key):
            self.images[image] = msgspec.json.decode(self._store.read(key), type=Image)
        elif key.startswith(keys.CATALOG):
            self.catalog.add(key.removeprefix(keys.CATALOG))
        elif found := _OF_REPOSITORY.fullmatch(key):
            try:
                self._note_fact(key, *found.groups())
            except (Malformed, ValueError) as error:
                self.damaged.append(f'{key}: {error}')

    def _note_content(self, key: str, digest: Digest) -> None:
        hasher, size = hashlib.new(digest.algorithm), 0
        with self._store.get(key) as content:
            for piece in content:
                hasher.update(piece)
                size += len(piece)
        if hasher.hexdigest() != digest.hex:
            self.damaged.append(f'{key}: the bytes are not those')
        self.contents[digest] = size

    def _note_fact(self, key: str, name: str, kind: str, rest: str) -> None:
        if kind == 'blobs':
            described = descriptor.load(self._store.read(key))
            self.members.append((name, Digest(*rest.split('/')), described.size))
        elif kind == 'manifests':
            self.manifests.append((name, Digest(*rest.split('/')), descriptor.load(self._store.read(key))))
        elif kind == 'tags':
            self.tags.append((name, rest, descriptor.load(self._store.read(key))))
        else:
            algorithm, hexadecimal, referrer = rest.split('/')
            self.referrers.append((name, Digest(algorithm, hexadecimal), Digest(*referrer.split('-'))))

    def missing_children(self, name: str, digest: Digest, described: Descriptor) -> Iterator[str]:
        """What a manifest names and its repository does not have."""
        try:
            parsed = manifest.of_stored(described)
        except RegistryError as error:
            yield f'{name}: the manifest {digest}: {error.detail}'
            return
        for child in parsed.blobs:
            if not manifest.is_elsewhere(child) and self._members.get((name, child.digest)) != child.size:
                yield f'{name}: {digest} names the blob {child.digest}, which is not there'
        for child in parsed.manifests:
            if (name, child.digest) not in self.held:
                yield f'{name}: {digest} names the manifest {child.digest}, which is not there'

    def missing_layers(self) -> Iterator[str]:
        """Images of the first version that have no layer, or not their own id."""
        for (id, name), image in self.images.items():
            layer = Digest.parse(image.layer.digest)
            if not image.is_empty and self._members.get((name, layer)) != image.layer.size:
                yield f'{name}: the image {id} has the layer {layer}, which is not there'
            if image.id != id:
                yield f'{name}: the image {id} says that it is {image.id}'

    def missing_ancestors(self) -> Iterator[str]:
        """Images of the first version without their ancestors: what noted these has not come to its end."""
        for (id, name), image in self.images.items():
            if image.is_expanded and not all((one, name) in self.images for one in image.ancestry):
                yield f'{name}: an ancestor of the image {id} is not there'

    def missing_names(self, name: str, digest: Digest, described: Descriptor) -> Iterator[str]:
        """By what a manifest should be found, and is not."""
        if name not in self.catalog:
            yield f'{name} is not in the catalog'
        parsed = manifest.of_stored(described)
        if parsed.subject is not None and (name, parsed.subject.digest, digest) not in self._referrers:
            yield f'{name}: {digest} is not among the referrers of {parsed.subject.digest}'
