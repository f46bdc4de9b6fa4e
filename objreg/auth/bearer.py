"""Bearer tokens (RFC 6750), and the challenge that names the service which gives them, as Docker has it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from objreg.access import Access
from objreg.auth.keysets import Keys, KeysUnavailable
from objreg.auth.tokens import TokenInvalid, Tokens
from objreg.errors import NameInvalid, StoreUnavailable, Unauthorized
from objreg.http import Request
from objreg.names import check_name


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

    def __init__(self, realm: str, service: str, keys: Keys, tokens: Tokens) -> None:
        self._named = f'Bearer realm="{realm}",service="{service}"'
        self._keys = keys
        self._tokens = tokens

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
        parts = [self._named, *([f'scope="{scope}"'] if scope else []), *([f'error="{error}"'] if error else [])]
        return {'WWW-Authenticate': ','.join(parts)}


def _scope(req: Request, action: str, name: str) -> str:
    """What a token would have to grant; for a mount, the source too."""
    if action in ('', 'catalog'):
        return 'registry:catalog:*' if action else ''
    scope = f'repository:{name}:{"pull,push" if action == "push" else action}'
    if 'mount' in req.GET and 'from' in req.GET:
        with contextlib.suppress(NameInvalid):
            scope += f' repository:{check_name(req.GET["from"])}:pull'
    return scope
