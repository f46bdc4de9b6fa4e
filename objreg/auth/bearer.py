"""Bearer tokens (RFC 6750), and the challenge that names the service which gives them, as Docker has it.

An empty `realm` means that the hub is served beside the registry: the client goes on where it came.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from objreg.access import Access
from objreg.auth.keysets import Keys, KeysUnavailable
from objreg.auth.tokens import TokenInvalid, Tokens
from objreg.errors import NameInvalid, RequestInvalid, StoreUnavailable, Unauthorized
from objreg.http import Request
from objreg.names import check_name

TOKEN_PATH = '/token'  # noqa: S105 - a path
_HOST = re.compile(r'[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?')


class Denied(Protocol):
    """Tokens that are not to be accepted any more, although they have not expired."""

    def is_denied(self, subject: str, credential: str, issued: int) -> bool:
        """Whether this is one."""


@dataclass(frozen=True)
class CatalogAccess:
    """Of a token that grants the whole catalog, for the time of one request."""

    subject: str
    is_unrestricted: bool = False

    def may(self, action: str, name: str) -> bool:
        """Whether a name may be shown."""
        return action == 'pull'


class Bearer:
    """Asks for a token."""

    def __init__(self, realm: str, service: str, keys: Keys, tokens: Tokens, denied: Denied | None = None) -> None:
        self._realm = realm
        self._service = service
        self._keys = keys
        self._tokens = tokens
        self._denied = denied

    def reload(self) -> None:
        """Read the keys again."""
        self._keys.reload()

    def who(self, req: Request, action: str, name: str) -> Access:
        """What the token grants; raises 401 without one, and for one that is not good."""
        scheme, _, text = req.environ.get('HTTP_AUTHORIZATION', '').partition(' ')
        if scheme.lower() != 'bearer':
            raise Unauthorized(headers=self._challenge(req, action, name))
        try:
            access = self._tokens.verify(text.strip(' '))
        except TokenInvalid as error:
            raise Unauthorized(str(error), headers=self._challenge(req, action, name, 'invalid_token')) from error
        except KeysUnavailable as error:
            raise StoreUnavailable('the keys of the token service are not known') from error
        if self._denied is not None and self._denied.is_denied(access.subject, access.credential, access.issued):
            raise Unauthorized('the token was withdrawn', headers=self._challenge(req, action, name, 'invalid_token'))
        return CatalogAccess(access.subject) if action == 'catalog' and access.sees_catalog else access

    def let_in(self, req: Request, access: Access, action: str, name: str) -> None:
        """Raises 401, which makes the client fetch a token with that scope."""
        if action == 'catalog' and not isinstance(access, CatalogAccess):
            raise Unauthorized(headers=self._challenge(req, action, name, 'insufficient_scope'))
        if name and not access.may(action, name):
            detail = {'action': action, 'name': name}
            raise Unauthorized(detail, headers=self._challenge(req, action, name, 'insufficient_scope'))

    def _challenge(self, req: Request, action: str, name: str, error: str = '') -> dict[str, str]:
        scope = _scope(req, action, name)
        realm = self._realm or _beside(req)
        said = {'Bearer realm': realm, 'service': self._service, 'scope': scope, 'error': error}
        return {'WWW-Authenticate': ','.join(f'{name}="{value}"' for name, value in said.items() if value)}


def _beside(req: Request) -> str:
    """The token service that is served beside the registry, as seen by the client."""
    host = req.environ.get('HTTP_HOST', '')
    if not _HOST.fullmatch(host):
        raise RequestInvalid('the header Host does not tell where this is')
    scheme, prefix = req.environ['wsgi.url_scheme'], quote(req.environ.get('SCRIPT_NAME', ''))
    return f'{scheme}://{host}{prefix}{TOKEN_PATH}'


def _scope(req: Request, action: str, name: str) -> str:
    """What a token would have to grant; for a mount, the source too."""
    if action in ('', 'catalog'):
        return 'registry:catalog:*' if action else ''
    scope = f'repository:{name}:{"pull,push" if action == "push" else action}'
    if 'mount' in req.GET and 'from' in req.GET:
        with contextlib.suppress(NameInvalid):
            scope += f' repository:{check_name(req.GET["from"])}:pull'
    return scope
