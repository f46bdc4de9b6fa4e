"""Requests to a layer, as a server makes them."""

from __future__ import annotations

from typing import Any

from objreg.http import Request, Response


def call(app: Any, path: str = '/v2/', method: str = 'GET', body: bytes = b'', **environ: Any) -> Response:
    """One request; the answer with its body read and closed.  ``X__y=…`` becomes the header ``X-Y``."""
    req = Request.blank(path, method=method, body=body, environ={'REMOTE_ADDR': '192.0.2.7', **{
        name: value for name, value in environ.items() if '__' not in name or '.' in name
    }})
    for name, value in environ.items():
        if '__' in name:
            req.headers[name.strip('_').replace('__', '-')] = value
    if not body and method in ('GET', 'HEAD'):
        req.environ.pop('CONTENT_LENGTH', None)
    response = req.get_response(app)
    response.body  # noqa: B018 - reads it
    return response
