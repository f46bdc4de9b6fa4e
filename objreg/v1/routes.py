"""The URL grammar of ``/v1/`` as one table.

``<repository>`` is a name as in `objreg.v1.names`, ``<id>`` that of an image.  The index is the hub's, the rest is
the registry's; ``DELETE`` of a repository is the registry's where it comes with a token, and else the index's.

==================================================  ===================  ==========================================
path                                                resource             methods
==================================================  ===================  ==========================================
``/_ping``, ``/v1/_ping``                           ``ping``             GET
``/v1/users/``                                      ``users``            GET POST
``/v1/users/<name>/``                               ``user``             PUT
``/v1/search``                                      ``search``           GET
``/v1/repositories/<repository>/``                  ``repository``       PUT DELETE
``/v1/repositories/<repository>/images``            ``images``           GET PUT DELETE
``/v1/repositories/<repository>/auth``              ``auth``             PUT
``/v1/repositories/<repository>/layer/<id>/access`` ``access``           GET
``/v1/repositories/<repository>/tags``              ``tags``             GET DELETE
``/v1/repositories/<repository>/tags/<tag>``        ``tag``              GET PUT DELETE
``/v1/repositories/<repository>/tags/<tag>/json``   ``tag_json``         GET
``/v1/repositories/<repository>/json``              ``json``             GET
``/v1/repositories/<repository>/properties``        ``properties``       GET PUT
``/v1/images/<id>/json``                            ``image_json``       GET PUT
``/v1/images/<id>/layer``                           ``image_layer``      GET PUT
``/v1/images/<id>/checksum``                        ``image_checksum``   PUT
``/v1/images/<id>/ancestry``                        ``image_ancestry``   GET
``/v1/images/<id>/files``                           ``image_files``      GET
``/v1/images/<id>/diff``                            ``image_diff``       GET
==================================================  ===================  ==========================================

HEAD is answered wherever GET is.  A slash at the end is dropped, except where it tells a repository whose name ends
like a route: ``PUT`` and ``DELETE`` of ``/v1/repositories/team/images/`` mean ``team/images``.  Otherwise the name is
the longest part that fits.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from objreg.v1 import names
from objreg.v1.errors import V1Error

METHODS = {
    'ping': ('GET',), 'users': ('GET', 'POST'), 'user': ('PUT',), 'search': ('GET',),
    'repository': ('PUT', 'DELETE'), 'images': ('GET', 'PUT', 'DELETE'), 'auth': ('PUT',), 'access': ('GET',),
    'tags': ('GET', 'DELETE'), 'tag': ('GET', 'PUT', 'DELETE'), 'tag_json': ('GET',), 'json': ('GET',),
    'properties': ('GET', 'PUT'),
    'image_json': ('GET', 'PUT'), 'image_layer': ('GET', 'PUT'), 'image_checksum': ('PUT',),
    'image_ancestry': ('GET',), 'image_files': ('GET',), 'image_diff': ('GET',),
}
"""What can be done with a resource; HEAD is a GET."""
INDEX = frozenset({'users', 'user', 'search', 'repository', 'images', 'auth', 'access', 'properties'})
"""What is the index's; `ping` is whoever's comes first."""

_PREFIX = '/v1/repositories/'
_OF_REPOSITORY = (
    (re.compile('(.+)/tags/([^/]+)/json'), 'tag_json'),
    (re.compile('(.+)/layer/([^/]+)/access'), 'access'),
    (re.compile('(.+)/(images|auth|tags|json|properties)'), ''),
    (re.compile('(.+)/tags/([^/]+)'), 'tag'),
)
_IMAGE = re.compile('/v1/images/([^/]+)/(json|layer|checksum|ancestry|files|diff)')
_ID = re.compile('[0-9a-f]{16}|[0-9a-f]{64}', re.ASCII)
_FIXED = {'/_ping': 'ping', '/v1/_ping': 'ping', '/v1/users': 'users', '/v1/search': 'search'}
_USER = re.compile('/v1/users/([^/]+)')


class RouteV1(NamedTuple):
    """What a path means.

    `name` is the repository, as the second version names it; `reference` a tag (not checked), an image's id (checked)
    or a user (not checked).  They are '' where the resource has none.
    """

    resource: str
    name: str = ''
    reference: str = ''

    @property
    def is_index(self) -> bool:
        """Whether the index answers, rather than the registry."""
        return self.resource in INDEX

    @property
    def is_image(self) -> bool:
        """Whether it is of an image, whose repository the path does not tell."""
        return self.resource.startswith('image_')

    @property
    def methods(self) -> tuple[str, ...]:
        """What can be done with it, beside HEAD."""
        return METHODS[self.resource]


def is_v1(path: str) -> bool:
    """Whether a path is of this version at all."""
    return path.startswith('/v1/') or path in ('/v1', '/_ping', '/_ping/')


def match_v1(path: str, method: str) -> RouteV1 | None:
    """The route of a path (decoded, as in ``PATH_INFO``); None where nothing is.

    The method tells repositories whose names end like a route, and is not checked otherwise.  Raises 400 for what is
    not the name of a repository, and 404 for what is not the id of an image.
    """
    if not is_v1(path):
        return None
    bare = path.removesuffix('/')
    if bare in _FIXED:
        return RouteV1(_FIXED[bare])
    if bare.startswith(_PREFIX):
        writes = method in METHODS['repository']
        return _of_repository(bare.removeprefix(_PREFIX), writes, is_bare=writes and bare != path)
    if found := _USER.fullmatch(bare):
        return RouteV1('user', reference=found[1])
    if found := _IMAGE.fullmatch(bare):
        return RouteV1(f'image_{found[2]}', reference=check_id(found[1]))
    return None


def check_id(text: str) -> str:
    """`text` if it is the id of an image; raises 404."""
    if not _ID.fullmatch(text):
        raise V1Error(404, 'Invalid image ID')
    return text


def _of_repository(rest: str, writes: bool, is_bare: bool) -> RouteV1 | None:
    """The route of what follows; `is_bare`: it is a name and nothing else."""
    for form, resource in () if is_bare else _OF_REPOSITORY:
        found = form.fullmatch(rest)
        if found is None:
            continue
        name = names.from_path(found[1])
        if not resource:
            return RouteV1(found[2], name)
        return RouteV1(resource, name, check_id(found[2]) if resource == 'access' else found[2])
    return RouteV1('repository', names.from_path(rest)) if writes else None
