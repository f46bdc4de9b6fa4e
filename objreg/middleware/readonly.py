"""ReadOnly: refuses whatever would change the registry, for the time of a move, a backup or an upgrade.

Answers 405 with the code ``UNSUPPORTED`` to every method but GET, HEAD and OPTIONS.  Its place is behind ``errors``,
wherever writes end.

Options:

``message = this registry is read-only for now``
    What the client is told.
``retry_after = 0``
    Seconds that clients are asked to wait (``Retry-After``, with 503 in place of 405); 0: no such promise.

Example::

    [filter:readonly]
    use = egg:objreg#readonly
    retry_after = 10 min
"""

from __future__ import annotations

from typing import Any
from wsgiref.types import WSGIApplication

from objreg.config import as_seconds
from objreg.errors import MethodNotAllowed, StoreUnavailable
from objreg.http import Request
from objreg.middleware.base import Middleware

_READING = ('GET', 'HEAD', 'OPTIONS')


class ReadOnly(Middleware):
    """Lets reads through."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *,
        message: str = 'this registry is read-only for now', retry_after: str | float = 0,
    ) -> None:
        super().__init__(app, global_conf)
        self._message = message
        self._retry_after = int(as_seconds(retry_after))

    def handle(self, req: Request) -> Any:
        """Pass on, or refuse."""
        if req.environ['REQUEST_METHOD'] in _READING:
            return self.app
        if self._retry_after:
            raise StoreUnavailable(self._message, headers={'Retry-After': str(self._retry_after)})
        raise MethodNotAllowed(self._message, headers={'Allow': ', '.join(_READING)})
