"""One repository: what it holds, in terms of descriptors, and the order in which that is written.

Write order is content, membership, manifest, referrer, catalog, history, tag, so that a process may die anywhere and
no name dangles; deletes go the other way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from objreg import descriptor, keys
from objreg import manifest as manifests
from objreg.descriptor import Descriptor, Malformed
from objreg.errors import (
    BlobUnknown,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
)
from objreg.manifest import Manifest
from objreg.names import Digest
from objreg.store import NotFound, Store, Unavailable

Given = TypeVar('Given')
Got = TypeVar('Got')


class Each(Protocol):
    """`objreg.registry.Registry.each`."""

    def __call__(self, function: Callable[[Given], Got], items: Iterable[Given]) -> list[Got]: ...


class Names(NamedTuple):
    """A page of names, and whether there may be more."""

    names: list[str]
    more: bool


class Repository:
    """What a repository of that (checked) name holds."""

    def __init__(self, store: Store, name: str, each: Each) -> None:
        self.store = store
        self.name = name
        self._each = each

    # Blobs

    def member(self, digest: Digest) -> Descriptor:
        """The membership of a blob; raises BLOB_UNKNOWN.  One read, none when this node saw it lately."""
        try:
            return self._load(keys.membership(self.name, digest))
        except NotFound as error:
            raise BlobUnknown(str(digest)) from error

    def holds(self, digest: Digest) -> bool:
        """Whether this repository may serve a blob at this moment: one call, as `held`."""
        try:
            self._confirm(keys.membership(self.name, digest))
            self.member(digest)
        except (BlobUnknown, NotFound):
            return False
        return True

    def _confirm(self, key: str) -> None:
        """Raise `NotFound` if what this node remembers is there no more."""
        if self.store.known(key) is not None:
            self.store.stat(key)

    def add_member(self, digest: Digest, size: int) -> None:
        """Say that this repository may serve a blob, whose content is there."""
        self.store.put(keys.membership(self.name, digest), descriptor.blob(digest, size).dump())

    def remove_member(self, digest: Digest) -> None:
        """Take a blob out of this repository; raises BLOB_UNKNOWN."""
        self.member(digest)
        self.store.delete([keys.membership(self.name, digest)])

    # Manifests

    def manifest(self, digest: Digest) -> Descriptor:
        """A manifest with its bytes in `data`; raises MANIFEST_UNKNOWN.  One read, or none."""
        return self._manifest(keys.manifest(self.name, digest), str(digest))

    def tagged(self, tag: str) -> Descriptor:
        """What a tag names, with its bytes in `data`; raises MANIFEST_UNKNOWN.  One read."""
        return self._manifest(keys.tag(self.name, tag), tag)

    def introduce(self, stored: Descriptor, manifest: Manifest) -> None:
        """Remember a manifest that was just read, and that its blobs are members: a pull asks for them next."""
        key = keys.manifest(self.name, stored.digest)
        if self.store.known(key) is None:
            self.store.remember(key, stored.dump())
        for child in manifest.blobs:
            known = descriptor.blob(child.digest, child.size)
            self.store.remember(keys.membership(self.name, child.digest), known.dump())

    def held(self, digest: Digest) -> Descriptor | None:
        """The manifest of that digest, if it is here at this moment: one call.

        Another node may have deleted what this one remembers.
        """
        try:
            self._confirm(keys.manifest(self.name, digest))
            return self.manifest(digest)
        except (ManifestUnknown, NotFound):
            return None

    def check_children(self, manifest: Manifest, *, sparse: bool) -> None:
        """Raise MANIFEST_BLOB_UNKNOWN unless everything is here that the manifest names.

        An index may be `sparse`: then its manifests need not be here.  A subject never needs to be.
        """
        blobs = {child.digest: child for child in manifest.blobs if not manifests.is_elsewhere(child)}
        missing = [digest for digest in self._each(self._missing_blob, blobs.values()) if digest]
        if not sparse:
            children = {child.digest for child in manifest.manifests}
            held = self._each(self.held, children)
            missing += [child for child, here in zip(children, held, strict=True) if not here]
        if missing:
            raise ManifestBlobUnknown({'digests': sorted(map(str, missing))[:100]})

    def _missing_blob(self, child: Descriptor) -> Digest | None:
        try:
            member = self.member(child.digest)
        except BlobUnknown:
            return child.digest
        if member.size != child.size:
            raise ManifestInvalid(f'{child.digest} has {member.size} bytes, and the manifest says {child.size}')
        return None

    def put_manifest(self, digest: Digest, manifest: Manifest, data: bytes, *, is_here: bool = False) -> None:
        """Write a manifest whose children are here, its referrer entry, and the marker in the catalog.

        If the manifest itself `is_here`, the rest may be missing still: whoever wrote it may have died then.
        """
        told = manifest.subject is not None
        stored = Descriptor(
            manifest.media_type, digest, len(data),
            manifest.artifact_type if told else '', manifest.annotations if told else None,
        )
        if not is_here:
            self.store.put(keys.manifest(self.name, digest), _with(stored, data))
        if manifest.subject is not None:
            self.store.put(keys.referrer(self.name, manifest.subject.digest, digest), stored.dump())
        marker = keys.catalog(self.name)
        if self.store.known(marker) is None:
            self.store.put(marker, b'{}')

    def put_tag(self, tag: str, digest: Digest, media_type: str, data: bytes) -> None:
        """Make a tag name a manifest that is here: its history, then the tag."""
        self.store.put(keys.history(self.name, tag, time.time_ns(), digest), b'{}')
        self.store.put(keys.tag(self.name, tag), _with(Descriptor(media_type, digest, len(data)), data))

    def remove_tag(self, tag: str) -> None:
        """Delete a tag and nothing else; raises MANIFEST_UNKNOWN."""
        key = keys.tag(self.name, tag)
        try:
            self.store.stat(key)
        except NotFound as error:
            raise ManifestUnknown(tag) from error
        self.store.delete([key])

    def remove_manifest(self, digest: Digest) -> None:
        """Delete a manifest, and before it the tags that name it and its referrer entry; raises MANIFEST_UNKNOWN."""
        stored = self.manifest(digest)
        once = {tag for tag, named in map(keys.parse_history, self._histories()) if named == digest}
        named = [tag for tag, found in zip(once, self._each(self._digest_of, once), strict=True) if found == digest]
        self.store.delete([keys.tag(self.name, tag) for tag in named])
        subject = manifests.of_stored(stored).subject
        if subject is not None:
            self.store.delete([keys.referrer(self.name, subject.digest, digest)])
        self.store.delete([keys.manifest(self.name, digest)])

    def _histories(self) -> Iterable[str]:
        return (entry.key for entry in self.store.list(keys.histories(self.name)))

    def _digest_of(self, tag: str) -> Digest | None:
        try:
            return self.tagged(tag).digest
        except ManifestUnknown:
            return None

    # Lists

    def tags(self, after: str, limit: int) -> Names:
        """A page of tags in byte order, those after `after`: one list call."""
        return names_page(self.store, keys.tags(self.name), after, limit)

    def all_tags(self) -> Iterator[str]:
        """Every tag, in byte order: a list call for each thousand."""
        prefix = keys.tags(self.name)
        return (entry.key.removeprefix(prefix) for entry in self.store.list(prefix))

    def exists(self) -> bool:
        """Whether anything was ever pushed here."""
        try:
            self.store.read(keys.catalog(self.name))
        except NotFound:
            return False
        return True

    def referrers(self, subject: Digest, after: str, limit: int) -> tuple[list[Descriptor], str]:
        """A page of descriptors of referrers, and where the next page goes on ('' when this is the last).

        One list call, and one read for each that this node has not read lately.
        """
        page = names_page(self.store, keys.referrers(self.name, subject), after, limit)
        prefix = keys.referrers(self.name, subject)
        found = self._each(self._referrer, [prefix + name for name in page.names])
        return [referrer for referrer in found if referrer], page.names[-1] if page.more and page.names else ''

    def _referrer(self, key: str) -> Descriptor | None:
        try:
            return self._load(key)
        except NotFound:
            return None  # deleted since it was listed

    def _load(self, key: str) -> Descriptor:
        data = self.store.read(key)
        try:
            return descriptor.load(data)
        except Malformed as error:
            raise Unavailable(f'{key} is damaged: {error}') from error

    def _manifest(self, key: str, reference: str) -> Descriptor:
        try:
            found = self._load(key)
        except NotFound as error:
            raise ManifestUnknown(reference) from error
        if found.data is None or not found.digest.is_of(found.data):
            raise Unavailable(f'{key} is damaged: its data does not match {found.digest}')
        return found


def _with(stored: Descriptor, data: bytes) -> bytes:
    return Descriptor(
        stored.media_type, stored.digest, stored.size, stored.artifact_type, stored.annotations, data=data
    ).dump()


def names_page(store: Store, prefix: str, after: str, limit: int) -> Names:
    """A page of what follows `prefix` in the keys that begin with it."""
    page = store.page(prefix, prefix + after if after else '', limit=limit)
    start = len(prefix)
    return Names([entry.key[start:] for entry in page.entries], page.more)
