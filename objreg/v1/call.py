"""One request of the first version, and what answers it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from objreg.access import Access, access_of, repository_of
from objreg.auth.tokens import TokenInvalid
from objreg.body import RequestBody, TooLong
from objreg.http import Request
from objreg.names import Digest
from objreg.v1 import names, tokens
from objreg.v1.errors import V1Error, unauthorized
from objreg.v1.image import Image
from objreg.v1.inner import Inner
from objreg.v1.routes import RouteV1
from objreg.v1.view import View


@dataclass
class Call:
    """The request, its route, and the registry behind."""

    req: Request
    route: RouteV1
    view: View
    inner: Inner

    @cached_property
    def access(self) -> Access:
        """What it may do."""
        return access_of(self.req.environ)

    def may(self, action: str, name: str) -> bool:
        """Whether it may do that with a repository."""
        return self.access.is_unrestricted or self.access.may(action, name)

    def require(self, action: str, name: str) -> None:
        """Raise 401 unless it may."""
        if not self.may(action, name):
            raise unauthorized({'WWW-Authenticate': 'Token'})

    def find(self, id: str) -> tuple[Image, str]:
        """An image that it may pull, and from which repository; raises 404."""
        for name in self._candidates(id):
            if self.may('pull', name):
                image = self.view.find(id, name)
                if image is not None:
                    self.view.seen[id] = name
                    return image, name
        raise V1Error(404, 'Image not found')

    def find_for(self, id: str, name: str) -> tuple[Image, str]:
        """The same for a push to a repository, whose own images come first; raises 404."""
        image = self.view.find(id, name)
        return (image, name) if image is not None else self.find(id)

    def pushed_to(self, id: str) -> str:
        """The repository that an image is pushed to; raises 401 unless it may, and 400 where nothing tells.

        A client that sends its password each time says it once, when it announces what it is going to push.
        """
        name = self.repository or self.view.announcements.find(self.access.subject, id)
        if not name:
            raise V1Error(400, 'This image does not belong to the repository: announce it first')
        self.require('push', name)
        return name

    def bring(self, digest: Digest, source: str, name: str) -> None:
        """Let a repository have a blob of another one that it may pull from."""
        if not self.inner.mount(name, digest, source):
            raise V1Error(404, 'Image not found')

    def body(self, limit: int) -> bytes:
        """The body, if it has no more than that many bytes; raises 413."""
        try:
            return RequestBody(self.req.environ).small(limit)
        except TooLong as error:
            raise V1Error(413, f'The body is longer than {limit} bytes') from error

    @cached_property
    def repository(self) -> str:
        """The repository that a request for an image is about, as its token says; '' where there is none."""
        return _repository(self.req, self.access)

    def _candidates(self, id: str) -> Iterator[str]:
        """Where that image may be, the likeliest first.  A token names one, and is good for no other."""
        if self.repository:
            yield self.repository
            if not self.access.is_unrestricted:
                return
        tried = {self.repository}
        seen = self.view.seen.get(id)
        if seen and seen not in tried:
            tried.add(seen)
            yield seen
        yield from (name for name in self.view.images.repositories(id) if name not in tried)


def _repository(req: Request, access: Access) -> str:
    """The repository that a request is about: of its token, if it has one.

    Where everybody may do everything nobody looks whether a token is good, and its word is as good as a path.
    """
    named = repository_of(access)
    if named or not access.is_unrestricted:
        return named
    try:
        said = tokens.parse(req.environ.get('HTTP_AUTHORIZATION', ''))
        return names.from_token(said.get('repository', ''))
    except (TokenInvalid, V1Error):
        return ''
