"""The account of somebody whom a provider has just named: found by his link, or made.

Of somebody new first the link is claimed, with the id that his account is to have, then the account is made by that id.
Whoever stops in between, or comes at the same time on another node, goes on from the link.  A name that is somebody's
is not given, whatever the provider says; the link that may be left by a race for the name leads to nobody.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from objreg.hub import names
from objreg.hub.accounts import Accounts
from objreg.hub.claims import Taken
from objreg.hub.records import Account, Profile
from objreg.hub.sso.links import Link, Links
from objreg.hub.sso.person import LoginRefused, Person


class Entrance:
    """Into one hub."""

    def __init__(self, accounts: Accounts, links: Links, *, now: Callable[[], float] = time.time) -> None:
        self._accounts = accounts
        self._links = links
        self._now = now

    def account(self, person: Person, *, create: bool) -> tuple[Account, bool]:
        """His account, and whether it was just made; `create`: a new one may be.  Raises `LoginRefused`."""
        link = self._links.find(person.issuer, person.subject)
        if link is None:
            link = self._claimed(person, create=create)
        account = self._accounts.kept(link.user)
        is_new = account is None
        if account is None:
            account = self._made(link, person)
        if account.id != link.account:  # it took the name before the account of the link was made
            raise _taken(person)
        if account.kind != 'user':
            raise LoginRefused('gone', f'the account {account.name} was deleted. {_ask(person)}')
        self._refresh(account, person)
        return account, is_new

    def _claimed(self, person: Person, *, create: bool) -> Link:
        """A link to an account that is about to be made, or the one that another node has just written."""
        if not create:
            raise LoginRefused('no-account', f'you have no account here. {_ask(person)}')
        name = _name(person)
        if self._accounts.kept(name) is not None:
            other = self._links.find(person.issuer, person.subject)
            if other is None:
                raise _taken(person)
            return other  # another node has let him in since it was looked
        link = Link(
            person.kind, person.provider, person.issuer, person.subject, name, secrets.token_hex(16),
            int(self._now()), by=name,
        )
        try:
            self._links.claim(link)
        except Taken:
            other = self._links.find(person.issuer, person.subject)
            if other is None:  # an administrator has just taken it away
                raise LoginRefused('busy', 'somebody is changing your account at this moment: try again') from None
            return other
        return link

    def _made(self, link: Link, person: Person) -> Account:
        self._links.show(link)
        try:
            return self._accounts.create(link.user, 'user', id=link.account, by=f'{link.provider} (login)')
        except Taken:
            account = self._accounts.kept(link.user)
            if account is None:
                raise _taken(person) from None
            return account  # another node may have made it, by the same link

    def _refresh(self, account: Account, person: Person) -> None:
        """What the provider knows of him, where it is something else."""
        before = self._accounts.profile(account.name)
        after = Profile(person.email or before.email, person.full_name or before.full_name)
        if after != before:
            self._accounts.set_profile(account.name, after)


def _name(person: Person) -> str:
    """The name that he is to have here: in ASCII, so that nobody is taken for another one (CVE-2019-19844's class)."""
    name = person.name.lower() if person.name.isascii() else person.name
    try:
        return names.check_account(name)
    except names.NameRefused as error:
        raise LoginRefused('name', f'{person.name[:100]!r} cannot be a name here: {error}. {_ask(person)}') from error


def _taken(person: Person) -> LoginRefused:
    name = person.name.lower()
    return LoginRefused(
        'taken', f'the name {name} is somebody else\'s here, or was, and is not given to you by your name alone. '
        f'{_ask(person)}'
    )


def _ask(person: Person) -> str:
    return (
        'An administrator can give you an account that is there: '
        f'objreg user link NAME {person.provider} {_quoted(person.subject)}'
    )


def _quoted(text: str) -> str:
    return text if all(one.isalnum() or one in '-_.@:+' for one in text) else "'" + text.replace("'", "'\\''") + "'"
