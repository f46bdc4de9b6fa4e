"""``docker login`` up to 1.11: signing up, by which those clients begin, and logging in.

They POST a new account first, and log in only where the answer is that there is one of that name already, in exactly
these words.  So that is the answer to everybody where nobody signs up by himself, and it tells nothing of who has an
account; where anybody may sign up, a name that is free cannot be kept secret from who takes it.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from objreg.body import RequestBody, TooLong
from objreg.http import Request, Response
from objreg.hub import names
from objreg.hub.accounts import PasswordRefused, Taken, check_password
from objreg.hub.authority import Suspended
from objreg.hub.hub import Hub
from objreg.hub.index.asking import Asking, unauthorized
from objreg.hub.mailboxes import AddressRefused, check_address
from objreg.hub.names import NameRefused
from objreg.hub.records import Email
from objreg.middleware.base import client_of
from objreg.v1.answers import answer, nothing
from objreg.v1.errors import V1Error, decoded
from objreg.v1.routes import RouteV1

TAKEN = 'Username or email already exists'
_BYTES = 16 * 1024
Given = TypeVar('Given')


class NewUser(msgspec.Struct):
    """What docker sends, ``auth`` beside it, which means nothing here."""

    username: Annotated[str, Meta(max_length=256)]
    password: Annotated[str, Meta(max_length=1024)]
    email: Annotated[str, Meta(max_length=254)] = ''


class Change(msgspec.Struct):
    """What is said is changed."""

    email: Email | None = None
    password: Annotated[str, Meta(max_length=1024)] | None = None


class People:
    """``/v1/users/``"""

    def __init__(self, hub: Hub, asking: Asking) -> None:
        self._hub = hub
        self._asking = asking

    def sign_up(self, req: Request, route: RouteV1) -> Response:
        """201, or 400 and the words by which docker goes on to log in."""
        given = _body(req, NewUser)
        name = given.username.lower()
        if self._hub.settings.signup != 'open' or names.ROBOT in name:
            return answer(TAKEN, status=400)
        try:
            names.check_account(name)
            if self._hub.accounts.find(name) is not None:  # whose password may be older than what is asked of new ones
                raise Taken(name)
            check_password(given.password, name)
            if self._hub.mail.is_on:
                check_address(given.email)
                self._hub.mail.admit(client_of(req.environ))
            account = self._hub.accounts.create(name, 'user', by=name)
        except Taken:
            return answer(TAKEN, status=400)
        except (NameRefused, PasswordRefused, AddressRefused) as error:
            raise V1Error(400, str(error)) from error
        if self._hub.mail.is_on:  # docker says then that there is a link to follow, sent or not
            self._hub.accounts.set_password_for_later(name, given.password)
        else:
            self._hub.accounts.set_password(name, given.password)
        self._hub.mail.set_first_address(account, _email(given.email), is_proved=False)
        self._hub.audit.write('user.signup', account.name, by=account.name, address=client_of(req.environ))
        return answer('User Created', status=201)

    def log_in(self, req: Request, route: RouteV1) -> Response:
        """200 for a name with its password, or with a token of its own; 403 for who is suspended."""
        try:
            asker = self._asking.who(req)
        except V1Error as error:
            if isinstance(error.__cause__, Suspended):
                raise V1Error(403, 'Account is not active') from error
            raise
        if not asker.identity.name:
            raise unauthorized()
        return answer('OK')

    def change(self, req: Request, route: RouteV1) -> Response:
        """Another address, or another password: his own, and by the password that he has."""
        identity = self._asking.who(req).identity
        if not identity.name:
            raise unauthorized()
        if identity.name != route.reference or identity.credential or identity.provider:
            raise V1Error(403, 'Access denied')
        change, name = _body(req, Change), identity.name
        if change.email is not None:
            if self._hub.mail.is_on:
                self._hub.mail.admit(client_of(req.environ))
            self._hub.mail.set_address(name, change.email)
            self._hub.audit.write('user.change', name, by=name, address=client_of(req.environ))
        if change.password is not None:
            try:
                self._hub.accounts.set_password(name, change.password)
            except PasswordRefused as error:
                raise V1Error(400, str(error)) from error
            self._hub.tokens.revoke_all(name, ('refresh',))
            self._hub.denials.deny('subject', name)
            self._hub.audit.write('user.password', name, by=name, address=client_of(req.environ))
        return nothing()


def _email(text: str) -> str:
    """An address that is none keeps nobody out: docker asks for one whether there is one or not."""
    try:
        return msgspec.convert(text, Email)
    except msgspec.ValidationError:
        return ''


def _body(req: Request, kind: type[Given]) -> Given:
    try:
        return decoded(RequestBody(req.environ).small(_BYTES), kind)
    except TooLong as error:
        raise V1Error(413, f'The body has more than {_BYTES} bytes') from error
