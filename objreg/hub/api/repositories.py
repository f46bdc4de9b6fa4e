"""Repositories: which there are, who sees them, and who works on them beside their owners."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from objreg.hub import catalog, names, policy
from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import unknown
from objreg.hub.api.users import Given, found_user
from objreg.hub.policy import Role, Subject, Visibility

Limit = Annotated[int, Meta(ge=1, le=200)]
_LOOK = 200
"""Names that are looked at for a page, whether they may be seen or not: each costs up to two reads."""


class Repository(msgspec.Struct):
    """A repository; `role` is that of who asks, as far as his token leaves it."""

    name: str
    visibility: Visibility
    role: Literal['none', 'read', 'write', 'admin']


class RepositoryPage(msgspec.Struct):
    """Some of them; `next` is the ``after`` of the next page, '' where there is none.  It may have fewer than asked."""

    items: list[Repository]
    next: str


class ChangeOfRepository(Given):
    """Who sees it."""

    visibility: Visibility


class Collaboration(Given):
    """What somebody may do with one repository."""

    role: Literal['read', 'write', 'admin']


class Collaborator(msgspec.Struct):
    """Somebody who may do something with one repository."""

    user: str
    role: str


@operation('GET', '/repositories', Needs.NOTHING)
def list_all_repositories(call: Call, after: str = '', limit: Limit = 100) -> RepositoryPage:
    """List the repositories that who asks may pull from."""
    return _page(call, '', after, limit)


@operation('GET', '/namespaces/{namespace}/repositories', Needs.NOTHING)
def list_repositories(call: Call, namespace: str, after: str = '', limit: Limit = 100) -> RepositoryPage:
    """List those of a namespace that who asks may pull from."""
    return _page(call, namespace, after, limit)


@operation('GET', '/repositories/{repository}', Needs.READER)
def show_repository(call: Call, repository: str) -> Repository:
    """Show who sees a repository, and what who asks may do with it."""
    _check(call, repository)
    return _shown(call, _Subjects(call), repository)


@operation('PATCH', '/repositories/{repository}', Needs.REPOSITORY)
def change_repository(call: Call, repository: str, body: ChangeOfRepository) -> Repository:
    """Change who sees a repository; access tokens that were given before expire within minutes."""
    _check(call, repository)
    call.hub.show_repository(repository, body.visibility, by=call.by, address=call.address)
    return _shown(call, _Subjects(call), repository)


@operation('GET', '/repositories/{repository}/_collaborators', Needs.REPOSITORY)
def list_collaborators(call: Call, repository: str) -> list[Collaborator]:
    """List who may do what with a repository beside its owners and their teams."""
    found = call.hub.repositories.collaborators(repository)
    return [Collaborator(user, role.name.lower()) for user, role in sorted(found.items())]


@operation('PUT', '/repositories/{repository}/_collaborators/{user}', Needs.REPOSITORY)
def put_collaborator(call: Call, repository: str, user: str, body: Collaboration) -> Collaborator:
    """Let somebody do something with a repository."""
    _check(call, repository)
    found_user(call, user)
    call.hub.repositories.invite(repository, user, body.role, by=call.by)
    call.note('repository.collaborator', repository, user=user, role=body.role)
    return Collaborator(user, body.role)


@operation('DELETE', '/repositories/{repository}/_collaborators/{user}', Needs.REPOSITORY)
def remove_collaborator(call: Call, repository: str, user: str) -> None:
    """Let somebody be a collaborator no more, at once."""
    if call.hub.repositories.collaborator(repository, user) is Role.NONE:
        raise unknown('he is no collaborator')
    call.hub.repositories.dismiss(repository, user)
    call.hub.denials.deny('subject', user)
    call.note('repository.dismiss', repository, user=user)


class _Subjects:
    """What who asks is to each namespace, gathered once."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._found: dict[str, Subject] = {}

    def of(self, namespace: str) -> Subject:
        """The subject for its repositories."""
        if self._call.is_operator:
            return Subject(self._call.by, is_administrator=True)
        if namespace not in self._found:
            self._found[namespace] = self._call.hub.authority.subject(self._call.identity, namespace)
        return self._found[namespace]


def _page(call: Call, namespace: str, after: str, limit: int) -> RepositoryPage:
    """At most so many, of the next `_LOOK` names; never a name that may not be seen, nor where it would be."""
    hub, subjects = call.hub, _Subjects(call)
    found = catalog.page(hub.store, namespace, hub.cursors.unseal(after), _LOOK)
    spaces = dict.fromkeys(names.namespace(name) for name in found.names)
    settings = dict(zip(spaces, hub.each(hub.repositories.settings, spaces), strict=True))
    of = dict(zip(spaces, hub.each(subjects.of, spaces), strict=True))

    def shown(name: str) -> Repository | None:
        space = names.namespace(name)
        seen = _as_seen(call, of[space], hub.repositories.find(name, settings=settings[space]))
        return None if seen.role == 'none' else seen

    looked = [one for one in hub.each(shown, found.names) if one is not None]
    last = looked[limit - 1].name if len(looked) > limit else found.last
    return RepositoryPage(looked[:limit], hub.cursors.seal(last))


def _shown(call: Call, subjects: _Subjects, name: str) -> Repository:
    return _as_seen(call, subjects.of(names.namespace(name)), call.hub.repositories.find(name))


def _as_seen(call: Call, subject: Subject, found: policy.Repository) -> Repository:
    role = call.hub.authority.role(subject, found)
    return msgspec.convert({'name': found.name, 'visibility': found.visibility, 'role': role.name.lower()}, Repository)


def _check(call: Call, repository: str) -> None:
    if not catalog.has(call.hub.store, repository):
        raise unknown('no such repository')
