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
        page = names_page(self.registry.store, keys.CATALOG, last, size) if size else Names([], False)
        headers = [_JSON]
        if page.more and page.names:
            headers.append(next_link(req, size, page.names[-1]))
        return answer(200, headers, json.dumps({'repositories': _readable(access(req), page.names)}).encode())

    HEAD = GET


def _readable(granted: Access, names: list[str]) -> list[str]:
    return names if granted.is_unrestricted else [name for name in names if granted.may('pull', name)]


class Referrers(Resource):
    """``/v2/<name>/referrers/<digest>``"""

    def GET(self, req: Request, name: str, reference: str) -> Response:
        """An index of the manifests whose subject is that digest, whether it is here or not."""
        subject = Digest.parse(reference)
        size, last = page_size(req, self.settings.page), req.GET.get('last', '')
        wanted = req.GET.get('artifactType', '')
        repository = self.registry.repository(name)
        found, after = repository.referrers(subject, last, size) if size else ([], '')
        if not last:
            found = _merge(found, _tagged(repository, subject))
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
    tag = f'{subject.algorithm}-{subject.hex}'
    if not is_tag(tag):
        return []
    try:
        found = repository.tagged(tag)
    except ManifestUnknown:
        return []
    if found.media_type != manifest.OCI_INDEX:
        return []
    return list(manifest.parse(found.data or b'', found.media_type, max_children=1 << 30).manifests)


def _merge(found: list[Descriptor], more: list[Descriptor]) -> list[Descriptor]:
    known = {referrer.digest for referrer in found}
    return found + [referrer for referrer in more if referrer.digest not in known]
