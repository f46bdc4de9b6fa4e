"""How somebody comes in by himself: signing up, invitations, and a new password by a code."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from objreg.hub import names
from objreg.hub.accounts import Taken, check_password
from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import forbidden, unknown
from objreg.hub.api.users import FullName, Given, Secret, User, found_user, shown_user
from objreg.hub.codes import DAY, Outstanding
from objreg.hub.mailboxes import check_address
from objreg.hub.records import Account, Code, Email, Profile

CodeText = Annotated[str, Meta(max_length=100)]


class Signup(Given):
    """Who he wants to be; `invitation` is the code that he was sent.

    Where anybody signs up and mail is sent, `email` is needed, and without an invitation nobody logs in before he
    followed the link that goes there.
    """

    name: str
    password: Secret
    email: Email = ''
    full_name: FullName = ''
    invitation: CodeText = ''


class NewInvitation(Given):
    """`email` says whom it is for; `mail`: send it there."""

    email: Email = ''
    mail: bool = False
    days: Annotated[int, Meta(ge=1, le=90)] = 7


class Invitation(msgspec.Struct):
    """An invitation that was not used yet.  `code` is the secret itself, and shown once; not if it was `mailed`."""

    id: str
    email: str
    expires: int
    code: str | None = None
    mailed: bool = False


class NewResetCode(Given):
    """How long it can be used."""

    hours: Annotated[int, Meta(ge=1, le=168)] = 24


class ResetCode(msgspec.Struct):
    """A code that lets somebody set a new password, once."""

    user: str
    code: str
    expires: int


class Reset(Given):
    """The code, and the new password."""

    code: CodeText
    new: Secret


@operation('POST', '/signup', Needs.NOTHING, status=201)
def sign_up(call: Call, body: Signup) -> User:
    """Make an account for oneself, where the hub lets anybody, or whoever was invited, do so."""
    kind = call.hub.settings.signup
    if kind == 'closed':
        raise forbidden('nobody signs up here by himself: ask an administrator for an account')
    if kind == 'invitation' and not body.invitation:
        raise forbidden('an invitation is needed: ask an administrator for one')
    names.check_account(body.name)
    check_password(body.password, body.name)
    if call.hub.mail.is_on and (body.email or not body.invitation):
        check_address(body.email)
        call.hub.mail.admit(call.address)
    account, code = _invited(call, body) if body.invitation else (_created(call, body.name), None)
    email = body.email or (code.email if code else '')
    call.hub.accounts.set_profile(account.name, Profile('', body.full_name))
    if code is None and call.hub.mail.is_on:
        call.hub.accounts.set_password_for_later(account.name, body.password)
    else:
        call.hub.accounts.set_password(account.name, body.password)
    call.hub.mail.set_first_address(account, email, is_proved=bool(code and code.mailed and code.email == email))
    call.hub.audit.write('user.signup', account.name, by=account.name, address=call.address)
    return shown_user(call, account)


@operation('POST', '/invitations', Needs.ADMINISTRATOR, status=201)
def add_invitation(call: Call, body: NewInvitation) -> Invitation:
    """Make an invitation; its code is in the answer, is never shown again, and lets one person sign up."""
    if body.mail:
        check_address(body.email)
    made, expires = call.hub.codes.issue('invitation', seconds=body.days * DAY, email=body.email)
    is_mailed = body.mail and call.hub.mail.invite(body.email, str(made), body.days)
    if is_mailed:
        call.hub.codes.note_mailed(made)
    call.note('invitation.add', made.id, email=body.email, mailed=is_mailed)
    return Invitation(made.id, body.email, expires, None if is_mailed else str(made), is_mailed)


@operation('GET', '/invitations', Needs.ADMINISTRATOR)
def list_invitations(call: Call) -> list[Invitation]:
    """List the invitations that nobody used yet, without their codes."""
    return [
        Invitation(one.id, one.code.email, one.code.expires, mailed=one.code.mailed) for one in _outstanding(call)
    ]


@operation('DELETE', '/invitations/{invitation}', Needs.ADMINISTRATOR)
def withdraw_invitation(call: Call, invitation: str) -> None:
    """Take an invitation back."""
    if invitation not in (one.id for one in _outstanding(call)):
        raise unknown('there is no such invitation')
    call.hub.codes.use(invitation, by=call.by)
    call.note('invitation.withdraw', invitation)


@operation('POST', '/users/{user}/reset-code', Needs.ADMINISTRATOR, status=201)
def add_reset_code(call: Call, user: str, body: NewResetCode) -> ResetCode:
    """Make a code that lets somebody set a new password without the old one, once."""
    found_user(call, user)
    call.hub.accounts.check_settable(user)
    epoch = call.hub.accounts.epoch(user)
    made, expires = call.hub.codes.issue('password', seconds=body.hours * 3600, account=user, epoch=epoch)
    call.note('user.reset-code', user)
    return ResetCode(user, str(made), expires)


@operation('POST', '/password-reset', Needs.NOTHING)
def reset_password(call: Call, body: Reset) -> None:
    """Set a new password by a code; clients that were logged in by the old one are logged out."""
    id, code = call.hub.codes.find(body.code, 'password')
    user = found_user(call, code.account).name
    call.hub.mail.check(code)
    check_password(body.new, user)
    call.hub.accounts.check_settable(user)
    call.hub.codes.use(id, by=user)
    call.hub.accounts.set_password(user, body.new)
    call.hub.tokens.revoke_all(user, ('refresh',))
    call.hub.denials.deny('subject', user)
    call.hub.audit.write('user.password', user, by=user, address=call.address, reset=True)


def _invited(call: Call, body: Signup) -> tuple[Account, Code]:
    """The account of somebody whose code is good, and what was known of the code."""
    id, code = call.hub.codes.find(body.invitation, 'invitation')
    if call.hub.accounts.find(body.name) is not None:  # before the code is used up for nothing
        raise Taken(body.name)
    call.hub.codes.use(id, by=body.name)
    try:
        return _created(call, body.name), code
    except Exception:
        call.hub.codes.give_back(id)
        raise


def _created(call: Call, name: str) -> Account:
    return call.hub.accounts.create(name, 'user', by=name)


def _outstanding(call: Call) -> list[Outstanding]:
    return call.hub.codes.outstanding('invitation')
