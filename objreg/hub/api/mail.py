"""What comes and goes by mail: links for new passwords, and addresses that are proved."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import conflict
from objreg.hub.api.signup import CodeText
from objreg.hub.api.users import Given, found_user


class Forgotten(Given):
    """The name, or the address, of somebody who forgot his password."""

    login: Annotated[str, Meta(min_length=1, max_length=254)]


class Proof(Given):
    """The code that was sent to the address."""

    code: CodeText


class Proved(msgspec.Struct):
    """Whose address it is from now on."""

    user: str
    email: str


@operation('POST', '/password-reset-mail', Needs.NOTHING)
def mail_reset_code(call: Call, body: Forgotten) -> None:
    """Send a link for a new password to the address that somebody proved.

    The answer is the same, and takes the same time, whether there is such an account or address or not.
    """
    _check_on(call)
    call.hub.mail.admit(call.address)
    call.hub.mail.ask_for_reset(body.login)


@operation('POST', '/address-proof', Needs.NOTHING)
def prove_address(call: Call, body: Proof) -> Proved:
    """Show that an address is one's own, by the code that was sent there."""
    account, email = call.hub.mail.prove(body.code)
    call.hub.audit.write('user.address', account.name, by=account.name, address=call.address)
    return Proved(account.name, email)


@operation('POST', '/users/{user}/address-mail', Needs.SELF)
def mail_address_code(call: Call, user: str) -> None:
    """Send the link once more by which somebody proves his address."""
    _check_on(call)
    found_user(call, user)
    if not call.is_administrator:
        call.hub.mail.admit(call.address)
    call.hub.mail.ask_for_proof(user)


def _check_on(call: Call) -> None:
    if not call.hub.mail.is_on:
        raise conflict('no-mail', 'this hub sends no mail: ask an administrator')
