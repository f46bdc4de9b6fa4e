"""Manifests of schema 1 for clients that know no others, made of what a tag names at each request; and from them.

Who is such a client: one whose ``Accept`` names schema 1 and nothing newer, and Docker 1.6 to 1.9, which sends none.
Whoever takes anything (no ``Accept``, ``*/*``) is given the manifest as it is, and so is whoever asks by digest.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

from objreg import keys
from objreg import manifest as manifests
from objreg.body import RequestBody, TooLong
from objreg.errors import ManifestInvalid, ManifestTooLarge, ManifestUnknown
from objreg.http import Request, Response
from objreg.libtrust import Signer
from objreg.names import Digest, check_tag
from objreg.resources import blobs
from objreg.resources.base import answer
from objreg.resources.manifests import is_known, said_of
from objreg.routes import match
from objreg.store import Refused
from objreg.v1.from_v2 import EMPTY, NoImages
from objreg.v1.image import EMPTY_DIGEST, EMPTY_LAYER
from objreg.v1.inner import Inner
from objreg.v1.schema1 import SIGNED, UNSIGNED, is_schema1, parse, payload_of
from objreg.v1.schema1_intake import Intake
from objreg.v1.view import View

MOST = 4 * 1024**2
"""Bytes of a manifest that is pushed, and of any that does not say what it is."""
_READING = ('GET', 'HEAD')
_NAMED = 'application/vnd.docker.distribution.manifest.v1+'
_NEWER = manifests.IMAGES | manifests.INDEXES | {'*/*', 'application/*'}
_OLD_DOCKER = re.compile(r'docker/1\.[0-9](?![0-9])', re.ASCII)
_PUSHED = manifests.SCHEMA_1 | {'', 'application/json'}
_EMPTY = f'/blobs/{EMPTY_DIGEST}'


def _type(environ: WSGIEnvironment) -> str:
    content_type: str = environ.get('CONTENT_TYPE') or ''
    return content_type.partition(';')[0].strip().lower()


def _knows_no_other(environ: WSGIEnvironment) -> bool:
    accepted = environ.get('HTTP_ACCEPT', '').lower()
    if _NAMED in accepted:
        return _NEWER.isdisjoint(item.partition(';')[0].strip() for item in accepted.split(','))
    return accepted in ('', 'application/json') and bool(_OLD_DOCKER.match(environ.get('HTTP_USER_AGENT', '')))


class Schema1Answers:
    """Answers requests that `concerns` tells; `accepts`: such manifests may be pushed, too."""

    def __init__(self, view: View, *, accepts: bool = False) -> None:
        self._view = view
        self._signer = Signer()
        self._intake = Intake(view) if accepts else None

    def concerns(self, environ: WSGIEnvironment) -> bool:
        """Whether a request is about manifests of schema 1, or the layer that they name and nobody pushed."""
        method, path = environ['REQUEST_METHOD'], environ.get('PATH_INFO', '')
        if method in _READING:
            return path.endswith(_EMPTY) or ('/manifests/' in path and _knows_no_other(environ))
        return self._intake is not None and method == 'PUT' and '/manifests/' in path and _type(environ) in _PUSHED

    def respond(self, req: Request, app: WSGIApplication) -> Response | WSGIApplication:
        """The answer, or `app`, which has it."""
        route = match(req.environ['PATH_INFO'])
        if route is not None and route.resource == 'blob':
            return self._empty_layer(req, route.name, app)
        if route is None or route.resource != 'manifest':
            return app
        if req.environ['REQUEST_METHOD'] == 'PUT':
            return self._put(req, route.name, route.reference, app)
        return app if ':' in route.reference else self._manifest(req, route.name, check_tag(route.reference))

    def _put(self, req: Request, name: str, reference: str, app: WSGIApplication) -> Response | WSGIApplication:
        environ = req.environ
        try:
            data = RequestBody(environ).small(MOST)
        except TooLong as error:
            raise ManifestTooLarge(f'at most {MOST} bytes') from error
        if _type(environ) not in manifests.SCHEMA_1 and not is_schema1(data):
            environ |= {
                'wsgi.input': BytesIO(data), 'wsgi.input_terminated': True, 'CONTENT_LENGTH': str(len(data)),
            }
            environ.pop('HTTP_TRANSFER_ENCODING', None)
            return app
        if ':' in reference or self._intake is None:
            raise ManifestInvalid('a manifest of schema 1 is pushed by its tag')
        tag = check_tag(reference)
        return self._intake.put(req, name, tag, parse(data, name, tag), Inner(app, environ))

    def _manifest(self, req: Request, name: str, tag: str) -> Response:
        try:
            images = self._view.plain_of_tag(self._view.registry.repository(name), tag)
            payload = payload_of(images, name, tag)
        except NoImages as error:
            raise ManifestUnknown(f'it has no form of schema 1, which is all that the client takes: {error}') from error
        accepted = req.environ.get('HTTP_ACCEPT', '').lower()
        is_signed = UNSIGNED not in accepted or SIGNED in accepted
        digest = Digest.of(payload)
        headers = said_of(SIGNED if is_signed else UNSIGNED, digest)
        if is_known(req, digest):
            return answer(304, headers[1:])
        return answer(200, headers, self._signer.signed(payload) if is_signed else payload)

    def _empty_layer(self, req: Request, name: str, app: WSGIApplication) -> Response:
        """A layer that changes nothing: a member of any repository from when it is first asked for there.

        A member, and not just an answer, because a client that pushes asks for it, too, and then names it.
        """
        found = cast(Response, req.get_response(app))
        repository = self._view.registry.repository(name)
        if found.status_int != 404 or not repository.exists():
            return found
        try:
            repository.store.put(keys.content(EMPTY_DIGEST), EMPTY_LAYER)
            repository.add_member(EMPTY_DIGEST, EMPTY.size)
        except Refused:  # a store that cannot be written, where nobody pushes
            return blobs.whole(EMPTY_DIGEST, EMPTY_LAYER)
        return cast(Response, req.get_response(app))
