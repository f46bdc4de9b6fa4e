"""Ancestry: the first version of the API too, as another view of the same images.

What a client of the first version pushes, clients of the second pull, and the other way round.  An image of the first
version is one layer with an id and a parent: a manifest is seen as the chain of its layers, and a chain that is tagged
becomes a manifest.  Take the layer out, and what is left is a registry of the second version with all its images; add
it, and nothing has to be moved.

- Ids of what the second version pushed are derived as Docker did it, so they are always the same.  Ids that a client of
  the first version chose are kept in the configuration, and survive being copied by clients of the second.
- An id means something in a repository only: nobody reads, or takes, an image of a repository that is not his by
  knowing an id.
- A layer is stored once, whichever way it came in.

Manifests of schema 1 are another form of the same images, for Docker 1.6 to 1.9 and whoever else says in ``Accept``
that he takes these and nothing newer.  They are made when a tag is asked for, with the ids that Docker's registry up to
2.8 derives, and signed by a key that lives as long as the process.  Of an index the image for ``platform`` is given; of
what has layers elsewhere, or packed by zstd, there is none (404).  With ``schema1 = accept`` they are pushed as well,
and each becomes a manifest of schema 2.

Its place is behind ``auth`` and before ``webhooks``, ``readonly`` and ``dedup``, through which it writes.  Where there
is a ``hub``, the index (users, search, tokens) is the hub's; without one this layer answers what clients need of it.

Options:

``store = default``
    The store in ``stores.yml`` that holds the registry.  Usually said once, in ``[DEFAULT]``.
``platform = linux/amd64``
    Which image of an index clients of the first version, and of schema 1, are given.
``schema1 = serve``
    Manifests of schema 1: ``serve`` them to clients that know no others, ``accept`` them as well (each is stored as
    one of schema 2, for which its layers are read), or ``none``.

Example::

    [filter:ancestry]
    use = egg:objreg#ancestry
    platform = linux/arm64
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.config import ConfigError
from objreg.errors import RegistryError, of_store
from objreg.http import Request, Response
from objreg.middleware.base import Middleware
from objreg.registry import Registry, open_registry
from objreg.store import Refused, Unavailable
from objreg.v1 import reading, standalone, writing
from objreg.v1.call import Call
from objreg.v1.errors import V1Error, as_v1
from objreg.v1.inner import Inner
from objreg.v1.routes import RouteV1, is_v1, match_v1
from objreg.v1.schema1_answers import Schema1Answers
from objreg.v1.view import Platform, View

ANSWERS: dict[tuple[str, str], Callable[[Call], Response]] = {
    ('ping', 'GET'): standalone.ping,
    ('users', 'GET'): standalone.users,
    ('users', 'POST'): standalone.post_users,
    ('repository', 'PUT'): standalone.put_repository,
    ('repository', 'DELETE'): writing.delete_tags,
    ('images', 'GET'): standalone.images,
    ('images', 'PUT'): standalone.put_images,
    ('images', 'DELETE'): standalone.delete_images,
    ('auth', 'PUT'): standalone.put_auth,
    ('access', 'GET'): standalone.access,
    ('properties', 'GET'): standalone.properties,
    ('tags', 'GET'): reading.tags,
    ('tags', 'DELETE'): writing.delete_tags,
    ('tag', 'GET'): reading.tag,
    ('tag', 'PUT'): writing.put_tag,
    ('tag', 'DELETE'): writing.delete_tag,
    ('tag_json', 'GET'): reading.tag_json,
    ('json', 'GET'): reading.tag_json,
    ('image_json', 'GET'): reading.image_json,
    ('image_json', 'PUT'): writing.put_image_json,
    ('image_layer', 'GET'): reading.image_layer,
    ('image_layer', 'PUT'): writing.put_image_layer,
    ('image_checksum', 'PUT'): writing.put_image_checksum,
    ('image_ancestry', 'GET'): reading.image_ancestry,
    ('image_files', 'GET'): reading.image_files,
    ('image_diff', 'GET'): reading.image_diff,
}
"""Who answers which request; HEAD is a GET whose body is not sent."""


class Ancestry(Middleware):
    """Answers what is of the first version, and passes everything else on."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, store: str | None = None,
        platform: str = 'linux/amd64', schema1: str = 'serve', registry: Registry | None = None,
    ) -> None:
        super().__init__(app, global_conf)
        self.registry = registry or open_registry(global_conf, store)
        self._view = View(self.registry, _platform(platform))
        if schema1 not in ('none', 'serve', 'accept'):
            raise ConfigError(f'schema1: {schema1!r} is none of none, serve, accept')
        self._schema1 = None if schema1 == 'none' else Schema1Answers(self._view, accepts=schema1 == 'accept')

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_v1(environ.get('PATH_INFO', '')) or (self._schema1 is not None and self._schema1.concerns(environ)):
            return super().__call__(environ, start_response)
        return self.app(environ, start_response)

    def handle(self, req: Request) -> Any:
        """The answer of the first version, or of schema 1."""
        if self._schema1 is not None and not is_v1(req.environ['PATH_INFO']):
            try:
                return self._schema1.respond(req, self.app)
            except (Unavailable, Refused) as error:
                raise of_store(error, req.environ.get('objreg.request_id', '')) from error
        try:
            return self._respond(req)
        except (Unavailable, Refused) as error:
            raise as_v1(of_store(error, req.environ.get('objreg.request_id', ''))) from error
        except RegistryError as error:
            raise as_v1(error) from error

    def _respond(self, req: Request) -> Response:
        method = req.environ['REQUEST_METHOD']
        route = match_v1(req.environ['PATH_INFO'], method)
        if route is None:
            raise V1Error(404, 'Not Found')
        answer = ANSWERS.get((route.resource, 'GET' if method == 'HEAD' else method))
        if answer is None:
            raise V1Error(405, 'Method Not Allowed', {'Allow': ', '.join(_methods(route))})
        return answer(Call(req, route, self._view, Inner(self.app, req.environ)))


def _methods(route: RouteV1) -> list[str]:
    return [method for resource, method in ANSWERS if resource == route.resource]


def _platform(text: str) -> Platform:
    os, slash, architecture = text.partition('/')
    if not slash or not os.isalnum() or not architecture.isalnum():
        raise ConfigError(f'platform: {text!r} is not like linux/amd64')
    return Platform(os, architecture)
