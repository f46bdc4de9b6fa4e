"""People: signing up, who there is, their passwords and state, and their tokens."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from objreg.hub import records
from objreg.hub.accounts import check_password
from objreg.hub.api.call import Call
from objreg.hub.api.kept import Repositories, refuse_with_repositories
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import bad_request, conflict, unknown
from objreg.hub.credentials import Credential
from objreg.hub.endings import end_user
from objreg.hub.mailboxes import check_address
from objreg.hub.organisations import LastOwner
from objreg.hub.records import Account, Email, Profile
from objreg.hub.tokens import Held

FullName = Annotated[str, Meta(max_length=200)]
Secret = Annotated[str, Meta(max_length=1024)]


class Given(msgspec.Struct, forbid_unknown_fields=True):
    """The base of what is sent."""


class NewUser(Given):
    """Somebody new.  `administrator` is for administrators to say."""

    name: str
    password: Secret
    email: Email = ''
    full_name: FullName = ''
    administrator: bool = False


class User(msgspec.Struct):
    """Somebody, as others see him; the address and the state are shown to himself and to administrators only."""

    name: str
    full_name: str
    created: int
    email: str | None = None
    email_proved: bool | None = None
    administrator: bool | None = None
    suspended: bool | None = None


class Change(Given):
    """What is said is changed.  `password` is needed of the user himself for another address, where mail is sent."""

    email: Email | None = None
    full_name: FullName | None = None
    password: Secret = ''


class NewPassword(Given):
    """`old` is needed of the user himself."""

    new: Secret
    old: Secret = ''


class State(Given):
    """What is said is changed."""

    suspended: bool | None = None
    administrator: bool | None = None
    why: Annotated[str, Meta(max_length=500)] = ''


class NewToken(Given):
    """`days` 0: it does not expire.  Without scopes it may do all that its holder may."""

    label: Annotated[str, Meta(max_length=100)] = ''
    days: Annotated[int, Meta(ge=0, le=3650)] = 90
    scopes: tuple[records.Scope, ...] | None = None


class Token(msgspec.Struct):
    """A token as it is shown to its holder.  `token` is the secret itself, and shown once."""

    id: str
    kind: str
    label: str
    created: int
    expires: int
    used: str
    scopes: tuple[records.Scope, ...] | None = None
    token: str | None = None


class Me(msgspec.Struct):
    """Who asks."""

    name: str
    administrator: bool
    kind: Literal['user', 'robot', 'operator']


@operation('GET', '/me', Needs.NOTHING)
def who_am_i(call: Call) -> Me:
    """Say who asks; an empty name is nobody in particular."""
    if call.is_operator:
        return Me('', True, 'operator')
    return Me(call.identity.name, call.is_administrator, 'robot' if '+' in call.identity.name else 'user')


@operation('POST', '/users', Needs.ADMINISTRATOR, status=201)
def add_user(call: Call, body: NewUser) -> User:
    """Make an account for somebody."""
    check_password(body.password, body.name)
    account = call.hub.accounts.create(body.name, 'user', by=call.by)
    set_profile(call, account.name, body.email, body.full_name)
    if body.administrator:
        call.hub.accounts.make_administrator(account.name, by=call.by)
    call.hub.accounts.set_password(account.name, body.password)
    call.note('user.add', account.name, administrator=body.administrator)
    return shown_user(call, account)


@operation('GET', '/users/{user}', Needs.ACCOUNT)
def show_user(call: Call, user: str) -> User:
    """Show somebody."""
    return shown_user(call, found_user(call, user))


@operation('PATCH', '/users/{user}', Needs.SELF)
def change_user(call: Call, user: str, body: Change) -> User:
    """Change what is known of somebody."""
    account, accounts = found_user(call, user), call.hub.accounts
    before = accounts.profile(user)
    email = before.email if body.email is None else body.email
    if email != before.email and call.hub.mail.is_on and not call.is_administrator:
        # by the address he could set a password, which whoever has his token is not to do
        if not accounts.has_password(user, body.password):
            raise bad_request('password: needed for another address, and that is not the password')
        call.hub.mail.admit(call.address)
    set_profile(call, user, email, before.full_name if body.full_name is None else body.full_name)
    call.note('user.change', user)
    return shown_user(call, account)


@operation('PUT', '/users/{user}/password', Needs.SELF)
def set_password(call: Call, user: str, body: NewPassword) -> None:
    """Set a new password; clients that were logged in by the old one are logged out."""
    found_user(call, user)
    if not call.is_administrator and not call.hub.accounts.has_password(user, body.old):
        raise bad_request('old: that is not the password')
    call.hub.accounts.set_password(user, body.new)
    call.hub.tokens.revoke_all(user, ('refresh',))
    call.hub.denials.deny('subject', user)
    call.note('user.password', user)


@operation('PUT', '/users/{user}/state', Needs.ADMINISTRATOR)
def set_state(call: Call, user: str, body: State) -> User:
    """Suspend somebody, or let him administer the hub, or not."""
    account, accounts = found_user(call, user), call.hub.accounts
    if body.suspended:
        accounts.suspend(user, by=call.by, why=body.why)
        call.hub.denials.deny('subject', user)
    elif body.suspended is False:
        accounts.resume(user)
    if body.administrator:
        accounts.make_administrator(user, by=call.by)
    elif body.administrator is False:
        accounts.unmake_administrator(user)
    call.note('user.state', user, suspended=body.suspended, administrator=body.administrator)
    return shown_user(call, account)


@operation('DELETE', '/users/{user}', Needs.SELF)
def delete_user(call: Call, user: str, repositories: Repositories = 'refuse') -> None:
    """End an account, its tokens and robots, at once; its name stays taken, for ever.

    Refused while it has repositories, unless they are to be kept: then they are the administrators'.  Refused, too,
    while it is the only owner of an organisation.
    """
    account = found_user(call, user)
    refuse_with_repositories(call, user, repositories)
    try:
        end_user(call.hub, account, by=call.by)
    except LastOwner as error:
        raise conflict('last-owner', f'{user} is the only owner of {error}: name another one, or delete it') from error
    call.note('user.delete', user, repositories=repositories)


@operation('GET', '/users/{user}/tokens', Needs.SELF)
def list_tokens(call: Call, user: str) -> list[Token]:
    """List somebody's tokens, without their secrets."""
    return [shown_token(held) for held in call.hub.tokens.held_by(user)]


@operation('POST', '/users/{user}/tokens', Needs.SELF, status=201)
def add_token(call: Call, user: str, body: NewToken) -> Token:
    """Make a token; its secret is in the answer, and is never shown again."""
    account = found_user(call, user)
    made = call.hub.tokens.issue(
        'pat', user, account.id, scopes=body.scopes, seconds=body.days * 86400, label=body.label
    )
    call.note('token.add', user, token=made.id, label=body.label)
    return shown_once(call, made)


@operation('DELETE', '/users/{user}/tokens/{token}', Needs.SELF)
def revoke_token(call: Call, user: str, token: str) -> None:
    """Revoke a token: no access for it from now on, and none for what it was exchanged for within a minute."""
    check_held(call, token, user)
    call.hub.tokens.revoke(token, user)
    call.hub.denials.deny('credential', token)
    call.note('token.revoke', user, token=token)


def found_user(call: Call, user: str) -> Account:
    """The account of somebody; a problem where there is none."""
    account = call.hub.accounts.find(user)
    if account is None or account.kind != 'user':
        raise unknown('there is no user of that name')
    return account


def set_profile(call: Call, user: str, email: str, full_name: str) -> None:
    """What is known of somebody; another address is to be proved, where mail is sent."""
    if email and call.hub.mail.is_on:
        check_address(email)
    before = call.hub.accounts.profile(user)
    call.hub.accounts.set_profile(user, Profile(before.email, full_name))
    if email != before.email:
        call.hub.mail.set_address(user, email)


def shown_user(call: Call, account: Account) -> User:
    """Somebody, as who asks sees him."""
    accounts = call.hub.accounts
    profile = accounts.profile(account.name)
    shown = User(account.name, profile.full_name, account.created)
    if call.is_administrator or call.identity.name == account.name:
        shown.email = profile.email
        if call.hub.mail.is_on:
            shown.email_proved = bool(profile.email) and profile.email == call.hub.mailboxes.of(account.name)
        shown.administrator = accounts.is_administrator(account.name)
        shown.suspended = accounts.suspension(account.name) is not None
    return shown


def shown_token(held: Held) -> Token:
    """A token, as its holder sees it."""
    token = held.token
    return Token(held.id, token.kind, token.label, token.created, token.expires, held.used, token.scopes)


def shown_once(call: Call, made: Credential) -> Token:
    """A token that was just made, with its secret."""
    held = call.hub.tokens.look(made.id)
    if held is None:
        raise unknown('the token was revoked already')
    shown = shown_token(held)
    shown.token = str(made)
    return shown


def check_held(call: Call, token: str, holder: str) -> None:
    """A problem unless that is the id of a token of the holder's."""
    held = call.hub.tokens.look(token) if token.isalnum() and token.isascii() and len(token) <= 64 else None
    if held is None or held.token.holder != holder:
        raise unknown('no such token')
