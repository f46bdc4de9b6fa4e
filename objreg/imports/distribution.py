"""The tree of the CNCF registry (distribution, 2.x and 3.x) in a store of any kind, as its ``docs`` draw it::

    <root>/v2/blobs/sha256/<hh>/<hex>/data
    <root>/v2/repositories/<name>/_layers/sha256/<hex>/link
    <root>/v2/repositories/<name>/_manifests/revisions/sha256/<hex>/link
    <root>/v2/repositories/<name>/_manifests/tags/<tag>/current/link
    <root>/v2/repositories/<name>/_manifests/tags/<tag>/index/sha256/<hex>/link
    <root>/v2/repositories/<name>/_uploads/…

A link holds a digest.  Of those whose path says it too the path counts: a crash of that registry leaves empty ones.  A
repository serves a blob only where it is linked, so what only another repository has is not taken into this one.
Uploads that are under way are left alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby

from objreg import manifest as manifests
from objreg.descriptor import Descriptor
from objreg.errors import RegistryError
from objreg.imports.contents import StoredBlob, Verify, read_small
from objreg.imports.report import NotTaken
from objreg.imports.taking import MOST_MANIFEST
from objreg.names import Digest
from objreg.store import Store

ROOT = 'docker/registry'
_KEY = re.compile('(?P<name>[^_/][^/]*(?:/[^_/][^/]*)*)/_(?P<kind>layers|manifests|uploads)/(?P<rest>.*)', re.DOTALL)
_LAYER = re.compile('([a-z0-9]+)/([0-9a-f]+)/link')
_REVISION = re.compile('revisions/([a-z0-9]+)/([0-9a-f]+)/link')
_TAG = re.compile('tags/([^/]+)/(?:(current)|index/([a-z0-9]+)/([0-9a-f]+))/link')
_LONGEST_LINK = 200


class Tree:
    """The registry below `root`."""

    def __init__(self, store: Store, root: str = ROOT, *, verify: Verify = 'none') -> None:
        self.store = store
        self.verify = verify
        self.base = f'{root.strip("/")}/v2/' if root.strip('/') else 'v2/'

    def repositories(self) -> Iterator[OldRepository]:
        """All of them, in the order of their names; each is what it was when the listing came by."""
        prefix = f'{self.base}repositories/'
        found = (_KEY.fullmatch(entry.key[len(prefix):]) for entry in self.store.list(prefix))
        # nothing comes between the keys of a repository: no component of a name begins as `_layers` does
        for name, keys in groupby(filter(None, found), lambda key: key['name']):
            repository = OldRepository(self, name)
            for key in keys:
                repository.note(key['kind'], key['rest'])
            yield repository

    def data(self, digest: Digest) -> str:
        """The key of a blob."""
        return f'{self.base}blobs/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data'


class OldRepository:
    """A repository of that registry."""

    def __init__(self, tree: Tree, name: str) -> None:
        self.name = name
        self._tree = tree
        self._layers: set[Digest] = set()
        self._revisions: set[Digest] = set()
        self._tags: set[str] = set()
        self._once: defaultdict[str, set[Digest]] = defaultdict(set)

    def note(self, kind: str, rest: str) -> None:
        """Take a key of it into account."""
        if kind == 'layers' and (link := _LAYER.fullmatch(rest)):
            self._layers.add(Digest(*link.groups()))
        elif kind == 'manifests' and (link := _REVISION.fullmatch(rest)):
            self._revisions.add(Digest(*link.groups()))
        elif kind == 'manifests' and (link := _TAG.fullmatch(rest)):
            tag, current, algorithm, hexadecimal = link.groups()
            if current:
                self._tags.add(tag)
            else:
                self._once[tag].add(Digest(algorithm, hexadecimal))

    def manifests(self) -> Iterable[Digest]:
        return self._revisions

    def tags(self) -> Iterable[str]:
        return sorted(self._tags)

    def tagged(self, tag: str) -> Digest:
        key = f'{self._tree.base}repositories/{self.name}/_manifests/tags/{tag}/current/link'
        text = self._read(key, _LONGEST_LINK).decode(errors='replace').strip()
        try:
            digest = Digest.parse(text)
        except RegistryError as error:
            raise NotTaken(f'its link holds no digest: {text[:80]!r}') from error
        if digest not in self._revisions:
            raise NotTaken(f'it points nowhere: {digest} is no manifest of this repository')
        return digest

    def manifest(self, digest: Digest) -> tuple[bytes, str]:
        _check(digest)
        return self._read(self._tree.data(digest), MOST_MANIFEST), ''

    def blob(self, child: Descriptor) -> StoredBlob | None:
        if child.digest in self._layers:
            return StoredBlob(self._tree.store, self._tree.data(child.digest), self._tree.verify)
        if manifests.is_elsewhere(child):
            return None
        raise NotTaken(f'its blob {child.digest} is not linked in this repository')

    def referrers(self, digest: Digest) -> Iterable[Digest]:
        return ()

    def knows(self, tag: str, digest: Digest) -> bool:
        return digest in self._revisions or digest in self._once[tag]

    def _read(self, key: str, most: int) -> bytes:
        return read_small(self._tree.store, key, most)


def _check(digest: Digest) -> None:
    """Raise the error of an algorithm that is not known, or of a digest that is none."""
    Digest.parse(str(digest))
