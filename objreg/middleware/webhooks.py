"""Webhooks: tells whoever asked for it that something was pushed or deleted.

Who is told of what is said by ``objreg webhook`` and the hub's API, and lies in the hub's store.  An event is written
there before the client has its answer, and sent afterwards, in the background, by any node that has this layer: signed
as Standard Webhooks has it, tried again for more than a day, at least once.  Its place is behind ``auth``, which tells
who it was.  Where no webhook is in a namespace a push costs one listing a minute.

Options:

``store = default``
    The store in ``stores.yml`` that holds the hub.  Usually said once, in ``[DEFAULT]``.
``networks =``
    Private networks that may be sent to (``10.0.0.0/8``), by plain HTTP too; all others are refused, whatever a name
    means.
``deliver = true``
    Whether this node sends.  If not, others do.

Example::

    [filter:webhooks]
    use = egg:objreg#webhooks
    networks = 10.20.0.0/16
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Lock
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.access import access_of
from objreg.config import as_bool, as_networks
from objreg.http import Request
from objreg.hub.deliveries import Deliveries
from objreg.hub.webhooks import EventKind, Webhooks
from objreg.middleware.base import Middleware
from objreg.names import is_tag
from objreg.registry import open_registry
from objreg.routes import Route, match
from objreg.store import StoreError

log = logging.getLogger(__name__)

_KINDS: dict[tuple[str, int], EventKind] = {('PUT', 201): 'push', ('DELETE', 202): 'delete'}


class WebhooksLayer(Middleware):
    """Looks at what was answered to a push or a deletion."""

    name = 'webhooks'

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, store: str | None = None,
        networks: str = '', deliver: str = 'true',
    ) -> None:
        super().__init__(app, global_conf)
        self.registry = open_registry(global_conf, store)
        self.webhooks = Webhooks(self.registry.store, as_networks(networks))
        self.deliveries = Deliveries(self.registry.store, self.webhooks)
        self._delivers = as_bool(deliver)
        self._is_started = False
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._delivers and not self._is_started:
            self._start()
        if environ['REQUEST_METHOD'] not in ('PUT', 'DELETE') or '/manifests/' not in environ.get('PATH_INFO', ''):
            return self.app(environ, start_response)
        return super().__call__(environ, start_response)

    def handle(self, req: Request) -> Any:
        """Pass on, and tell what came of it."""
        response = req.get_response(self.app)
        kind = _KINDS.get((req.environ['REQUEST_METHOD'], response.status_code))
        route = match(req.environ['PATH_INFO']) if kind else None
        if kind and route and route.resource == 'manifest':
            try:
                self._tell(kind, req, route, response)
            except StoreError as error:  # what was pushed is there: the client must not be told otherwise
                log.error('webhooks: %s of %s is not told: %s', kind, route.name, error)
        return response

    def drain(self) -> None:
        """This node is about to stop: others send what is left."""
        self.deliveries.close()

    def _tell(self, kind: EventKind, req: Request, route: Route, response: Any) -> None:
        event = self.webhooks.event(
            kind, route.name, by=access_of(req.environ).subject, **_details(req, route, response)
        )
        for key in self.deliveries.emit(event):
            if self._delivers:
                self.deliveries.hurry(key)

    def _start(self) -> None:
        """In the process that serves, which may be a child of the one that made this."""
        with self._lock:
            if not self._is_started:
                self._is_started = True
                self.deliveries.start()


def _details(req: Request, route: Route, response: Any) -> dict[str, Any]:
    """What was pushed or deleted: its tags and its digest, as far as they are known."""
    tags = req.GET.getall('tag')
    found: dict[str, Any] = {'tags': [route.reference, *tags] if is_tag(route.reference) else tags}
    digest = response.headers.get('Docker-Content-Digest') or (
        '' if is_tag(route.reference) else route.reference
    )
    if digest:
        found['digest'] = digest
    if req.environ['REQUEST_METHOD'] == 'PUT':
        found['media_type'] = req.environ.get('CONTENT_TYPE', '')
    return found
