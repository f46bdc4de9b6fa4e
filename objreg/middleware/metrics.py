"""Metrics: what this node does, for Prometheus.

==================================  ====================================================  ==============================
metric                              what                                                  labels
==================================  ====================================================  ==============================
``objreg_requests_total``           requests                                              method, route, status
``objreg_request_seconds``          how long they took, until the answer was sent         method, route
``objreg_received_bytes_total``     bytes of their bodies                                 route
``objreg_sent_bytes_total``         bytes of the answers' bodies                          route
``objreg_in_flight``                requests that are under way
``objreg_store_seconds``            calls to the store and how long they took             store, operation
``objreg_store_errors_total``       those that failed                                     store, operation, error
==================================  ====================================================  ==============================

``route`` is the kind of thing that was asked for (``manifest``, ``blob``, ``upload``, ``tags``, …), never a name.
``objreg serve`` adds up what its processes count.  Under another server with several processes, set
``PROMETHEUS_MULTIPROC_DIR`` to an empty folder, or each answer is that of one of them; without it there is also what
the client library tells of the process.  Its place is behind ``errors`` and before ``auth``.

Options:

``path = /metrics``
    Where Prometheus asks.
``allow = 127.0.0.0/8 ::1``
    Who may ask; others are told that there is nothing.

Example::

    [filter:metrics]
    use = egg:objreg#metrics
    allow = 127.0.0.1 10.0.0.0/8
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from objreg.addresses import is_within
from objreg.config import as_networks
from objreg.errors import NameInvalid, NotFoundHere
from objreg.http import Request, Response
from objreg.middleware.base import Middleware, client_of, watch
from objreg.routes import match
from objreg.wrap import timing

_METHODS = frozenset(('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'))
_ANSWERS = frozenset(('ok', 'NotFound', 'Exists'))
"""Outcomes of a call to a store that are no failures."""
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics(Middleware):
    """Counts."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, path: str = '/metrics',
        allow: str = '127.0.0.0/8 ::1',
    ) -> None:
        super().__init__(app, global_conf)
        self._path = path
        self._allow = as_networks(allow)
        self.collectors = CollectorRegistry(auto_describe=True)
        self._metrics = _Metrics(self.collectors)
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self.collectors.register(collector)
        timing.observers.append(self._metrics.observe_store)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ.get('PATH_INFO', ''), environ['REQUEST_METHOD']
        if path == self._path:
            return super().__call__(environ, start_response)
        began, metrics = time.perf_counter(), self._metrics
        route = _kind(path)
        method = method if method in _METHODS else 'other'
        status = sent = '0'

        def start(given: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            nonlocal status, sent
            status, sent = given[:3], next((value for name, value in headers if name == 'Content-Length'), '0')
            return start_response(given, headers, *exc_info)

        def done(count: int | None, _: Exception | None) -> None:
            metrics.in_flight.dec()
            metrics.observe(method, route, status, int(sent) if count is None else count, time.perf_counter() - began)

        if length := environ.get('CONTENT_LENGTH'):
            metrics.observe_body(route, length)
        metrics.in_flight.inc()
        try:
            body = self.app(environ, start)
        except BaseException as error:
            status = status if status != '0' else '500'
            done(0, error if isinstance(error, Exception) else None)
            raise
        return watch(environ, body, done)

    def handle(self, req: Request) -> Response:
        """The metrics, to those who may see them."""
        if not is_within(client_of(req.environ), self._allow):
            raise NotFoundHere()
        collectors = self.collectors
        if 'PROMETHEUS_MULTIPROC_DIR' in os.environ:
            collectors = CollectorRegistry()
            MultiProcessCollector(collectors)  # type: ignore[no-untyped-call]
        encode, content_type = choose_encoder(req.environ.get('HTTP_ACCEPT', ''))
        return Response(status=200, headerlist=[('Content-Type', content_type)], body=encode(collectors))


class _Metrics:
    """The metrics, and the children of each that are in use: finding one by its labels costs more than counting."""

    def __init__(self, collectors: CollectorRegistry) -> None:
        self._requests = Counter('objreg_requests', 'Requests', ['method', 'route', 'status'], registry=collectors)
        self._seconds = Histogram(
            'objreg_request_seconds', 'Until the answer was sent', ['method', 'route'], buckets=_SECONDS,
            registry=collectors,
        )
        self._received = Counter('objreg_received_bytes', 'Bytes of bodies', ['route'], registry=collectors)
        self._sent = Counter('objreg_sent_bytes', 'Bytes of answers', ['route'], registry=collectors)
        self.in_flight = Gauge(
            'objreg_in_flight', 'Requests under way', registry=collectors, multiprocess_mode='livesum'
        )
        self._store_seconds = Histogram(
            'objreg_store_seconds', 'Calls to the store', ['store', 'operation'], buckets=_SECONDS,
            registry=collectors,
        )
        self._store_errors = Counter(
            'objreg_store_errors', 'Calls to the store that failed', ['store', 'operation', 'error'],
            registry=collectors,
        )
        self._children: dict[tuple[str, ...], Any] = {}

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric._name, *labels)
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = metric.labels(*labels)
        return found

    def observe(self, method: str, route: str, status: str, sent: int, seconds: float) -> None:
        """A request that was answered."""
        self._child(self._requests, method, route, status).inc()
        self._child(self._seconds, method, route).observe(seconds)
        self._child(self._sent, route).inc(sent)

    def observe_body(self, route: str, length: str) -> None:
        """The body of a request."""
        if length.isascii() and length.isdigit():
            self._child(self._received, route).inc(int(length[:20]))

    def observe_store(self, store: str, operation: str, seconds: float, outcome: str) -> None:
        """A call to a store."""
        self._child(self._store_seconds, store, operation).observe(seconds)
        if outcome not in _ANSWERS:
            self._child(self._store_errors, store, operation, outcome).inc()


def _kind(path: str) -> str:
    try:
        route = match(path)
    except NameInvalid:
        return 'invalid'
    return 'none' if route is None else route.resource
