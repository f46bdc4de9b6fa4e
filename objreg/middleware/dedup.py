"""Dedup: no layer is sent or stored twice.

Answers, before the storage application is asked:

- ``HEAD`` of a blob that this node lately wrote or read in that repository: without any call to the store.
- ``POST …/blobs/uploads/?mount=<digest>&from=<name>``: the blob becomes a member of this repository, without its
  bytes, if the caller may pull from the other one and it holds the blob; one read and one write.  Without ``from``, or
  when that one does not hold it: any content that is there where everybody may read everything; else only
  repositories in which this node lately saw the blob and from which the caller may pull.  What cannot be mounted
  begins an ordinary upload (202), so that nobody learns what he may not read.
- ``POST`` or ``PUT`` with ``?digest=`` and the bytes of a blob that the repository holds: the bytes are verified and
  not stored again; one read.

Its place is right before the storage application, behind ``auth``.  Without it everything works, and more bytes travel.

Options:

``store = default``
    The store in ``stores.yml`` that holds the registry.  Usually said once, in ``[DEFAULT]``.
``automatic = true``
    Whether a mount without ``from`` is tried at all.

Example::

    [filter:dedup]
    use = egg:objreg#dedup
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg import descriptor, keys
from objreg.access import Access, access_of
from objreg.body import RequestBody
from objreg.config import as_bool
from objreg.descriptor import Descriptor
from objreg.errors import BlobUnknown, DigestInvalid, NameInvalid, RegistryError
from objreg.http import Request
from objreg.middleware.base import Middleware
from objreg.names import Digest, check_name
from objreg.registry import Registry, open_registry
from objreg.resources.blobs import head
from objreg.resources.uploads import created
from objreg.routes import Route, match
from objreg.sessions import open_session
from objreg.store import NotFound

_SOURCES = 20_000
"""How many blobs a node remembers a repository of."""


class Dedup(Middleware):
    """Mounts, and answers to "is that layer already there?"."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *,
        store: str | None = None, automatic: str | bool = True, registry: Registry | None = None,
    ) -> None:
        super().__init__(app, global_conf)
        self.registry = registry or open_registry(global_conf, store)
        self.automatic = as_bool(automatic)
        self._seen: OrderedDict[Digest, str] = OrderedDict()
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # only blobs are looked at; all else passes without a request object
        if '/blobs/' in environ.get('PATH_INFO', ''):
            return super().__call__(environ, start_response)
        return self.app(environ, start_response)

    def handle(self, req: Request) -> Any:
        """Answer what can be answered without the bytes."""
        route, method = match(req.environ['PATH_INFO']), req.environ['REQUEST_METHOD']
        if route is None:
            return self.app
        if route.resource == 'blob' and method in ('GET', 'HEAD'):
            return self._seen_blob(req, route, method)
        if route.resource == 'uploads' and method == 'POST':
            if 'mount' in req.GET and 'digest' not in req.GET:
                return self._mount(req, route)
            if 'digest' in req.GET:
                return self._held(req, route)
        if route.resource == 'upload' and method == 'PUT' and req.environ.get('CONTENT_LENGTH') != '0':
            return self._held(req, route)
        return self.app

    def _seen_blob(self, req: Request, route: Route, method: str) -> Any:
        """A blob that is asked for here may be mounted elsewhere soon."""
        try:
            digest = Digest.parse(route.reference)
        except RegistryError:
            return self.app
        known = self._known(route.name, digest)
        if known is None:
            return self.app
        self._remember(digest, route.name)
        return head(known) if method == 'HEAD' else self.app

    def _known(self, name: str, digest: Digest) -> Descriptor | None:
        data = self.registry.store.known(keys.membership(name, digest))
        return None if data is None else descriptor.load(data)

    def _mount(self, req: Request, route: Route) -> Any:
        digest, access = Digest.parse(req.GET['mount']), access_of(req.environ)
        size = self._source_size(digest, req.GET.get('from', ''), access)
        if size is None:
            return self.app
        self.registry.repository(route.name).add_member(digest, size)
        self._remember(digest, route.name)
        return created(req, route.name, digest)

    def _source_size(self, digest: Digest, source: str, access: Access) -> int | None:
        """The size of a blob that the caller may pull somewhere; None: he has to send it."""
        candidates = [source] if source else []
        if self.automatic and (seen := self._seen.get(digest)):
            candidates.append(seen)
        for name in dict.fromkeys(candidates):
            try:
                if access.may('pull', check_name(name)):
                    return self.registry.repository(name).member(digest).size
            except (BlobUnknown, NameInvalid):
                continue
        if not self.automatic or not access.is_unrestricted:
            return None
        try:
            return self.registry.store.stat(keys.content(digest)).size
        except NotFound:
            return None

    def _held(self, req: Request, route: Route) -> Any:
        """A whole blob is sent: if the repository holds it, look at the bytes and store nothing."""
        if 'digest' not in req.GET or not self._is_all(req, route):
            return self.app
        digest = Digest.parse(req.GET['digest'])
        if not self.registry.repository(route.name).holds(digest):
            return self.app
        self._remember(digest, route.name)
        body = RequestBody(req.environ)
        found = body.digest(digest.algorithm)
        if body.is_cut or found != digest.hex:
            raise DigestInvalid({'expected': str(digest), 'found': f'{digest.algorithm}:{found}'})
        return created(req, route.name, digest)

    def _is_all(self, req: Request, route: Route) -> bool:
        """Whether this request carries the whole blob: nothing was sent in the session before."""
        if route.resource == 'uploads':
            return True
        sealed, subject = req.GET.get('_state', ''), access_of(req.environ).subject
        session = open_session(
            self.registry.secrets, sealed, id=route.reference, name=route.name, subject=subject,
            max_seconds=float('inf'),
        )
        return session.offset == 0

    def _remember(self, digest: Digest, name: str) -> None:
        with self._lock:
            self._seen[digest] = name
            self._seen.move_to_end(digest)
            if len(self._seen) > _SOURCES:
                self._seen.popitem(last=False)
