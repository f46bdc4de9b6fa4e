"""Takes one repository of the second version of the API: manifests with what they name, then its tags.

A manifest that is here is not taken again, since it was written after all that it names.

A tag is moved here only from one manifest of the old repository to another.  Where it names something that the old
repository never had, somebody pushed it here since, and it stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from objreg import keys
from objreg import manifest as manifests
from objreg.descriptor import Descriptor
from objreg.errors import ManifestUnknown
from objreg.imports.contents import Blob, Contents
from objreg.imports.report import NotTaken, Report, reason
from objreg.manifest import Manifest
from objreg.names import Digest, check_tag
from objreg.repository import Each, Repository

MOST_MANIFEST = 4 * 1024**2
"""Bytes of a manifest."""
_ROUNDS = 8
"""How far what is not listed lies behind what is, by way of indexes and referrers."""
_DEEPEST = 64
"""Indexes in each other."""


class OldRepository(Protocol):
    """A repository that is taken, as its registry tells of it; whatever fails raises `NotTaken`."""

    name: str

    def manifests(self) -> Iterable[Digest]:
        """What it has, as far as it can be listed without its tags."""

    def tags(self) -> Iterable[str]:
        """All of them."""

    def tagged(self, tag: str) -> Digest:
        """What a tag names."""

    def manifest(self, digest: Digest) -> tuple[bytes, str]:
        """Bytes that have this digest, at most `MOST_MANIFEST`, and their type, '' where nobody says it."""

    def blob(self, child: Descriptor) -> Blob | None:
        """A blob that a manifest names; None where it need not be here."""

    def referrers(self, digest: Digest) -> Iterable[Digest]:
        """What refers to a manifest, and is not among `manifests`."""

    def knows(self, tag: str, digest: Digest) -> bool:
        """Whether the tag may have named this manifest there."""


class With(NamedTuple):
    """What it is taken with; `each` calls a function with each of many things, some at a time.

    `sparse`: an index is taken without manifests that are not there.
    """

    contents: Contents
    report: Report
    each: Each
    sparse: bool = False


class _Loaded(NamedTuple):
    data: bytes
    manifest: Manifest


class Taking:
    """Of a repository into another one of the same name."""

    def __init__(self, old: OldRepository, target: Repository, given: With) -> None:
        self._old, self._target, self._with = old, target, given
        self._report, self._each = given.report, given.each
        self._taken: set[Digest] = set()
        self._indexes: dict[Digest, _Loaded] = {}

    def run(self) -> None:
        """Take it."""
        tags = self._tags()
        wanted, seen = {*self._old.manifests(), *tags.values()}, set[Digest]()
        for _ in range(_ROUNDS):
            seen |= wanted
            named = self._each(self._look, sorted(wanted))
            wanted = {digest for digests in named for digest in digests} - seen
        for digest in wanted:
            self._report.leave(f'{self._old.name}@{digest}', 'too many indexes and referrers lead to it')
        for digest in sorted(self._indexes):
            self._take_index(digest, 0)
        self._each(self._take_tag, tags.items())

    def _tags(self) -> dict[str, Digest]:
        found: dict[str, Digest] = {}

        def ask(tag: str) -> None:
            with self._report.taking(f'{self._old.name}:{tag}'):
                check_tag(tag)
                found[tag] = self._old.tagged(tag)

        self._each(ask, self._old.tags())
        return found

    # Manifests

    def _look(self, digest: Digest) -> list[Digest]:
        """Take a manifest, or keep an index for later; what else is to be looked at because of it."""
        found: list[Digest] = []
        with self._report.taking(f'{self._old.name}@{digest}'):
            held = self._target.held(digest)
            if held is not None:
                loaded = _Loaded(held.data or b'', manifests.of_stored(held))
                self._write(digest, loaded, is_here=True)
            else:
                loaded = self._load(digest)
                if loaded.manifest.manifests:
                    self._indexes[digest] = loaded
                    found += [child.digest for child in loaded.manifest.manifests]
                else:
                    self._write(digest, loaded)
            found += self._old.referrers(digest)
        return found

    def _load(self, digest: Digest) -> _Loaded:
        data, media_type = self._old.manifest(digest)
        if not digest.is_of(data):
            raise NotTaken(f'its bytes are {Digest.of(data, digest.algorithm)}')
        return _Loaded(data, manifests.parse(data, media_type))

    def _take_index(self, digest: Digest, depth: int) -> None:
        """After all that it names."""
        loaded = self._indexes.pop(digest, None)  # each is tried once, whoever names it
        if loaded is None:
            return
        with self._report.taking(f'{self._old.name}@{digest}'):
            if depth > _DEEPEST:
                raise NotTaken('it lies too deep in other indexes')
            for child in loaded.manifest.manifests:
                self._take_index(child.digest, depth + 1)
            missing = [str(one.digest) for one in loaded.manifest.manifests if one.digest not in self._taken]
            if missing and not self._with.sparse:
                raise NotTaken(f'it names {", ".join(missing[:3])}, which could not be taken')
            self._write(digest, loaded)

    def _write(self, digest: Digest, loaded: _Loaded, *, is_here: bool = False) -> None:
        if not is_here:
            for child in loaded.manifest.blobs:
                self._take_blob(child)
        if not self._report.dry_run:
            self._target.put_manifest(digest, loaded.manifest, loaded.data, is_here=is_here)
        self._taken.add(digest)
        self._report.count(**{'present' if is_here else 'manifests': 1})

    def _take_blob(self, child: Descriptor) -> None:
        blob = self._old.blob(child)
        if blob is None:
            return
        try:
            self._with.contents.need(child.digest, child.size, blob)
        except NotTaken as error:
            raise NotTaken(f'its blob {child.digest}: {reason(error)}') from error
        if not self._report.dry_run:
            be_member(self._target, child.digest, child.size)

    # Tags

    def _take_tag(self, named: tuple[str, Digest]) -> None:
        with self._report.taking(f'{self._old.name}:{named[0]}'):
            self._move_tag(*named)

    def _move_tag(self, tag: str, digest: Digest) -> None:
        if digest not in self._taken:
            raise NotTaken(f'it names {digest}, which could not be taken')
        try:
            here = self._target.tagged(tag).digest
        except ManifestUnknown:
            here = None
        if here == digest:
            return
        if here is not None and not self._old.knows(tag, here):
            self._report.keep(f'{self._old.name}:{tag}')
            return
        if not self._report.dry_run:
            found = self._target.manifest(digest)
            self._target.put_tag(tag, digest, found.media_type, found.data or b'')
        self._report.count(tags=1)


def be_member(repository: Repository, digest: Digest, size: int) -> None:
    """Let a repository serve a blob whose content is there; what was done lately is only looked at again."""
    is_known = repository.store.known(keys.membership(repository.name, digest)) is not None
    if not is_known or not repository.holds(digest):
        repository.add_member(digest, size)
