"""What only administrators see: all accounts, and the keys that sign tokens."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.names import canonical

Limit = Annotated[int, Meta(ge=1, le=500)]


class AccountShown(msgspec.Struct):
    """An account, as administrators see it in lists; `by` made it."""

    name: str
    kind: str
    created: int
    by: str


class AccountPage(msgspec.Struct):
    """Some of them; `next` is the ``after`` of the next page, '' where there is none.  It may have fewer than asked."""

    items: list[AccountShown]
    next: str


class Key(msgspec.Struct):
    """A key that signs tokens, or did; `signs`: new ones."""

    id: str
    created: int
    algorithm: str
    signs: bool


@operation('GET', '/users', Needs.ADMINISTRATOR)
def list_users(call: Call, after: str = '', limit: Limit = 100) -> AccountPage:
    """List the users of the hub."""
    return _page(call, ('user',), after, limit)


@operation('GET', '/accounts', Needs.ADMINISTRATOR)
def list_accounts(
    call: Call, kind: Literal['all', 'user', 'organisation', 'deleted'] = 'all', after: str = '', limit: Limit = 100
) -> AccountPage:
    """List all names that are taken, those of deleted accounts too."""
    return _page(call, ('user', 'organisation', 'deleted') if kind == 'all' else (kind,), after, limit)


@operation('GET', '/keys', Needs.ADMINISTRATOR)
def list_keys(call: Call) -> list[Key]:
    """List the keys that sign tokens, and those whose last tokens have not expired yet."""
    return [Key(*one) for one in call.hub.signing.described()]


@operation('POST', '/keys/rotate', Needs.ADMINISTRATOR)
def rotate_keys(call: Call) -> Key:
    """Sign by a new key from now on, and take all others away: every access token is void, and clients fetch new ones.

    For a key that may have been seen.  Keys take turns by themselves otherwise.
    """
    made = call.hub.signing.rotate()
    call.note('keys.rotate', made)
    return next(Key(*one) for one in call.hub.signing.described() if one.id == made)


def _page(call: Call, kinds: tuple[str, ...], after: str, limit: int) -> AccountPage:
    found, last = call.hub.accounts.page(canonical(after), limit)
    shown = [AccountShown(one.name, one.kind, one.created, one.by) for one in found if one.kind in kinds]
    return AccountPage(shown, last)
