"""Users with passwords: HTTP Basic (RFC 7617), a password file, and rules."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from objreg.access import Access
from objreg.auth import rules
from objreg.auth.passwords import Passwords
from objreg.auth.rules import Rules
from objreg.config import ConfigError
from objreg.errors import Denied, Unauthorized
from objreg.http import Request


@dataclass(frozen=True)
class UserAccess:
    """What the rules grant to a user; '' is nobody in particular."""

    subject: str
    rules: Rules
    is_unrestricted: bool = False

    def may(self, action: str, name: str) -> bool:
        """Whether it is granted."""
        return self.rules.may(self.subject, action, name)


class Basic:
    """Asks for a password."""

    def __init__(self, realm: str, htpasswd: str, rules_path: str, anonymous: str) -> None:
        if anonymous not in ('none', 'pull'):
            raise ConfigError(f'anonymous: {anonymous!r} is neither none nor pull')
        if rules_path and anonymous != 'none':
            raise ConfigError('anonymous: the rules say what anonymous may do')
        self.challenge = {'WWW-Authenticate': f'Basic realm="{realm}", charset="UTF-8"'}
        self.passwords = Passwords(htpasswd)
        self._reload_rules: Callable[[], None] | None = None
        if rules_path:
            watched = rules.watch(rules_path)
            self._rules, self._reload_rules = watched.current, watched.reload
        else:
            always = rules.without_file(anonymous)
            self._rules = lambda: always

    def reload(self) -> None:
        """Read both files again."""
        self.passwords.reload()
        if self._reload_rules is not None:
            self._reload_rules()

    def who(self, req: Request, action: str, name: str) -> Access:
        """The user with what the rules grant him; raises 401 for wrong credentials."""
        return UserAccess(self._user(req.environ.get('HTTP_AUTHORIZATION', '')), self._rules())

    def known(self, user: str) -> Access | None:
        """What the rules grant to a user whose password was right before; None if he is one no more."""
        return UserAccess(user, self._rules()) if not user or self.passwords.knows(user) else None

    def let_in(self, req: Request, access: Access, action: str, name: str) -> None:
        """Raises 401 for somebody who may have better credentials, and 403 for who gave his."""
        if action == 'catalog':  # it shows only what he may pull
            is_granted = bool(access.subject) or self._rules().grants_to_anonymous()
        elif not action:
            is_granted = bool(access.subject)
        else:
            is_granted = access.may(action, name)
        if is_granted:
            return
        detail = {'action': action, 'name': name} if name else None
        if access.subject:
            raise Denied(detail)
        raise Unauthorized(detail, headers=self.challenge)

    def _user(self, header: str) -> str:
        """The user, '' without credentials; raises 401 for wrong ones."""
        if not header:
            return ''
        scheme, _, encoded = header.partition(' ')
        try:
            if scheme.lower() != 'basic':
                raise ValueError
            user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(':')
        except ValueError as error:
            raise Unauthorized('not HTTP Basic', headers=self.challenge) from error
        if not user and not password:  # how podman and skopeo say that they have none
            return ''
        if not colon or not user or not self.passwords.verify(user, password):
            raise Unauthorized('wrong user or password', headers=self.challenge)
        return user
