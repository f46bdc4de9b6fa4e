"""A registry that is there, taken by the second version of the API: catalog, tags, manifests, referrers, blobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from objreg import keys
from objreg import manifest as manifests
from objreg.descriptor import Descriptor
from objreg.errors import RegistryError
from objreg.imports.credentials import CATALOG, Forbidden, Missing
from objreg.imports.http import Http, chunks, head, length_of, read
from objreg.imports.report import NotTaken, reason
from objreg.imports.repositories import Wanted
from objreg.imports.taking import MOST_MANIFEST
from objreg.names import Digest
from objreg.store import Content, Damaged, Store
from objreg.transfer import transfer, verified

_ACCEPT = ', '.join((*sorted(manifests.INDEXES), *sorted(manifests.IMAGES), '*/*;q=0.5'))
_AT_ONCE = 1000
_WILD = frozenset('*?[')


class RemoteRegistry:
    """The registry behind a client."""

    def __init__(self, http: Http, *, dry_run: bool = False) -> None:
        self.http = http
        self.dry_run = dry_run
        self.has_referrers = True
        """Until it says that it knows nothing of them; then they are what tags of theirs name."""

    def repositories(self, wanted: Wanted) -> Iterator[RemoteRepository]:
        """Those that are wanted; the catalog is asked unless all are named."""
        if wanted.patterns and not any(_WILD & set(pattern) for pattern in wanted.patterns):
            yield from (RemoteRepository(self, name) for name in dict.fromkeys(wanted.patterns))
            return
        try:
            for page in self.http.pages(f'/v2/_catalog?n={_AT_ONCE}', CATALOG):
                yield from (RemoteRepository(self, name) for name in _texts(page, 'repositories'))
        except (Missing, Forbidden) as error:
            raise NotTaken(f'its catalog is not to be had, so name each by --repository: {reason(error)}') from error


class RemoteRepository:
    """A repository of it."""

    def __init__(self, registry: RemoteRegistry, name: str) -> None:
        self.name = name
        self._registry = registry
        self._http = registry.http
        self._path = f'/v2/{quote(name)}'
        self.scope = f'repository:{name}:pull'

    def manifests(self) -> Iterable[Digest]:
        return ()

    def tags(self) -> Iterable[str]:
        return self._tags

    @cached_property
    def _tags(self) -> list[str]:
        pages = self._http.pages(f'{self._path}/tags/list?n={_AT_ONCE}', self.scope)
        return [tag for page in pages for tag in _texts(page, 'tags')]

    def tagged(self, tag: str) -> Digest:
        said = head(self._asked('HEAD', tag)).get('Docker-Content-Digest', '')
        if said:
            return Digest.parse(said)
        return Digest.of(read(self._asked('GET', tag), MOST_MANIFEST))

    def manifest(self, digest: Digest) -> tuple[bytes, str]:
        answer = self._asked('GET', str(digest))
        return read(answer, MOST_MANIFEST), answer.headers.get('Content-Type', '')

    def _asked(self, method: str, reference: str) -> Any:
        path = f'{self._path}/manifests/{quote(reference, safe=":")}'
        return self._http.stream(method, path, self.scope, {'Accept': _ACCEPT})

    def blob(self, child: Descriptor) -> RemoteBlob | None:
        if manifests.is_elsewhere(child):
            return None
        path = f'{self._path}/blobs/{child.digest}'
        return RemoteBlob(self._http, path, self.scope, child.size, self._registry.dry_run)

    def referrers(self, digest: Digest) -> Iterable[Digest]:
        if not self._registry.has_referrers:
            return []
        found: list[Digest] = []
        try:
            for page in self._http.pages(f'{self._path}/referrers/{digest}', self.scope, manifests.OCI_INDEX):
                found += map(_digest_of, _list(page, 'manifests'))
        except Missing:
            self._registry.has_referrers = False
        return found

    def knows(self, tag: str, digest: Digest) -> bool:
        try:
            head(self._asked('HEAD', str(digest)))
        except Missing:
            return False
        return True


@dataclass(frozen=True)
class RemoteBlob:
    """A blob of it, of that many bytes as its manifest says."""

    http: Http
    path: str
    scope: str
    said: int
    is_asked: bool
    """Whether it is looked for before it is brought."""

    def size(self) -> int:
        if not self.is_asked:
            return self.said  # what comes is compared
        length = length_of(head(self.http.stream('HEAD', self.path, self.scope, {})))
        return self.said if length is None else length

    def bring(self, target: Store, digest: Digest) -> bool:
        answer = self.http.stream('GET', self.path, self.scope, {})
        length = length_of(answer.headers)
        if length not in (None, self.said):
            answer.close()
            raise NotTaken(f'{digest} has {length} bytes, and {self.said} are said of it')
        content = Content(chunks(answer, self.said), self.said, close=closing(answer))
        try:
            transfer(verified(content, digest, self.path), target, keys.content(digest))
        except Damaged as error:
            raise NotTaken(str(error)) from error
        return False


def _list(page: Any, field: str) -> list[Any]:
    found = page.get(field) if isinstance(page, dict) else None
    if found is None:
        return []
    if not isinstance(found, list):
        raise NotTaken(f'its {field} are no list')
    return found


def _texts(page: Any, field: str) -> list[str]:
    return [one for one in _list(page, field) if isinstance(one, str)]


def _digest_of(value: Any) -> Digest:
    digest = value.get('digest') if isinstance(value, dict) else None
    if not isinstance(digest, str):
        raise NotTaken('a referrer has no digest')
    try:
        return Digest.parse(digest)
    except RegistryError as error:
        raise NotTaken(f'a referrer: {reason(error)}') from error
