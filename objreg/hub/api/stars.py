"""Stars: who likes which repository."""

from __future__ import annotations

import msgspec

from objreg.hub import catalog, names
from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import forbidden, unauthenticated, unknown
from objreg.hub.api.users import found_user


class Starred(msgspec.Struct):
    """How many like a repository, and whether who asks does."""

    stars: int
    mine: bool


@operation('GET', '/repositories/{repository}/_star', Needs.READER)
def show_star(call: Call, repository: str) -> Starred:
    """Show how many like a repository, and whether who asks does."""
    return _shown(call, repository)


@operation('PUT', '/repositories/{repository}/_star', Needs.READER)
def add_star(call: Call, repository: str) -> Starred:
    """Like a repository."""
    user = _person(call)
    if not catalog.has(call.hub.store, repository):
        raise unknown('no such repository')
    call.hub.stars.add(repository, user)
    return _shown(call, repository)


@operation('DELETE', '/repositories/{repository}/_star', Needs.READER)
def remove_star(call: Call, repository: str) -> None:
    """Like it no more."""
    call.hub.stars.remove(repository, _person(call))


@operation('GET', '/users/{user}/stars', Needs.SELF)
def list_stars(call: Call, user: str) -> list[str]:
    """List what somebody likes, of what who asks may see."""
    found_user(call, user)
    stars, authority = call.hub.stars, call.hub.authority
    return [
        name for name in stars.of(user)
        if stars.has(name, user) and (call.is_operator or authority.may(call.identity, 'pull', name))
    ]


def _person(call: Call) -> str:
    """Who asks, if it is a person who may do all that he may."""
    if not call.identity.name:
        raise unauthenticated()
    if call.identity.scopes is not None or names.ROBOT in call.identity.name:
        raise forbidden('only people like something')
    return call.identity.name


def _shown(call: Call, repository: str) -> Starred:
    name = call.identity.name
    return Starred(call.hub.stars.count(repository), bool(name) and call.hub.stars.has(repository, name))
