"""The headers that every answer of the first version has."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

from objreg.http import Request, Response

VERSION = ('X-Docker-Registry-Version', '0.9.1')
"""The registry whose contract this is; Docker to 0.10 speaks to none that does not say this."""
HEADERS = (
    VERSION, ('Content-Type', 'application/json'), ('Cache-Control', 'no-cache'), ('Pragma', 'no-cache'),
    ('Expires', '-1'),
)


def answer(document: Any, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """JSON, never kept by anybody."""
    return Response(status=status, headerlist=[*HEADERS, *headers], body=json.dumps(document).encode())


def nothing(*, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """204."""
    kept = [one for one in HEADERS if one[0] != 'Content-Type']
    return Response(status=204, headerlist=[*kept, *headers])


_YEAR = 365 * 86400
_EPOCH = 'Thu, 01 Jan 1970 00:00:00 GMT'


def immutable(
    req: Request, id: str, status: int, headers: Iterable[tuple[str, str]] = (), *, kind: str = 'application/json',
    body: Iterable[bytes] = (),
) -> Response:
    """An answer about an image, which will never be another one: to be kept, by others only where nobody logged in."""
    whose = 'private' if 'HTTP_AUTHORIZATION' in req.environ else 'public'
    kept = [
        VERSION, ('Content-Type', kind), ('Cache-Control', f'{whose}, max-age={_YEAR}'),
        ('Expires', formatdate(time.time() + _YEAR, usegmt=True)), ('Last-Modified', _EPOCH), ('ETag', f'"{id}"'),
    ]
    return Response(status=status, headerlist=[*kept, *headers], app_iter=body)


def is_known(req: Request, id: str) -> bool:
    """Whether the client has it already (RFC 9110 section 13); it exists, which was looked at before."""
    tags = req.environ.get('HTTP_IF_NONE_MATCH')
    if tags is not None:
        return f'"{id}"' in tags or tags.strip() == '*'
    return 'HTTP_IF_MODIFIED_SINCE' in req.environ
