"""Organisations: making, showing and ending them, and their members."""

from __future__ import annotations

import msgspec

from objreg.hub.api.call import Call
from objreg.hub.api.kept import Repositories, refuse_with_repositories
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import bad_request, conflict, forbidden, unknown
from objreg.hub.api.users import FullName, Given, found_user
from objreg.hub.endings import end_organisation
from objreg.hub.organisations import MemberRole
from objreg.hub.records import Account, Profile


class NewOrganisation(Given):
    """`owner` is whoever asks, unless an administrator says another user."""

    name: str
    full_name: FullName = ''
    owner: str = ''


class Organisation(msgspec.Struct):
    """An organisation; `role` is what who asks is there: ``owner``, ``member``, or nothing."""

    name: str
    full_name: str
    created: int
    role: str


class ChangeOfOrganisation(Given):
    """What is said is changed.  A name never is."""

    full_name: FullName | None = None
    name: str | None = None


class Member(msgspec.Struct):
    """Somebody in an organisation, and the teams that he is in."""

    user: str
    role: str
    teams: tuple[str, ...]


class Membership(Given):
    """What somebody is to be."""

    role: MemberRole


@operation('POST', '/organisations', Needs.ACCOUNT, status=201)
def add_organisation(call: Call, body: NewOrganisation) -> Organisation:
    """Make an organisation, owned by who makes it."""
    owner = body.owner or call.identity.name
    if not owner:
        raise bad_request('owner: say who owns it')
    if owner != call.identity.name:
        if not call.is_administrator:
            raise forbidden('an organisation for somebody else is for administrators to make')
        found_user(call, owner)
    account = call.hub.founder.found(body.name, owner, by=call.by, now=call.now)
    if body.full_name:
        call.hub.accounts.set_profile(account.name, Profile(full_name=body.full_name))
    call.note('organisation.add', account.name, owner=owner)
    return _shown(call, account)


@operation('GET', '/organisations', Needs.ACCOUNT)
def list_organisations(call: Call) -> list[Organisation]:
    """List the organisations that who asks is in."""
    user = call.identity.name
    call.hub.founder.resume_all(user, now=call.now)
    found = [call.hub.accounts.find(name) for name in call.hub.organisations.of(user)]
    shown = [_shown(call, account) for account in found if account is not None and account.kind == 'organisation']
    return [one for one in shown if one.role]


@operation('GET', '/organisations/{namespace}', Needs.ACCOUNT)
def show_organisation(call: Call, namespace: str) -> Organisation:
    """Show an organisation."""
    return _shown(call, found_organisation(call, namespace))


@operation('PATCH', '/organisations/{namespace}', Needs.OWNER)
def change_organisation(call: Call, namespace: str, body: ChangeOfOrganisation) -> Organisation:
    """Change what an organisation is called beside its name."""
    account = found_organisation(call, namespace)
    if body.name is not None and body.name != namespace:
        raise conflict(
            'renaming', 'an organisation keeps its name, since images are pulled by it: make a new organisation, copy '
            'the images there, and delete this one'
        )
    if body.full_name is not None:
        call.hub.accounts.set_profile(namespace, Profile(full_name=body.full_name))
        call.note('organisation.change', namespace)
    return _shown(call, account)


@operation('DELETE', '/organisations/{namespace}', Needs.OWNER)
def delete_organisation(call: Call, namespace: str, repositories: Repositories = 'refuse') -> None:
    """End an organisation, its teams and robots; its name stays taken, for ever.

    Refused while it has repositories, unless they are to be kept: then they are the administrators'.
    """
    account = found_organisation(call, namespace)
    refuse_with_repositories(call, namespace, repositories)
    end_organisation(call.hub, account)
    call.note('organisation.delete', namespace, repositories=repositories)


@operation('GET', '/organisations/{namespace}/members', Needs.MEMBER)
def list_members(call: Call, namespace: str) -> list[Member]:
    """List the members of an organisation, and the teams that they are in."""
    found_organisation(call, namespace)
    found = call.hub.organisations.members(namespace)
    return [Member(user, place.role, tuple(sorted(place.teams))) for user, place in sorted(found.items())]


@operation('PUT', '/organisations/{namespace}/members/{user}', Needs.OWNER)
def put_member(call: Call, namespace: str, user: str, body: Membership) -> Member:
    """Make somebody a member or an owner of an organisation; its last owner stays one."""
    found_organisation(call, namespace)
    found_user(call, user)
    before = call.hub.organisations.place(namespace, user)
    call.hub.organisations.add(namespace, user, body.role, by=call.by)
    if before.role == 'owner' and body.role != 'owner':
        call.hub.denials.deny('subject', user)
    call.note('organisation.member', namespace, user=user, role=body.role)
    return Member(user, body.role, tuple(sorted(before.teams)))


@operation('DELETE', '/organisations/{namespace}/members/{user}', Needs.OWNER)
def remove_member(call: Call, namespace: str, user: str) -> None:
    """Let somebody be nothing in an organisation any more, at once; its last owner stays.

    Of two owners who remove each other at the same time, one stays at least.
    """
    found_organisation(call, namespace)
    if not call.hub.organisations.place(namespace, user).role:
        raise unknown('he is no member')
    call.hub.organisations.remove(namespace, user, by=call.by)
    call.hub.denials.deny('subject', user)
    call.note('organisation.remove', namespace, user=user)


def found_organisation(call: Call, namespace: str) -> Account:
    """The account of an organisation; a problem where there is none."""
    account = call.hub.accounts.find(namespace)
    if account is None or account.kind != 'organisation':
        raise unknown('there is no organisation of that name')
    return account


def _shown(call: Call, account: Account) -> Organisation:
    profile = call.hub.accounts.profile(account.name)
    user = call.identity.name
    role = call.hub.organisations.place(account.name, user).role if user else ''
    return Organisation(account.name, profile.full_name, account.created, role)
