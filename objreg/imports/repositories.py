"""Takes repositories of the second version of the API: manifests with what they name, then tags, as a push writes them.

Nothing is written down about an import.  A manifest that is here is not taken again, since it was written after all
that it names; so one that was interrupted goes on where it was, and one that is repeated takes what came since.

A tag is moved here only from one manifest of the old repository to another.  Where it names something that the old
repository never had, somebody pushed it here since, and it stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple, Protocol, TypeVar

from objreg import keys
from objreg import manifest as manifests
from objreg.descriptor import Descriptor
from objreg.errors import ManifestUnknown
from objreg.imports.bounded import Bounded
from objreg.imports.contents import Blob, Contents
from objreg.imports.report import NotTaken, Report, reason
from objreg.manifest import Manifest
from objreg.names import Digest, check_name, check_tag
from objreg.registry import Registry
from objreg.repository import Repository

MOST_MANIFEST = 4 * 1024**2
"""Bytes of a manifest."""
_MOST_DEPTH = 8
"""Indexes in each other."""

Given = TypeVar('Given')
Got = TypeVar('Got')


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


@dataclass(frozen=True)
class Wanted:
    """What is to be taken, and how."""

    patterns: tuple[str, ...] = ()
    """Names of repositories, with ``*`` and ``?``; none: all."""
    sparse: bool = False
    """Whether an index is taken without manifests that are not there."""
    jobs: int = 8

    def wants(self, name: str) -> bool:
        """Whether that repository is."""
        return not self.patterns or any(fnmatchcase(name, pattern) for pattern in self.patterns)


class _Loaded(NamedTuple):
    data: bytes
    manifest: Manifest


class Importing:
    """An import into a registry."""

    def __init__(self, registry: Registry, wanted: Wanted, report: Report) -> None:
        self.registry, self.wanted, self.report = registry, wanted, report
        self.contents = Contents(registry.store, report)
        self._manifests = ThreadPoolExecutor(wanted.jobs, 'objreg-manifests')

    def run(self, repositories: Iterator[OldRepository]) -> Report:
        """Take them all."""
        began = time.monotonic()
        if not self.report.dry_run:
            self.registry.start()
        wanted = (one for one in repositories if self.wanted.wants(one.name))
        try:
            with ThreadPoolExecutor(self.wanted.jobs, 'objreg-repositories') as pool:
                waiting = Bounded(pool, 2 * self.wanted.jobs)
                for old in wanted:
                    waiting.submit(lambda old=old: self._take(old))  # type: ignore[misc]
                waiting.finish()
        finally:
            self._manifests.shutdown(cancel_futures=True)
            self.report.seconds = time.monotonic() - began
        return self.report

    def _take(self, old: OldRepository) -> None:
        with self.report.taking(old.name):
            check_name(old.name)
            _Taking(self, old).run()
            self.report.count(repositories=1)

    def each(self, function: Callable[[Given], Got], items: Iterable[Given]) -> list[Got]:
        """`function` of each item, some at a time."""
        return list(self._manifests.map(function, items))


class _Taking:
    """One repository."""

    def __init__(self, importing: Importing, old: OldRepository) -> None:
        self._importing, self._old = importing, old
        self._report = importing.report
        self._target: Repository = importing.registry.repository(old.name)
        self._taken: set[Digest] = set()
        self._indexes: dict[Digest, _Loaded] = {}

    def run(self) -> None:
        tags = self._tags()
        wanted, seen = {*self._old.manifests(), *tags.values()}, set[Digest]()
        for _ in range(_MOST_DEPTH):
            seen |= wanted
            named = self._importing.each(self._look, sorted(wanted))
            wanted = {digest for digests in named for digest in digests} - seen
        for digest in wanted:
            self._report.leave(f'{self._old.name}@{digest}', 'too many indexes and referrers lead to it')
        for digest in sorted(self._indexes):
            self._take_index(digest, ())
        for tag, digest in tags.items():
            with self._report.taking(f'{self._old.name}:{tag}'):
                self._take_tag(tag, digest)

    def _tags(self) -> dict[str, Digest]:
        found: dict[str, Digest] = {}
        for tag in self._old.tags():
            with self._report.taking(f'{self._old.name}:{tag}'):
                check_tag(tag)
                found[tag] = self._old.tagged(tag)
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

    def _take_index(self, digest: Digest, within: tuple[Digest, ...]) -> None:
        """After all that it names."""
        if digest in self._taken or digest not in self._indexes or digest in within:
            return
        loaded = self._indexes[digest]
        for child in loaded.manifest.manifests:
            self._take_index(child.digest, (*within, digest))
        with self._report.taking(f'{self._old.name}@{digest}'):
            if not self._importing.wanted.sparse:
                missing = [str(one.digest) for one in loaded.manifest.manifests if one.digest not in self._taken]
                if missing:
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
            self._importing.contents.need(child.digest, child.size, blob)
        except NotTaken as error:
            raise NotTaken(f'its blob {child.digest}: {reason(error)}') from error
        key = keys.membership(self._target.name, child.digest)
        if not self._report.dry_run and self._target.store.known(key) is None:
            self._target.add_member(child.digest, child.size)

    # Tags

    def _take_tag(self, tag: str, digest: Digest) -> None:
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
