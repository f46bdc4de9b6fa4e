"""The hub's paths, in one table, and who answers them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from objreg.auth.bearer import TOKEN_PATH
from objreg.errors import MethodNotAllowed, NotFoundHere, of_store
from objreg.http import Request, Response
from objreg.hub.api.dispatch import Api
from objreg.hub.api.operation import PREFIX
from objreg.hub.hub import Hub, Settings
from objreg.hub.index.app import Index, IndexOptions
from objreg.hub.pages.site import Site
from objreg.hub.sso import flow
from objreg.hub.sso.app import SingleSignOn
from objreg.hub.token_service import TokenOptions, TokenService
from objreg.registry import Registry
from objreg.store import Refused, Unavailable

JWKS = '/.well-known/jwks.json'
CERTIFICATES = '/.well-known/objreg/certificates.pem'
DENIED = '/.well-known/objreg/denied.json'

_FOR_A_MINUTE = ('Cache-Control', 'public, max-age=60')
_UNCACHED = ('Cache-Control', 'no-store')


class HubApp:
    """Answers requests for the paths of the hub."""

    def __init__(
        self, registry: Registry, settings: Settings, options: TokenOptions, *, index: IndexOptions | None = None,
        behind: WSGIApplication | None = None,
    ) -> None:
        self.hub = hub = Hub(registry.store, settings, each=registry.each, secrets=registry.secrets)
        self.options = options
        token = TokenService(hub.authority, hub.tokens, hub.signing, options)
        self._api = Api(hub, token)
        self._site = Site(hub)
        self._single_sign_on = SingleSignOn(hub)
        self.index = Index(hub, token, options, index, behind=behind)
        published = {JWKS: self._jwks, CERTIFICATES: self._certificates, DENIED: self._denied}
        self._paths: dict[str, dict[str, Callable[[Request], Response]]] = {
            TOKEN_PATH: {'GET': token.GET, 'POST': token.POST},
            **{path: {'GET': answer, 'HEAD': answer} for path, answer in published.items()},
        }

    def serves(self, path: str) -> bool:
        """Whether that path is the hub's."""
        return path in self._paths or path.startswith((f'{PREFIX}/', flow.PREFIX)) or self._site.serves(path)

    def respond(self, req: Request) -> Response:
        """The answer; raises what is wrong with the request."""
        try:
            return self._verb(req)(req)
        except (Unavailable, Refused) as error:
            raise of_store(error, req.environ.get('objreg.request_id', '')) from error

    def _verb(self, req: Request) -> Callable[[Request], Response]:
        path, method = req.environ['PATH_INFO'], req.environ['REQUEST_METHOD']
        if path.startswith(f'{PREFIX}/'):
            return self._api.respond
        if self._site.serves(path):
            return self._site.respond
        if path.startswith(flow.PREFIX):
            return self._single_sign_on.respond
        verbs = self._paths.get(path)
        if verbs is None:
            raise NotFoundHere()
        if method not in verbs:
            raise MethodNotAllowed(method[:16], headers={'Allow': ', '.join(verbs)})
        return verbs[method]

    def _jwks(self, req: Request) -> Response:
        return _published(self.hub.signing.jwks())

    def _certificates(self, req: Request) -> Response:
        headers = [('Content-Type', 'application/x-pem-file'), _FOR_A_MINUTE]
        return Response(status=200, headerlist=headers, body=self.hub.signing.bundle())

    def _denied(self, req: Request) -> Response:
        return _published(self.hub.denials.published(), _UNCACHED)


def _published(document: dict[str, Any], caching: tuple[str, str] = _FOR_A_MINUTE) -> Response:
    headers = [('Content-Type', 'application/json'), caching]
    return Response(status=200, headerlist=headers, body=json.dumps(document).encode())
