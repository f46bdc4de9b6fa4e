"""How the hub gets its first administrator."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.users import Given, Secret, User, shown_user


class NewFirst(Given):
    """Who he wants to be, and the code that the server showed when it started."""

    code: Annotated[str, Meta(max_length=500)]
    name: str
    password: Secret


@operation('POST', '/first-administrator', Needs.NOTHING, status=201)
def make_first_administrator(call: Call, body: NewFirst) -> User:
    """Make the first administrator of a hub that never had one; may be repeated until there is one."""
    account = call.hub.first.make(body.code, body.name, body.password)
    call.hub.audit.write('user.first', account.name, by=account.name, address=call.address)
    return shown_user(call, account)
