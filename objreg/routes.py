"""The URL grammar of ``/v2/`` as one table.

=============================================  ====================  ==========================================
path                                           resource              reference
=============================================  ====================  ==========================================
``/v2/``                                       ``base``
``/v2/_catalog``                               ``catalog``
``/v2/<name>/tags/list``                       ``tags``
``/v2/<name>/manifests/<reference>``           ``manifest``          a tag or a digest
``/v2/<name>/blobs/<digest>``                  ``blob``              a digest
``/v2/<name>/blobs/uploads/``                  ``uploads``
``/v2/<name>/blobs/uploads/<id>``              ``upload``            the id of a session
``/v2/<name>/referrers/<digest>``              ``referrers``         the digest of a subject
=============================================  ====================  ==========================================

The name is the longest part that fits, so a repository may be called ``tags/list`` or ``manifests``.
"""

from __future__ import annotations

from typing import NamedTuple

from objreg.names import check_name


class Route(NamedTuple):
    """What a path means.  `name` and `reference` are '' where the resource has none; `reference` is not checked."""

    resource: str
    name: str = ''
    reference: str = ''


_BASE = Route('base')
_CATALOG = Route('catalog')
_WITH_REFERENCE = {'manifests': 'manifest', 'blobs': 'blob', 'referrers': 'referrers'}


def brings_blob(path: str) -> bool:
    """Whether a body that is sent there is a blob, or a layer of the first version: of any size."""
    return '/blobs/uploads' in path or (path.startswith('/v1/images/') and path.rstrip('/').endswith('/layer'))


def match(path: str) -> Route | None:  # noqa: PLR0911 - a table, a line each
    """The route of a path (decoded, as in ``PATH_INFO``); None where nothing is.

    Raises NAME_INVALID where the path has the form of a route and the name in it is not one.
    """
    if not path.startswith('/v2/'):
        return _BASE if path == '/v2' else None
    rest = path[4:]
    if not rest:
        return _BASE
    if rest == '_catalog':
        return _CATALOG
    if rest.endswith('/blobs/uploads/'):
        return Route('uploads', check_name(rest[:-15]))
    head, _, reference = rest.rpartition('/')
    name, _, kind = head.rpartition('/')
    if kind == 'uploads' and name.endswith('/blobs') and reference:
        return Route('upload', check_name(name[:-6]), reference)
    if kind == 'tags' and reference == 'list' and name:
        return Route('tags', check_name(name))
    if kind in _WITH_REFERENCE and name and reference:
        if kind == 'blobs' and reference == 'uploads':
            return Route('uploads', check_name(name))
        return Route(_WITH_REFERENCE[kind], check_name(name), reference)
    return None
