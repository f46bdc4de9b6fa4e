"""WebOb's request and response, with the two things changed that a registry needs otherwise."""

from __future__ import annotations

from wsgiref.types import WSGIEnvironment

import webob

VERSION = ('Docker-Distribution-Api-Version', 'registry/2.0')
"""By this header old clients know the API."""


class Response(webob.Response):
    """A response whose ``Location`` stays as it was written: relative ones survive any proxy and path prefix."""

    default_content_type = 'application/json'
    default_charset = ''

    def _abs_headerlist(self, environ: WSGIEnvironment) -> list[tuple[str, str]]:
        return list(self.headerlist)


class Request(webob.Request):
    """A request whose ``get_response`` gives a `Response`."""

    ResponseClass = Response
