"""Tokens of the first version where no hub signs them: sealed by the secrets of the registry that gives and takes them.

Clients ask for a token when they begin and send nothing else afterwards, so where passwords are asked for
(``htpasswd``) a token stands for one that was right.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from objreg.auth.tokens import TokenInvalid
from objreg.state import Secrets, Tampered, seal, unseal
from objreg.v1 import names, tokens
from objreg.v1.tokens import GRANTED, RepositoryAccess

SECONDS = 3600
_KIND = 'v1'


class SealedTokens:
    """Gives and verifies them, without asking anybody."""

    def __init__(self, secrets: Secrets, *, now: Callable[[], float] = time.time) -> None:
        self._secrets = secrets
        self._now = now

    def issue(self, repository: str, access: str, *, subject: str) -> str:
        """A token, without the word ``Token`` before it; `access` is a key of `GRANTED`."""
        state = {'kind': _KIND, 'name': repository, 'access': access, 'sub': subject, 'at': int(self._now())}
        return f'signature={seal(self._secrets, state)},repository="{names.to_token(repository)}",access={access}'

    def verify(self, text: str) -> RepositoryAccess:
        """What the header ``Authorization`` grants; raises `TokenInvalid`."""
        fields = tokens.parse(text)
        try:
            state = unseal(self._secrets, fields.get('signature', ''))
        except Tampered as error:
            raise TokenInvalid(str(error)) from error
        if state.get('kind') != _KIND or not 0 <= self._now() + tokens.SKEW - state['at'] <= SECONDS + tokens.SKEW:
            raise TokenInvalid('not a token, or an old one')
        said = fields.get('repository', ''), fields.get('access', '')
        if said != (names.to_token(state['name']), state['access']):
            raise TokenInvalid('it says something else than what was sealed')
        return RepositoryAccess(state['sub'], state['name'], GRANTED[state['access']], issued=state['at'])
