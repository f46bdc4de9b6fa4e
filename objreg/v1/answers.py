"""The headers that every answer of the first version has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from objreg.http import Response

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
