"""Upload sessions: ``/v2/<name>/blobs/uploads/…``.

distribution-spec 1.1 "Pushing blobs", "Mounting a blob from another repository".
"""

from __future__ import annotations

from objreg import ranges
from objreg.body import RequestBody
from objreg.errors import DigestInvalid, RangeInvalid, Unsupported
from objreg.http import Request, Response
from objreg.names import HEX_LENGTH, Digest
from objreg.resources.base import Resource, access, answer, url
from objreg.sessions import Session, open_session


def created(req: Request, name: str, digest: Digest) -> Response:
    """The answer to a blob that is now, or was already, in the repository."""
    return answer(201, [
        ('Location', url(req, f'/v2/{name}/blobs/{digest}')),
        ('Docker-Content-Digest', str(digest)),
    ])


class UploadStart(Resource):
    """Where uploads begin."""

    def POST(self, req: Request, name: str, reference: str) -> Response:
        """Begin a session, without any call to the store; or take the whole blob (``?digest=``).

        A ``mount`` that gets here was not possible (`objreg.middleware.dedup` answers those that are), and begins a
        session, as the specification has it.
        """
        if 'digest' in req.GET:
            digest = Digest.parse(req.GET['digest'])
            size = self.uploads.store_known(digest, RequestBody(req.environ))
            self.registry.repository(name).add_member(digest, size)
            return created(req, name, digest)
        algorithm = req.GET.get('digest-algorithm', 'sha256')
        if algorithm not in HEX_LENGTH:
            raise Unsupported(f'digest algorithm {algorithm[:32]!r}: use sha256 or sha512')
        return _at(self, req, 202, Session.new(name, access(req).subject, algorithm))


class Upload(Resource):
    """A session that has begun."""

    def _session(self, req: Request, name: str, id: str) -> Session:
        return open_session(
            self.registry.secrets, req.GET.get('_state', ''), id=id, name=name, subject=access(req).subject,
            max_seconds=self.settings.upload_seconds,
        )

    def GET(self, req: Request, name: str, reference: str) -> Response:
        """How far it is, whichever node took the bytes in."""
        return _at(self, req, 204, self.uploads.status(self._session(req, name, reference)))

    def PATCH(self, req: Request, name: str, reference: str) -> Response:
        """Take in a piece."""
        session = self._session(req, name, reference)
        body = RequestBody(req.environ)
        header = req.environ.get('HTTP_CONTENT_RANGE')
        try:
            start = None if header is None else ranges.piece(header, body.length, session.offset)
            session = self.uploads.append(session, body, start)
        except RangeInvalid as error:
            error.headers |= dict(_headers(self, req, session))
            raise
        return _at(self, req, 202, session)

    def PUT(self, req: Request, name: str, reference: str) -> Response:
        """Take in the last piece, if there is one, verify, and make the blob a member."""
        session = self._session(req, name, reference)
        if 'digest' not in req.GET:
            raise DigestInvalid('name the digest: ?digest=<algorithm>:<hex>')
        digest = Digest.parse(req.GET['digest'])
        body = RequestBody(req.environ)
        header = req.environ.get('HTTP_CONTENT_RANGE')
        if header is not None and body.length:
            try:
                ranges.piece(header, body.length, session.offset)
            except RangeInvalid as error:
                error.headers |= dict(_headers(self, req, session))
                raise
        repository = self.registry.repository(name)
        if self.uploads.has_ended(session):
            repository.member(digest)  # the answer to the first PUT was lost: say it again
            return created(req, name, digest)
        size = self.uploads.finish(session, digest, body)
        repository.add_member(digest, size)
        self.uploads.end(session)
        return created(req, name, digest)

    def DELETE(self, req: Request, name: str, reference: str) -> Response:
        """Give it up."""
        self.uploads.cancel(self._session(req, name, reference))
        return answer(204)


def _headers(resource: Resource, req: Request, session: Session) -> list[tuple[str, str]]:
    sealed = session.sealed(resource.registry.secrets)
    headers = [
        ('Location', url(req, f'/v2/{session.name}/blobs/uploads/{session.id}', _state=sealed)),
        ('Range', f'0-{max(session.offset - 1, 0)}'),
        ('Docker-Upload-UUID', session.id),
    ]
    if resource.uploads.part_size:
        headers.append(('OCI-Chunk-Min-Length', str(resource.uploads.part_size)))
    return headers


def _at(resource: Resource, req: Request, status: int, session: Session) -> Response:
    return answer(status, _headers(resource, req, session))
