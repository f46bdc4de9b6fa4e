"""Single sign-on: by which providers people log in, and who is whose account."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import conflict, unknown
from objreg.hub.api.users import Given, found_user
from objreg.hub.claims import Taken
from objreg.hub.sso import links
from objreg.hub.sso.flow import PREFIX
from objreg.hub.sso.logins import AnyLogin, OidcLogin, issuer_of
from objreg.hub.sso.person import LONGEST_SUBJECT

Subject = Annotated[str, Meta(min_length=1, max_length=LONGEST_SUBJECT)]


class Login(msgspec.Struct):
    """A provider: `path` is where a browser logs in by it; '' where that is by name and password."""

    name: str
    kind: str
    title: str
    path: str


class NewLink(Given):
    """Whom a provider means by a subject, which is its own id of somebody, and never his name or his address."""

    provider: str
    subject: Subject


class Link(msgspec.Struct):
    """By what somebody logs in; `seen`: when he did so last, 0 never."""

    provider: str
    kind: str
    issuer: str
    subject: str
    created: int
    by: str
    seen: int


@operation('GET', '/logins', Needs.NOTHING)
def list_logins(call: Call) -> list[Login]:
    """List the providers by which people log in."""
    return [
        Login(one.name, _kind(one), one.settings.title or one.name, _path(one)) for one in call.hub.logins
    ]


@operation('GET', '/users/{user}/links', Needs.SELF)
def list_links(call: Call, user: str) -> list[Link]:
    """List by what somebody logs in, beside a password that he may have."""
    found_user(call, user)
    return [_shown(found) for found in call.hub.links.with_times(user)]


@operation('POST', '/users/{user}/links', Needs.ADMINISTRATOR, status=201)
def add_link(call: Call, user: str, body: NewLink) -> Link:
    """Let whom a provider means by a subject log in to an account that is there.

    A subject is linked to one account.  One whose account was deleted, or never came to be, can be linked again.  By
    a directory (LDAP) he has no password here any more.
    """
    account = found_user(call, user)
    login = call.hub.logins.find(body.provider)
    if login is None:
        raise unknown('there is no provider of that name')
    made = links.made(
        _kind(login), login.name, issuer_of(login), body.subject, account, at=call.now, by=call.by
    )
    before = call.hub.links.find(made.issuer, made.subject)
    if before is not None and before.account != account.id:
        if call.hub.accounts.exists(before.user, before.account):
            raise conflict('taken', f'that subject is {before.user}\'s: objreg user unlink it there first')
        if call.hub.accounts.kept(before.user) is None:
            raise conflict('busy', f'somebody is logging in as {before.user} for the first time at this moment')
        call.hub.links.replace(made)
    elif before is None:
        try:
            call.hub.links.claim(made)
        except Taken as error:
            raise conflict('busy', 'somebody else is linking that subject at this moment') from error
    call.hub.links.show(made)
    if made.kind == 'ldap':  # a second password would be one that the directory does not know of
        call.hub.accounts.drop_password(user)
        call.hub.tokens.revoke_all(user, ('refresh',))
    call.note('user.link', user, provider=login.name, subject=body.subject)
    return _shown(links.Found(made, 0))


@operation('DELETE', '/users/{user}/links', Needs.ADMINISTRATOR)
def remove_link(call: Call, user: str, provider: str = '', subject: str = '') -> None:
    """Let somebody log in by a provider no more, at once; what its groups gave him goes.

    `subject` is needed where he logs in by several of them.
    """
    found = [one for one in call.hub.links.of(user) if one.provider == provider and subject in ('', one.subject)]
    if not found:
        raise unknown('he does not log in by that')
    if len(found) > 1:
        raise conflict('several', 'there are several: say which subject')
    call.hub.links.remove(found[0])
    call.hub.groups.forget(user, provider)
    call.hub.accounts.end_sessions(user)
    call.hub.denials.deny('subject', user)
    call.note('user.unlink', user, provider=provider, subject=found[0].subject)


def _kind(login: AnyLogin) -> links.LinkKind:
    return 'oidc' if isinstance(login, OidcLogin) else 'ldap'


def _path(login: AnyLogin) -> str:
    return f'{PREFIX}{login.name}' if isinstance(login, OidcLogin) else ''


def _shown(found: links.Found) -> Link:
    link = found.link
    return Link(link.provider, link.kind, link.issuer, link.subject, link.at, link.by, found.seen)
