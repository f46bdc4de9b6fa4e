"""HealthCheck: tells whether this node lives, and whether it can serve.

``live`` answers 200 as long as the process answers at all.  ``ready`` asks the store for one small object, and answers
503, and why, when that fails or takes too long, or when the node is about to stop; the outcome is kept for a second, so
that nobody can flood the store by asking.  Its place is behind ``errors``, before ``limits`` and ``auth``.

Options:

``live = /livez``
    The path that asks whether it lives.
``ready = /readyz``
    The path that asks whether it can serve.
``store = default``
    The store that is asked.  Usually said once, in ``[DEFAULT]``.
``timeout = 5``
    Seconds that the store has.
``keep = 1``
    Seconds for which an outcome is kept.

Example::

    [filter:healthcheck]
    use = egg:objreg#healthcheck
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TimedOut
from threading import Lock
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg import keys
from objreg.config import as_seconds
from objreg.http import Request, Response
from objreg.middleware.base import Middleware
from objreg.registry import Registry, open_registry
from objreg.store import NotFound, StoreError

log = logging.getLogger(__name__)


class HealthCheck(Middleware):
    """Two paths for whoever watches."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, live: str = '/livez',
        ready: str = '/readyz', store: str | None = None, timeout: str | float = 5, keep: str | float = 1,
        registry: Registry | None = None,
    ) -> None:
        super().__init__(app, global_conf)
        self.registry = registry or open_registry(global_conf, store)
        self._paths = {live: self._live, ready: self._ready}
        self._timeout = as_seconds(timeout)
        self._keep = as_seconds(keep)
        self._lock = Lock()
        self._known: tuple[float, str] = (-1e9, '')
        self._asking: ThreadPoolExecutor | None = None
        self._is_stopping = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get('PATH_INFO') in self._paths:
            return super().__call__(environ, start_response)
        return self.app(environ, start_response)

    def handle(self, req: Request) -> Any:
        """Answer on two paths."""
        return self._paths[req.environ['PATH_INFO']]()

    def drain(self) -> None:
        """This node is about to stop: it is not ready any more."""
        self._is_stopping = True

    def _live(self) -> Response:
        return _answer(200, {'status': 'ok'})

    def _ready(self) -> Response:
        wrong = 'stopping' if self._is_stopping else self._store_problem()
        if wrong:
            return _answer(503, {'status': 'unavailable', 'reason': wrong})
        return _answer(200, {'status': 'ok'})

    def _store_problem(self) -> str:
        """What is wrong with the store; '' when nothing is."""
        with self._lock:
            at, wrong = self._known
            if time.monotonic() - at >= self._keep:
                wrong = self._ask()
                self._known = time.monotonic(), wrong
            return wrong

    def _ask(self) -> str:
        # one thread: a store that hangs costs one, however often this is asked
        if self._asking is None:
            self._asking = ThreadPoolExecutor(1, 'objreg-health')
        try:
            self._asking.submit(self.registry.store.stat, keys.FORMAT).result(self._timeout)
        except NotFound:
            return 'the bucket holds no registry'
        except TimedOut:
            return 'the store does not answer in time'
        except StoreError as error:
            log.warning('not ready: %s', error)
            return 'the store does not answer'
        return ''


def _answer(status: int, document: dict[str, str]) -> Response:
    headers = [('Content-Type', 'application/json'), ('Cache-Control', 'no-store')]
    return Response(status=status, headerlist=headers, body=json.dumps(document).encode() + b'\n')
