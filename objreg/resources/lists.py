"""What there is, page by page: tags, the catalog, and referrers; and ``/v2/`` itself.

distribution-spec 1.1 "Listing Tags", "Listing Referrers"; Docker Registry API v2 "Catalog".  A page is one list call,
however many names lie before it.
"""

from __future__ import annotations

import json
from typing import Any

from objreg import keys, manifest
from objreg.access import Access
from objreg.descriptor import Descriptor
from objreg.errors import ManifestUnknown, NameUnknown
from objreg.http import Request, Response
from objreg.names import Digest, is_tag
from objreg.repository import Names, Repository, names_page
from objreg.resources.base import Resource, access, answer, next_link, page_size

_LOOK = 1000
"""Names of the catalog that are looked at by one call, for somebody who may not see all."""
_JSON = ('Content-Type', 'application/json')


class Base(Resource):
    """``/v2/``: whether this is a registry, and whether the client may use it."""

    def GET(self, req: Request, name: str, reference: str) -> Response:
        """An empty JSON object."""
        return answer(200, [_JSON], b'{}')

    HEAD = GET


class Tags(Resource):
    """``/v2/<name>/tags/list``"""

    def GET(self, req: Request, name: str, reference: str) -> Response:
        """Tags in byte order, ``n`` of them at most, those after ``last``."""
        size, last = page_size(req, self.settings.page), req.GET.get('last', '')
        repository = self.registry.repository(name)
        page = repository.tags(last, size) if size else Names([], False)
        if not page.names and not repository.exists():
            raise NameUnknown(name)
        headers = [_JSON]
        if page.more and page.names:
            headers.append(next_link(req, size, page.names[-1]))
        return answer(200, headers, json.dumps({'name': name, 'tags': page.names}).encode())

    HEAD = GET


class Catalog(Resource):
    """``/v2/_catalog``"""

    def GET(self, req: Request, name: str, reference: str) -> Response:
        """Names in byte order, ``n`` of them at most, those after ``last``; only what the client may pull."""
        size, last = page_size(req, self.settings.page), req.GET.get('last', '')
        page = self._page(access(req), last, size) if size else Names([], False)
        headers = [_JSON]
        if page.more and page.names:
            headers.append(next_link(req, size, page.names[-1]))
        return answer(200, headers, json.dumps({'repositories': page.names}).encode())

    HEAD = GET

    def _page(self, granted: Access, last: str, size: int) -> Names:
        """One list call for somebody who may see everything; for others as many as it takes to fill the page.

        So neither a name nor a Link tells of what one may not read.
        """
        store = self.registry.store
        if granted.is_unrestricted:
            return names_page(store, keys.CATALOG, last, size)
        found: list[str] = []
        while len(found) <= size:
            page = names_page(store, keys.CATALOG, last, _LOOK)
            found += [name for name in page.names if granted.may('pull', name)]
            if not page.more:
                break
            last = page.names[-1]
        return Names(found[:size], len(found) > size)


class Referrers(Resource):
    """``/v2/<name>/referrers/<digest>``"""

    def GET(self, req: Request, name: str, reference: str) -> Response:
        """An index of the manifests whose subject is that digest, whether it is here or not."""
        subject = Digest.parse(reference)
        size, last = page_size(req, self.settings.page), req.GET.get('last', '')
        wanted = req.GET.get('artifactType', '')
        repository = self.registry.repository(name)
        found, after = repository.referrers(subject, last, size) if size else ([], '')
        if size:
            found, after = _merge(found, after, _tagged(repository, subject), last, size)
        headers = [('Content-Type', manifest.OCI_INDEX)]
        if wanted:
            found = [referrer for referrer in found if referrer.artifact_type == wanted]
            headers.append(('OCI-Filters-Applied', 'artifactType'))
        if after:
            headers.append(next_link(req, size, after, **({'artifactType': wanted} if wanted else {})))
        return answer(200, headers, json.dumps(_index(found)).encode())

    HEAD = GET


def _index(found: list[Descriptor]) -> dict[str, Any]:
    return {
        'schemaVersion': 2,
        'mediaType': manifest.OCI_INDEX,
        'manifests': [referrer.as_json() for referrer in found],
    }


def _tagged(repository: Repository, subject: Digest) -> list[Descriptor]:
    """What a client that knew no referrers API noted in an index tagged ``<alg>-<hex>`` (the tag schema)."""
    tag = f'{subject.algorithm}-{subject.hex[:64]}'
    if not is_tag(tag):
        return []
    try:
        found = repository.tagged(tag)
    except ManifestUnknown:
        return []
    if found.media_type != manifest.OCI_INDEX:
        return []
    return list(manifest.of_stored(found).manifests)


def _merge(
    found: list[Descriptor], after: str, tagged: list[Descriptor], last: str, size: int
) -> tuple[list[Descriptor], str]:
    """A page of referrers, those among them that only the tag's index names, and where the next page begins."""
    known = {referrer.digest for referrer in found}
    more = {_place(referrer): referrer for referrer in tagged if referrer.digest not in known}
    there = [more[place] for place in more if place > last and (not after or place < after)]
    merged = sorted([*found, *there], key=_place)
    if len(merged) > size:
        return merged[:size], _place(merged[size - 1])
    return merged, after


def _place(referrer: Descriptor) -> str:
    """What a page of referrers is sorted by: the end of its key."""
    return f'{referrer.digest.algorithm}-{referrer.digest.hex}'
