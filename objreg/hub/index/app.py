"""The routes of the index, in one table, and who answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from wsgiref.types import WSGIApplication, WSGIEnvironment

from objreg.errors import RegistryError, of_store
from objreg.http import Request, Response
from objreg.hub.hub import Hub
from objreg.hub.index.asking import Asking
from objreg.hub.index.endpoints import Endpoint, Endpoints
from objreg.hub.index.people import People
from objreg.hub.index.repositories import Repositories
from objreg.hub.index.searching import Searching
from objreg.hub.search import NameSearch
from objreg.hub.token_service import TokenOptions, TokenService
from objreg.store import Refused, Unavailable
from objreg.v1.answers import answer
from objreg.v1.errors import V1Error, as_v1
from objreg.v1.routes import RouteV1, match_v1
from objreg.v1.tokens import Issuer, is_token

_PING = (('X-Docker-Registry-Standalone', 'False'), ('X-Docker-Registry-Config', 'objreg'))
"""That tokens are to be had here, so that clients do not send the password with each request."""


class IndexOptions(NamedTuple):
    """`seconds` is how long a token lives, within which a push has to end."""

    seconds: int = 3600
    endpoints: tuple[Endpoint, ...] = ()


class Index:
    """Answers what old clients ask of a hub.  `behind` is the registry in this process, if there is one."""

    def __init__(
        self, hub: Hub, service: TokenService, tokens: TokenOptions, options: IndexOptions | None = None, *,
        behind: WSGIApplication | None = None,
    ) -> None:
        options = options or IndexOptions()
        issuer = Issuer(hub.signing, tokens.issuer, tokens.services, options.seconds)
        asking = Asking(
            hub.authority, hub.signing, hub.denials, issuer=tokens.issuer, services=tokens.services,
            basic=service.basic, behind=behind,
        )
        self.endpoints = Endpoints(options.endpoints)
        people, repositories = People(hub, asking), Repositories(hub, asking, issuer, self.endpoints)
        self._table: dict[str, dict[str, Callable[[Request, RouteV1], Response]]] = {
            'ping': {'GET': _ping},
            'users': {'GET': people.log_in, 'POST': people.sign_up},
            'user': {'PUT': people.change},
            'search': {'GET': Searching(NameSearch(hub), asking).find},
            'repository': {'PUT': repositories.announce, 'DELETE': repositories.delete},
            'images': {
                'GET': repositories.images, 'PUT': repositories.confirm, 'DELETE': repositories.delete_images,
            },
            'properties': {'GET': repositories.properties, 'PUT': repositories.set_properties},
            'auth': {'PUT': repositories.authorize},
            'access': {'GET': repositories.access},
        }

    def serves(self, environ: WSGIEnvironment) -> bool:
        """Whether that request is the index's; a repository is deleted by the registry, and there by a token."""
        try:
            route = match_v1(environ.get('PATH_INFO', ''), environ['REQUEST_METHOD'])
        except V1Error:  # which the registry says as well
            return False
        if route is None or route.resource not in self._table:
            return False
        is_of_registry = route.resource == 'repository' and environ['REQUEST_METHOD'] == 'DELETE'
        return not (is_of_registry and is_token(environ.get('HTTP_AUTHORIZATION', '')))

    def respond(self, req: Request) -> Response:
        """The answer; problems included."""
        try:
            return self._respond(req)
        except UnicodeDecodeError:
            return V1Error(400, 'The query is not UTF-8').response()
        except RegistryError as error:
            return as_v1(error).response()
        except (Unavailable, Refused) as error:
            return as_v1(of_store(error, req.environ.get('objreg.request_id', ''))).response()

    def _respond(self, req: Request) -> Response:
        method = req.environ['REQUEST_METHOD']
        route = match_v1(req.environ['PATH_INFO'], method)
        assert route is not None  # noqa: S101 - `serves` said so
        verbs = self._table[route.resource]
        verb = verbs.get('GET' if method == 'HEAD' else method)
        if verb is None:
            raise V1Error(405, 'The method is not allowed here', {'Allow': ', '.join(verbs)})
        return verb(req, route)


def _ping(req: Request, route: RouteV1) -> Response:
    return answer({}, headers=_PING)
