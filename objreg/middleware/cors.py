"""Cors: lets pages of other sites use the registry from a browser.

Without it, no page of another origin can.  Its place is before ``auth``, since a browser asks (``OPTIONS``) without the
user's credentials.

Options:

``origins =``
    The sites that may (``https://ui.example.net``), or ``*`` for all.  Empty: none.
``credentials = false``
    Whether the browser may send the user's credentials; not together with ``*``.
``methods = GET HEAD``
    What they may do.
``headers = Accept Authorization Content-Type Range If-None-Match``
    The headers that they may send.
``expose = Docker-Content-Digest Docker-Upload-UUID Link Location Range WWW-Authenticate X-Request-Id``
    The headers that they may read.
``max_age = 10 min``
    How long a browser keeps the answer.

Example::

    [filter:cors]
    use = egg:objreg#cors
    origins = https://ui.example.net
"""

from __future__ import annotations

from typing import Any
from wsgiref.types import WSGIApplication

from objreg.config import ConfigError, as_bool, as_list, as_seconds
from objreg.http import Request, Response
from objreg.middleware.base import Middleware


class Cors(Middleware):
    """Cross-origin resource sharing, as the Fetch standard has it."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, origins: str = '',
        credentials: str | bool = False, methods: str = 'GET HEAD',
        headers: str = 'Accept Authorization Content-Type Range If-None-Match',
        expose: str = 'Docker-Content-Digest Docker-Upload-UUID Link Location Range WWW-Authenticate X-Request-Id',
        max_age: str | float = '10 min',
    ) -> None:
        super().__init__(app, global_conf)
        self._origins = frozenset(as_list(origins))
        self._credentials = as_bool(credentials)
        if self._credentials and '*' in self._origins:
            raise ConfigError('credentials: not for all origins; name them')
        for origin in self._origins - {'*'}:
            if not origin.startswith(('http://', 'https://')) or origin.count('/') != 2:
                raise ConfigError(f'origins: {origin!r} is not like https://ui.example.net')
        self._preflight = [
            ('Access-Control-Allow-Methods', ', '.join(as_list(methods))),
            ('Access-Control-Allow-Headers', ', '.join(as_list(headers))),
            ('Access-Control-Max-Age', str(int(as_seconds(max_age)))),
        ]
        self._expose = ('Access-Control-Expose-Headers', ', '.join(as_list(expose)))

    def handle(self, req: Request) -> Any:
        """Answer a preflight; add headers to other answers."""
        environ = req.environ
        origin = environ.get('HTTP_ORIGIN')
        if origin is None and '*' in self._origins:
            return self.app
        allowed = self._allowed(origin or '')
        if environ['REQUEST_METHOD'] == 'OPTIONS' and 'HTTP_ACCESS_CONTROL_REQUEST_METHOD' in environ:
            return Response(status=204, headerlist=[*allowed, *(self._preflight if len(allowed) > 1 else [])])
        response = req.get_response(self.app)
        response.headerlist.extend([*allowed, self._expose] if len(allowed) > 1 else allowed)
        return response

    def _allowed(self, origin: str) -> list[tuple[str, str]]:
        """The headers that say so; only ``Vary`` where it is not allowed."""
        found = [('Vary', 'Origin')]
        if '*' in self._origins or origin in self._origins:
            found.append(('Access-Control-Allow-Origin', '*' if '*' in self._origins else origin))
            if self._credentials:
                found.append(('Access-Control-Allow-Credentials', 'true'))
        return found
