"""Old-v1: serves what the first registry (docker-registry in Python) left in a store to old clients, as it lies there.

It is the first step of a move: objreg takes the old registry's place at once, and what lies in its store is pulled by
clients of the first version of the API as before.  What objreg has itself comes first, and pushes go to objreg alone.
Nothing is written to the old store, so the old registry may go on beside it.  ``objreg import docker-registry-v1`` then
brings the images over for clients of today, while both are in use (docs/moving.md).

- A push of images whose parents lie in the old store only is refused by objreg: import first.
- Images are served by the token of a repository whose tags lead to them, which clients get when they begin.
- A private repository is served to whoever was let in to it by name, and to nobody where everybody may do everything.
- ``files``, ``diff`` and search know what objreg has.

Its place is behind ``auth`` and before ``ancestry``.  It is for a registry without a ``hub``, whose index would know
nothing of the old repositories.

Options:

``old =``
    The store in ``stores.yml`` that the old registry wrote.  Empty: there is nothing to serve.
``root =``
    Where its tree begins there: its ``storage_path``.
``store = default``
    The store that holds the registry.  Usually said once, in ``[DEFAULT]``.

Example::

    [filter:old-v1]
    use = egg:objreg#old-v1
    old = old
    root = registry
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg import ranges
from objreg.drivers.memory import MemoryStore
from objreg.errors import RegistryError, of_store
from objreg.http import Request, Response
from objreg.middleware.base import Middleware
from objreg.registry import Registry, open_registry
from objreg.store import NotFound, Refused, Unavailable
from objreg.stores import load_store
from objreg.v1 import standalone
from objreg.v1.answers import answer, immutable, is_known
from objreg.v1.call import Call
from objreg.v1.errors import V1Error, as_v1
from objreg.v1.inner import Inner
from objreg.v1.old_tree import OldTree
from objreg.v1.routes import is_v1, match_v1
from objreg.v1.view import Platform, View

_NO_IMAGE = V1Error(404, 'Image not found')


class OldV1(Middleware):
    """Answers what the layers behind do not have."""

    name = 'old-v1'

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, old: str = '', root: str = '',
        store: str | None = None, registry: Registry | None = None,
    ) -> None:
        super().__init__(app, global_conf)
        self.registry = registry or open_registry(global_conf, store)
        self._tree = OldTree(load_store(self.registry.stores, old) if old else MemoryStore(), root)
        self._view = View(self.registry, Platform())
        self._answers: dict[str, Callable[[Call], Response]] = {
            'images': self._images, 'tags': self._tags, 'tag': self._tag, 'image_json': self._json,
            'image_ancestry': self._ancestry, 'image_layer': self._layer,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ['REQUEST_METHOD'] not in ('GET', 'HEAD') or not is_v1(environ.get('PATH_INFO', '')):
            return self.app(environ, start_response)
        return super().__call__(environ, start_response)

    def handle(self, req: Request) -> Any:
        """What objreg has; else what is in the old store."""
        route = match_v1(req.environ['PATH_INFO'], req.environ['REQUEST_METHOD'])
        respond = self._answers.get(route.resource) if route else None
        if route is None or respond is None:
            return self.app
        response = req.get_response(self.app)
        if response.status_code != 404:
            return response
        call = Call(req, route, self._view, Inner(self.app, req.environ))
        try:
            return respond(call)
        except NotFound as error:
            raise _NO_IMAGE from error
        except (Unavailable, Refused) as error:
            raise as_v1(of_store(error, req.environ.get('objreg.request_id', ''))) from error
        except RegistryError as error:
            raise as_v1(error) from error

    # Repositories

    def _images(self, call: Call) -> Response:
        """A pull begins."""
        if not self._tags_of(call):
            raise V1Error(404, 'images not found')
        return standalone.begun(call, 'read', [])

    def _tags(self, call: Call) -> Response:
        found = self._tags_of(call)
        if not found:
            raise V1Error(404, 'Repository not found')
        return answer(found)

    def _tag(self, call: Call) -> Response:
        id = self._tags_of(call).get(call.route.reference, '')
        if not id:
            raise V1Error(404, 'Tag not found')
        return answer(id)

    def _tags_of(self, call: Call) -> dict[str, str]:
        """Those of a repository that he may pull; empty for all others."""
        return self._tree.tags(call.route.name) if self._may(call, call.route.name) else {}

    def _may(self, call: Call, name: str) -> bool:
        is_let_in = not call.access.is_unrestricted and call.access.may('pull', name)
        return is_let_in or (call.access.is_unrestricted and not self._tree.is_private(name))

    # Images

    def _find(self, call: Call) -> str:
        """The id, if it is of the repository of his token; raises 404, and 400 while it is pushed."""
        id, name = call.route.reference, call.repository
        if not name or not self._may(call, name) or not self._tree.holds(name, id):
            raise _NO_IMAGE
        if self._tree.is_in_progress(id):
            raise V1Error(400, 'Image is being uploaded, retry later')
        return id

    def _ancestry(self, call: Call) -> Response:
        ids = self._tree.ancestry(self._find(call))
        if not ids:
            raise _NO_IMAGE
        return _kept(call, answer(ids).body)

    def _json(self, call: Call) -> Response:
        id = self._find(call)
        data = self._tree.json(id)
        if not data:
            raise _NO_IMAGE
        sums = [('X-Docker-Checksum-Payload', one) for one in self._tree.checksums(id) if one.startswith('sha256:')]
        return _kept(call, data, [('X-Docker-Size', str(self._tree.layer_size(id))), *sums])

    def _layer(self, call: Call) -> Response:
        id = self._find(call)
        if is_known(call.req, id):
            return immutable(call.req, id, 304)
        size = self._tree.layer_size(id)
        wanted = ranges.requested(call.req.environ.get('HTTP_RANGE', ''), size)
        start, end = wanted or (0, size)
        headers = [('Content-Length', str(end - start)), ('Accept-Ranges', 'bytes')]
        if wanted:
            headers.append(('Content-Range', f'bytes {start}-{end - 1}/{size}'))
        body = () if call.req.environ['REQUEST_METHOD'] == 'HEAD' or not size else self._tree.layer(id, start, end)
        kind = 'application/octet-stream'
        return immutable(call.req, id, 206 if wanted else 200, headers, kind=kind, body=body)


def _kept(call: Call, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """An answer that will never be another one."""
    id = call.route.reference
    if is_known(call.req, id):
        return immutable(call.req, id, 304)
    return immutable(call.req, id, 200, [*headers, ('Content-Length', str(len(body)))], body=[body])
