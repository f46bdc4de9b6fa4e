"""What an old client asks the index about a repository: to push, to pull, and to delete it."""

from __future__ import annotations

from typing import Literal

import msgspec

from objreg import keys
from objreg.body import RequestBody, TooLong
from objreg.http import Request, Response
from objreg.hub import catalog
from objreg.hub.hub import Hub
from objreg.hub.index import announced
from objreg.hub.index.announced import Announced, Image
from objreg.hub.index.asking import Asker, Asking, not_found, unauthorized
from objreg.hub.index.endpoints import Endpoints
from objreg.hub.policy import Visibility
from objreg.middleware.base import client_of
from objreg.v1.answers import answer, nothing
from objreg.v1.errors import V1Error, decoded
from objreg.v1.routes import RouteV1
from objreg.v1.tokens import Issuer

_LARGEST_PROPERTIES = 1024
class Properties(msgspec.Struct):
    """Who sees a repository, as the first version says it."""

    access: Literal['public', 'private']


class Repositories:
    """``/v1/repositories/…``, as far as it is the index's: of images it knows what was announced."""

    def __init__(self, hub: Hub, asking: Asking, issuer: Issuer, endpoints: Endpoints) -> None:
        self._hub = hub
        self._asking = asking
        self._issuer = issuer
        self._endpoints = endpoints
        self._announced = Announced(hub.store, hub.each)

    # Pushing

    def announce(self, req: Request, route: RouteV1) -> Response:
        """Somebody is about to push these images: he gets a token to write, and is told where to."""
        asker = self._allowed(req, 'push', route.name)
        images = _list(req)
        if asker.identity.name:  # from now on it stays as visible as it is, as with a token of the second version
            self._hub.authority.narrow(asker.identity, route.name, ['push'])
        self._announced.announce(route.name, images)
        return answer('', headers=self._granted(req, asker, route.name, 'write'))

    def confirm(self, req: Request, route: RouteV1) -> Response:
        """He has pushed them; those that have a checksum now are said again."""
        self._allowed(req, 'push', route.name)
        images = _list(req)
        if images:
            self._announced.announce(route.name, images)
        return nothing()

    # Pulling

    def images(self, req: Request, route: RouteV1) -> Response:
        """What is there; with it, for who asks so, a token to read."""
        asker = self._allowed(req, 'pull', route.name)
        found, is_known = self._announced.of(route.name)
        if not is_known and not self._exists(route.name):
            raise V1Error(404, 'images not found')
        document = [{'id': one.id, 'checksum': one.checksum} if one.checksum else {'id': one.id} for one in found]
        wants_token = req.environ.get('HTTP_X_DOCKER_TOKEN', '').lower() == 'true'
        return answer(document, headers=self._granted(req, asker, route.name, 'read' if wants_token else ''))

    def access(self, req: Request, route: RouteV1) -> Response:
        """Whether an image is in a repository: a registry of others asks, with the token that it was given."""
        self._allowed(req, 'pull', route.name)
        return answer({'access': any(one.id == route.reference for one in self._announced.of(route.name)[0])})

    def authorize(self, req: Request, route: RouteV1) -> Response:
        """Whether the token is one of this repository, whatever it lets do."""
        asker = self._asking.who(req)
        if asker.token is None:
            raise unauthorized()
        if asker.token.repository != route.name:
            raise V1Error(403, 'Access denied')
        return answer('OK')

    # Who sees it

    def properties(self, req: Request, route: RouteV1) -> Response:
        """Whether everybody sees it."""
        self._allowed(req, 'pull', route.name)
        is_public = self._hub.repositories.find(route.name).visibility is Visibility.PUBLIC
        return answer({'access': 'public' if is_public else 'private'})

    def set_properties(self, req: Request, route: RouteV1) -> Response:
        """Say whether everybody does; a token is for images, and says nothing of that."""
        asker = self._allowed(req, 'administer', route.name)
        if not self._exists(route.name):
            raise not_found()
        said = decoded(_body(req, _LARGEST_PROPERTIES), Properties)
        self._hub.show_repository(
            route.name, Visibility(said.access), by=asker.name, address=client_of(req.environ)
        )
        return answer(True)

    # Deleting

    def delete(self, req: Request, route: RouteV1) -> Response:
        """First 202, and a token by which the registry deletes it; then, once nothing is left, 200."""
        asker = self._allowed(req, 'delete', route.name)
        if self._has_tags(route.name) or self._announced.of(route.name).is_known:
            self._announced.forget(route.name)
            self._hub.audit.write('repository.delete', route.name, by=asker.name, address=client_of(req.environ))
            return answer('', status=202, headers=self._granted(req, asker, route.name, 'delete'))
        if not self._exists(route.name):
            raise not_found()
        return answer('')

    def delete_images(self, req: Request, route: RouteV1) -> Response:
        """Let nothing be announced any more."""
        self._allowed(req, 'delete', route.name)
        self._announced.forget(route.name)
        return nothing()

    def _allowed(self, req: Request, action: str, repository: str) -> Asker:
        asker = self._asking.who(req)
        if not self._asking.may(asker, action, repository):
            raise self._asking.refused(asker, repository)
        return asker

    def _granted(self, req: Request, asker: Asker, repository: str, access: str) -> list[tuple[str, str]]:
        """Where to go, and a token for what has just been allowed; who came with one goes on with that."""
        headers = [self._endpoints.header(req)]
        if access and asker.token is None:
            token = self._issuer.issue(
                repository, access, subject=asker.identity.name, credential=asker.identity.credential
            )
            headers += [('WWW-Authenticate', f'Token {token}'), ('X-Docker-Token', token)]
        return headers

    def _has_tags(self, repository: str) -> bool:
        """Whether the registry, if it is in this bucket, has anything left to delete."""
        return bool(self._hub.store.page(keys.tags(repository), limit=1).entries)

    def _exists(self, repository: str) -> bool:
        """Whether anything was ever pushed to it, to the registry of this bucket or to another one."""
        return catalog.has(self._hub.store, repository) or self._hub.repositories.find(repository).is_settled


def _list(req: Request) -> tuple[Image, ...]:
    return announced.parse(_body(req, announced.LARGEST))


def _body(req: Request, limit: int) -> bytes:
    try:
        return RequestBody(req.environ).small(limit)
    except TooLong as error:
        raise V1Error(413, f'The body has more than {limit} bytes') from error
