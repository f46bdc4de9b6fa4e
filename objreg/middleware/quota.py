"""Quota: limits how much may lie in a namespace, each blob counted once.

How much it is, administrators say (``objreg quota set acme '50 GiB'``, or the hub's API), or `limit` for all of whom
they say nothing.  Where it is used up, uploads and manifests are refused with 403 ``DENIED``; pulls and deletions go
on.  What lies there already stays.

How much lies there is counted in the background, by a node to which somebody pushes, and kept in the bucket for all of
them.  Between two counts each node adds what it took in itself.  So the error is this: what came by other nodes since
the last count is not known yet, and a blob that was uploaded although another repository of the namespace has it counts
twice until the next.  An upload whose size is not said beforehand is taken in whole; its manifest is refused.  What was
deleted is free again after the next count, which comes a minute after the last one where somebody is refused, and else
when that is `every` old; but no node counts a namespace for more than a twentieth of the time.

Whoever owns a namespace may have a webhook told (event ``quota``) when 90 and when 100 percent are used.

It costs a push nothing but two reads a minute for each namespace; a count takes two listings for each of its
repositories, and a read for each manifest.  Its place is behind ``ancestry`` and before ``webhooks`` and ``dedup``.

Options:

``store = default``
    The store in ``stores.yml`` that holds the registry.  Usually said once, in ``[DEFAULT]``.
``hub =``
    The store that holds the hub, if it is another one.
``limit = 0``
    How much may lie in a namespace of which nothing else is said: ``50 GiB``.  0: as much as there is room for.
``every = 10 min``
    How old a count becomes while somebody pushes.

Example::

    [filter:quota]
    use = egg:objreg#quota
    limit = 50 GiB
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.config import ConfigError, as_seconds, as_size
from objreg.errors import BlobUnknown, QuotaExceeded
from objreg.http import Request
from objreg.hub import names, quota_watch
from objreg.hub.quota_watch import QuotaWatch
from objreg.middleware.base import Middleware
from objreg.names import Digest
from objreg.registry import open_registry
from objreg.routes import Route, match
from objreg.store import StoreError

log = logging.getLogger(__name__)

_LEAST_EVERY = 10.0
_BRINGING = {('POST', 'uploads'), ('PATCH', 'upload'), ('PUT', 'upload'), ('PUT', 'manifest')}
"""What may make a namespace larger: its method, and a resource of `objreg.routes`."""


class QuotaLayer(Middleware):
    """Refuses what would be too much."""

    name = 'quota'

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, store: str | None = None,
        hub: str = '', limit: str = '0', every: str = '10 min',
    ) -> None:
        super().__init__(app, global_conf)
        self._every = as_seconds(every)
        if self._every < _LEAST_EVERY:
            raise ConfigError(f'every: {every!r} is less than {_LEAST_EVERY:.0f} seconds')
        self.registry = open_registry(global_conf, store)
        self._hub = open_registry(global_conf, hub or store)
        self.watch = QuotaWatch(self.registry, self._hub.store, as_size(limit))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # nothing else is counted; it passes without a request object
        if environ['REQUEST_METHOD'] in ('GET', 'HEAD', 'DELETE'):
            return self.app(environ, start_response)
        return super().__call__(environ, start_response)

    def handle(self, req: Request) -> Any:
        """Refuse, or pass on and add what came in."""
        route = match(req.environ['PATH_INFO'])
        if route is None or (req.environ['REQUEST_METHOD'], route.resource) not in _BRINGING:
            return self.app
        namespace = names.namespace(route.name)
        known = self.watch.look(namespace)
        if not known.limit:
            return self.app
        size = req.content_length or 0
        # a manifest itself is small, and what it names was counted when it came
        is_too_much = known.used > known.limit if route.resource == 'manifest' else (
            known.used >= known.limit or known.used + size > known.limit
        )
        if is_too_much:
            self.watch.count_soon(namespace, known, quota_watch.SECONDS)
            raise QuotaExceeded({'namespace': namespace, 'limit': known.limit, 'used': known.used})
        response = req.get_response(self.app)
        if response.status_code == 201:
            self.watch.add(known, size if route.resource == 'manifest' else self._brought(req, route, response))
        self.watch.count_soon(namespace, known, self._every)
        return response

    def drain(self) -> None:
        """This node is about to stop."""
        self.watch.close()

    def _brought(self, req: Request, route: Route, response: Any) -> int:
        """How many bytes a blob is that the namespace did not have, as far as that is known without a search."""
        source = req.GET.get('from', '')
        if source and names.namespace(source) == names.namespace(route.name):
            return 0
        try:  # it was written a moment ago, so this node remembers it
            digest = Digest.parse(response.headers['Docker-Content-Digest'])
            return self.registry.repository(route.name).member(digest).size
        except (BlobUnknown, StoreError) as error:
            log.warning('quota: a blob of %s is not counted before the next count: %s', route.name, error)
            return 0
