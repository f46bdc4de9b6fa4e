"""Errors: gives each request an id and a line in the log, and each failure a clean answer.  The outermost layer.

- The id is the client's own ``X-Request-Id`` if that is one (at most 128 letters, digits, dots, hyphens, underscores),
  else a new one; it is in the answer, in the line, and beside every traceback.
- What a layer did not expect becomes a 500 in the JSON of the specification, without a word about the inside, and a
  traceback in the log.  A store that does not answer, or refuses, becomes a 503 with ``Retry-After``.
- The line tells time, client, user, method, path, status, bytes, seconds and id, on the logger ``objreg.request``.
  Queries are left out, since they carry the state of uploads, and so are all headers.

Options:

``log = text``
    ``text``, ``json`` (one object a line, for machines), or ``none``.

Example::

    [filter:errors]
    use = egg:objreg#errors
    log = json
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable
from secrets import token_hex
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.access import access_of
from objreg.config import ConfigError
from objreg.errors import RegistryError, Unknown, of_store
from objreg.logs import REQUESTS
from objreg.middleware.base import Middleware, client_of, watch
from objreg.store import Refused, Unavailable

log = logging.getLogger(__name__)
requests = logging.getLogger(REQUESTS)

_ID = re.compile(r'[A-Za-z0-9._-]{1,128}')
_LONGEST_PATH = 500


class Errors(Middleware):
    """Ids, lines, and answers to failures."""

    def __init__(
        self, app: WSGIApplication, global_conf: dict[str, str] | None = None, *, log: str = 'text'
    ) -> None:
        super().__init__(app, global_conf)
        if log not in ('text', 'json', 'none'):
            raise ConfigError(f'log: {log!r} is none of text, json, none')
        self._format = {'text': _text, 'json': json.dumps, 'none': None}[log]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        given = environ.get('HTTP_X_REQUEST_ID', '')
        id = given if _ID.fullmatch(given) else token_hex(8)
        environ['objreg.request_id'], environ['objreg.log'] = id, {}
        status, length = '', ''

        def start(given: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            nonlocal status, length
            status, length = given, next((value for name, value in headers if name == 'Content-Length'), '')
            return start_response(given, [*headers, ('X-Request-Id', id)], *exc_info)

        try:
            body = self.app(environ, start)
        except Exception as error:
            if status:  # too late for another answer: the server cuts the connection
                log.exception('%s: the answer was cut', id)
                raise
            body = _answer_to(error, id)(environ, start)

        def done(count: int | None, error: Exception | None) -> None:
            if error is not None:
                log.error('%s: the answer was cut: %s', id, error, exc_info=error)
            if self._format is not None:
                sent = int(length or 0) if count is None else count
                requests.info('%s', self._format(_line(environ, id, status, sent, time.perf_counter() - began)))

        return watch(environ, body, done)


def _answer_to(error: Exception, id: str) -> Any:
    if isinstance(error, RegistryError):
        return error.response()
    if isinstance(error, Unavailable | Refused):
        return of_store(error, id).response()
    log.error('%s: unexpected', id, exc_info=error)
    return Unknown({'request': id}).response()


def _line(environ: WSGIEnvironment, id: str, status: str, sent: int, seconds: float) -> dict[str, Any]:
    return {
        'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()), 'client': client_of(environ),
        'user': access_of(environ).subject, 'method': environ['REQUEST_METHOD'][:16],
        'path': environ.get('PATH_INFO', '')[:_LONGEST_PATH], 'status': int(status[:3] or 0), 'bytes': sent,
        'seconds': round(seconds, 6), 'request': id, **environ['objreg.log'],
    }


def _text(line: dict[str, Any]) -> str:
    """A line for people; what a client chose cannot begin another one, nor pass for another field."""
    client, user = line.pop('client') or '-', _safe(line.pop('user') or '-')
    method, path = _safe(line.pop('method')), _safe(line.pop('path'))
    text = (
        f'{line.pop("time")} {client} {user} "{method} {path}" {line.pop("status")} {line.pop("bytes")} '
        f'{line.pop("seconds"):.6f} {line.pop("request")}'
    )
    return ' '.join([text, *(f'{name}={_safe(str(value))}' for name, value in line.items())])


def _safe(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and ' ' not in text and '\\' not in text:
        return text
    return json.dumps(text)[1:-1].replace('\\"', '\\u0022').replace(' ', '\\u0020').replace('\x7f', '\\u007f')
