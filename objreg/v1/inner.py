"""Requests of the first version, made of requests of the second to the layers behind.

What is written goes that way, so that whatever holds for clients of the second version holds here too: webhooks,
deduplication, what is refused and in which order things are written.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast
from urllib.parse import quote, unquote, urlencode
from wsgiref.types import WSGIApplication, WSGIEnvironment

from objreg.http import Request, Response
from objreg.names import Digest
from objreg.v1.errors import V1Error


class Inner:
    """The layers behind, as one request may use them."""

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        self._app = app
        self._environ = {
            key: value for key, value in environ.items()
            if key == 'HTTP_HOST' or not key.startswith(('HTTP_', 'webob.', 'CONTENT_', 'wsgi.input'))
        }

    def put_blob(self, name: str, digest: Digest, body: BinaryIO, size: int) -> None:
        """A blob of which the digest is known; `body` stands at its start."""
        self._ask('POST', f'/v2/{name}/blobs/uploads/', {'digest': str(digest)}, body=body, size=size)

    def put_bytes(self, name: str, data: bytes) -> Digest:
        """A small blob."""
        digest = Digest.of(data)
        self.put_blob(name, digest, io.BytesIO(data), len(data))
        return digest

    def begin_blob(self, name: str, body: Any) -> str:
        """Take in a blob of unknown digest, which `read` gives piece by piece; returns where to end it."""
        begun = self._ask('POST', f'/v2/{name}/blobs/uploads/')
        return self._ask('PATCH', begun.headers['Location'], body=body).headers['Location']

    def end_blob(self, location: str, digest: Digest) -> None:
        """The digest of what `begin_blob` took in."""
        joined = '&' if '?' in location else '?'
        self._ask('PUT', f'{location}{joined}digest={quote(str(digest))}')

    def mount(self, name: str, digest: Digest, source: str) -> bool:
        """Let a repository have a blob of another one; False where it cannot be done."""
        query = {'mount': str(digest), 'from': source}
        return bool(self._ask('POST', f'/v2/{name}/blobs/uploads/', query).status_int == 201)

    def put_manifest(self, name: str, reference: str, data: bytes, media_type: str) -> None:
        """A manifest whose blobs are there, under a tag."""
        path = f'/v2/{name}/manifests/{reference}'
        self._ask('PUT', path, body=io.BytesIO(data), size=len(data), content_type=media_type)

    def delete(self, name: str, reference: str, *, missing_ok: bool = False) -> None:
        """A tag, or a manifest with its tags."""
        response = self.send('DELETE', f'/v2/{name}/manifests/{reference}', {})
        if response.status_int >= 400 and not (missing_ok and response.status_int == 404):
            raise self.error(response)

    def get_blob(self, name: str, digest: str, method: str, headers: dict[str, str]) -> Response:
        """The answer to a request for a blob, as it comes: bytes, a range of them, or where they are."""
        return self.send(method, f'/v2/{name}/blobs/{digest}', {}, headers=headers)

    def _ask(self, method: str, path: str, query: dict[str, str] | None = None, **rest: Any) -> Response:
        """The answer; raises what is wrong with it."""
        response = self.send(method, path, query or {}, **rest)
        if response.status_int >= 400:
            raise self.error(response)
        return response

    def send(
        self, method: str, path: str, query: dict[str, str], *, body: Any = None, size: int | None = None,
        content_type: str = '', headers: dict[str, str] | None = None,
    ) -> Response:
        """The answer to a request, whatever it is; `path` may have a query, and `headers` are keys of the environ."""
        environ = {**self._environ, **(headers or {})}
        path, _, given = path.partition('?')
        script = environ.get('SCRIPT_NAME', '')
        environ['PATH_INFO'] = unquote(path.removeprefix(quote(script)))
        environ['QUERY_STRING'] = given or urlencode(query)
        environ['REQUEST_METHOD'] = method
        environ['wsgi.input'] = io.BytesIO() if body is None else body
        environ['wsgi.input_terminated'] = True
        if body is None or size is not None:
            environ['CONTENT_LENGTH'] = str(size or 0)
        if content_type:
            environ['CONTENT_TYPE'] = content_type
        return cast(Response, Request(environ).get_response(self._app))

    @staticmethod
    def error(response: Response) -> V1Error:
        """What the second version said, in the words of the first."""
        try:
            first = response.json_body['errors'][0]
            detail = first.get('detail')
            text = first['message'] + (f': {detail}' if isinstance(detail, str) else '')
        except (ValueError, LookupError, TypeError, AttributeError):
            text = 'the registry refused it'
        kept = {name: value for name, value in response.headers.items() if name in ('Retry-After', 'WWW-Authenticate')}
        return V1Error(response.status_int, text, kept)
