"""Who asks a registry that is not trusted, and what its token service is asked for.  Pure."""

from __future__ import annotations

import base64
import json
import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit

from objreg.imports.report import NotTaken

CATALOG = 'registry:catalog:*'
"""The scope of the list of all repositories."""
_CHALLENGE = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)


class Missing(NotTaken):
    """The registry has no such thing."""


class Forbidden(NotTaken):
    """The registry does not let us have it."""


class Credentials(NamedTuple):
    """Who asks; nobody, where both are empty."""

    user: str = ''
    password: str = ''

    @property
    def basic(self) -> str:
        """The header."""
        return 'Basic ' + base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()


def token_url(challenge: str, registry: str, scope: str) -> str:
    """Where to ask for a token, of a challenge ``Bearer realm="…",service="…"``; raises `Forbidden`.

    The scope is what is needed, whatever the challenge says.  The service is asked over https, unless it is on the host
    of a registry without.
    """
    said = dict(_CHALLENGE.findall(challenge))
    try:
        realm, home = urlsplit(said.get('realm', '')), urlsplit(registry)
        is_here = (realm.scheme, realm.hostname) == (home.scheme, home.hostname)
    except ValueError as error:
        raise Forbidden(f'{registry}: its token service is at no URL') from error
    if (realm.scheme != 'https' and not is_here) or '@' in realm.netloc:
        raise Forbidden(f'{registry}: its token service is not asked without https: {realm.geturl()[:200]}')
    query = {'service': said['service']} if 'service' in said else {}
    query['scope'] = scope
    return realm._replace(query='&'.join(filter(None, (realm.query, urlencode(query)))), fragment='').geturl()


def token_of(data: bytes, service: str) -> str:
    """The token in the answer of a token service; raises `Forbidden`."""
    try:
        found = json.loads(data)
        token = found.get('token') or found.get('access_token')
    except (ValueError, RecursionError, AttributeError) as error:
        raise Forbidden(f'{service}: it gives no token') from error
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise Forbidden(f'{service}: it gives no token')
    return token


def origin(parts: SplitResult) -> tuple[str, str, int]:
    """Scheme, host and port: what a token is for."""
    try:
        port = parts.port or (443 if parts.scheme == 'https' else 80)
    except ValueError:
        port = 0
    return parts.scheme, parts.hostname or '', port
