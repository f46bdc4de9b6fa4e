"""What goes wrong, as a problem document (RFC 9457): ``{"type", "title", "status", "detail"}``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from objreg.http import Response


class Problem(Exception):
    """An answer that is not a success; `detail` is for the person who asked.

    `kind` names what went wrong for programs: the last part of the document's ``type``.
    """

    def __init__(
        self, status: int, kind: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.headers = headers or {}
        self.more = more

    def response(self) -> Response:
        """The whole answer."""
        document = {
            'type': f'urn:objreg:problem:{self.kind}', 'title': HTTPStatus(self.status).phrase, 'status': self.status,
            'detail': self.detail, **self.more,
        }
        headers = [('Content-Type', 'application/problem+json'), ('Cache-Control', 'no-store'), *self.headers.items()]
        return Response(status=self.status, headerlist=headers, body=msgspec.json.encode(document))


def bad_request(detail: str) -> Problem:
    """What was sent cannot be used."""
    return Problem(400, 'invalid', detail)


def unknown(detail: str) -> Problem:
    """There is no such thing, or nobody may tell whether there is."""
    return Problem(404, 'unknown', detail)


def conflict(kind: str, detail: str) -> Problem:
    """It does not fit what is there."""
    return Problem(409, kind, detail)


def unauthenticated(detail: str = 'log in by a name with a password, or by a token') -> Problem:
    """Nobody in particular may not do that."""
    headers = {'WWW-Authenticate': 'Basic realm="objreg", charset="UTF-8"'}
    return Problem(401, 'unauthenticated', detail, headers=headers)


def forbidden(detail: str = 'that is not yours to do') -> Problem:
    """Whoever it is may not do that."""
    return Problem(403, 'forbidden', detail)
