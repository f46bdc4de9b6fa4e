"""Blobs of a repository: ``/v2/<name>/blobs/<digest>``.

distribution-spec 1.1 "Pulling blobs", "Deleting Blobs".  A repository serves only its own members.
"""

from __future__ import annotations

from collections.abc import Iterable

from objreg import descriptor, keys, ranges
from objreg.descriptor import Descriptor
from objreg.errors import BlobUnknown, Unsupported
from objreg.http import VERSION, Request, Response
from objreg.names import Digest
from objreg.resources.base import Resource, answer
from objreg.store import CHUNK, Content, NotFound, Refused, Unavailable


def headers_of(member: Descriptor) -> list[tuple[str, str]]:
    """What is said of a blob, without its length."""
    return [
        VERSION,
        ('Content-Type', 'application/octet-stream'),
        ('Docker-Content-Digest', str(member.digest)),
        ('ETag', f'"{member.digest}"'),
        ('Cache-Control', 'max-age=31536000, immutable'),
        ('Accept-Ranges', 'bytes'),
    ]


def head(member: Descriptor) -> Response:
    """The answer to "is it there?"."""
    return Response(status=200, headerlist=[*headers_of(member), ('Content-Length', str(member.size))], app_iter=())


def whole(digest: Digest, data: bytes) -> Response:
    """A small blob that need not lie in the bucket."""
    member = descriptor.blob(digest, len(data))
    return Response(status=200, headerlist=[*headers_of(member), ('Content-Length', str(len(data)))], app_iter=[data])


class Blobs(Resource):
    """One blob of one repository."""

    def HEAD(self, req: Request, name: str, reference: str) -> Response:
        """Size and digest: one read, none when this node saw the membership lately."""
        return head(self.registry.repository(name).member(Digest.parse(reference)))

    def GET(self, req: Request, name: str, reference: str) -> Response:
        """The bytes, or one range of them; by redirect where the store can sign."""
        digest = Digest.parse(reference)
        member = self.registry.repository(name).member(digest)
        if digest in _etags(req.environ.get('HTTP_IF_NONE_MATCH', '')):
            return answer(304, headers_of(member)[2:5])
        key = keys.content(digest)
        if self.settings.may_redirect(req.environ):
            there = self.registry.store.url(key, self.settings.redirect_seconds)
            if there is not None:
                return answer(307, [('Location', there), ('Docker-Content-Digest', str(digest))])
        wanted = ranges.requested(req.environ.get('HTTP_RANGE', ''), member.size)
        start, end = wanted or (0, member.size)
        try:
            content = self.registry.store.get(key, start, end if wanted else None)
        except NotFound as error:
            raise BlobUnknown(str(digest)) from error
        except Refused as error:
            raise Unavailable(f'{key} is damaged: {error}') from error
        if content.size != end - start:
            content.close()
            raise Unavailable(f'{key} is damaged: it has another size than when it was pushed')
        headers = [*headers_of(member), ('Content-Length', str(end - start))]
        if wanted:
            headers.append(('Content-Range', f'bytes {start}-{end - 1}/{member.size}'))
            return Response(status=206, headerlist=headers, app_iter=content)
        return Response(status=200, headerlist=headers, app_iter=_file(req, content))

    def DELETE(self, req: Request, name: str, reference: str) -> Response:
        """Take the blob out of this repository; its content goes when no repository has it."""
        if not self.settings.delete:
            raise Unsupported('deleting is switched off here')
        self.registry.repository(name).remove_member(Digest.parse(reference))
        return answer(202)


def _file(req: Request, content: Content) -> Iterable[bytes]:
    """The server's own way to send a file (sendfile), where there are both."""
    wrapper = req.environ.get('wsgi.file_wrapper')
    if wrapper is None or content.file is None:
        return content
    req.environ['objreg.sent_by_server'] = True
    wrapped: Iterable[bytes] = wrapper(content.file, CHUNK)
    return wrapped


def _etags(header: str) -> set[Digest]:
    found = set()
    for item in header.split(','):
        text = item.strip().removeprefix('W/').strip('"')
        if text.startswith(('sha256:', 'sha512:')) and text.isascii():
            algorithm, _, hexadecimal = text.partition(':')
            found.add(Digest(algorithm, hexadecimal))
    return found
