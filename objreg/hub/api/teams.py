"""Teams of an organisation: who is in them, and what they may do."""

from __future__ import annotations

from typing import cast, get_args

import msgspec

from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.organisations import found_organisation
from objreg.hub.api.problems import conflict, unknown
from objreg.hub.api.users import Given
from objreg.hub.organisations import GrantedRole
from objreg.hub.patterns import check_within
from objreg.hub.records import Pattern


class NewTeam(Given):
    """A team that has nobody in it, and may do nothing."""

    name: str


class Team(msgspec.Struct):
    """A team, and who is in it."""

    name: str
    members: tuple[str, ...] = ()


class TeamGrant(Given):
    """A role on the repositories of the organisation whose names match a pattern (docs/auth.md)."""

    pattern: Pattern
    role: GrantedRole


@operation('GET', '/organisations/{namespace}/teams', Needs.MEMBER)
def list_teams(call: Call, namespace: str) -> list[Team]:
    """List the teams of an organisation, and who is in them."""
    found_organisation(call, namespace)
    members = sorted(call.hub.organisations.members(namespace).items())
    return [
        Team(team, tuple(user for user, place in members if team in place.teams))
        for team in call.hub.organisations.teams(namespace)
    ]


@operation('POST', '/organisations/{namespace}/teams', Needs.OWNER, status=201)
def add_team(call: Call, namespace: str, body: NewTeam) -> Team:
    """Make a team."""
    found_organisation(call, namespace)
    organisations = call.hub.organisations
    if organisations.has_team(namespace, body.name):
        raise conflict('taken', f'{body.name} is a team already')
    organisations.remove_team(namespace, body.name)  # whatever a former one of that name may have left
    organisations.add_team(namespace, body.name, by=call.by)
    call.note('team.add', namespace, team=body.name)
    return Team(body.name)


@operation('DELETE', '/organisations/{namespace}/teams/{team}', Needs.OWNER)
def delete_team(call: Call, namespace: str, team: str) -> None:
    """End a team, and what it may do."""
    _check(call, namespace, team)
    call.hub.organisations.remove_team(namespace, team)
    call.note('team.delete', namespace, team=team)


@operation('PUT', '/organisations/{namespace}/teams/{team}/members/{user}', Needs.OWNER)
def put_team_member(call: Call, namespace: str, team: str, user: str) -> None:
    """Put a member of the organisation into a team."""
    _check(call, namespace, team)
    if not call.hub.organisations.place(namespace, user).role:
        raise conflict('no-member', f'{user} is no member of {namespace}')
    call.hub.organisations.join(namespace, user, team, by=call.by)
    call.note('team.member', namespace, team=team, user=user)


@operation('DELETE', '/organisations/{namespace}/teams/{team}/members/{user}', Needs.OWNER)
def remove_team_member(call: Call, namespace: str, team: str, user: str) -> None:
    """Take somebody out of a team, at once."""
    _check(call, namespace, team)
    if team not in call.hub.organisations.place(namespace, user).teams:
        raise unknown('he is not in that team')
    call.hub.organisations.leave(namespace, user, team)
    call.hub.denials.deny('subject', user)
    call.note('team.remove', namespace, team=team, user=user)


@operation('GET', '/organisations/{namespace}/teams/{team}/grants', Needs.MEMBER)
def list_grants(call: Call, namespace: str, team: str) -> list[TeamGrant]:
    """List what a team may do."""
    _check(call, namespace, team)
    found = [one for one in call.hub.organisations.grants(namespace) if one.team == team]
    return [msgspec.convert({'pattern': one.pattern, 'role': one.role}, TeamGrant) for one in found]


@operation('PUT', '/organisations/{namespace}/teams/{team}/grants', Needs.OWNER)
def put_grant(call: Call, namespace: str, team: str, body: TeamGrant) -> TeamGrant:
    """Let a team have a role on names that match a pattern; it replaces the role that it had on that pattern."""
    _check(call, namespace, team)
    pattern, organisations = check_within(body.pattern, namespace), call.hub.organisations
    organisations.grant(namespace, team, body.role, pattern, by=call.by)
    for role in set(get_args(GrantedRole)) - {body.role}:
        organisations.revoke(namespace, team, role, pattern)
    call.note('team.grant', namespace, team=team, role=body.role, pattern=pattern)
    return body


@operation('DELETE', '/organisations/{namespace}/teams/{team}/grants', Needs.OWNER)
def delete_grant(call: Call, namespace: str, team: str, pattern: Pattern = '') -> None:
    """Take away what a team may do by a pattern; access tokens that were given for it expire within minutes."""
    _check(call, namespace, team)
    found = [one for one in call.hub.organisations.grants(namespace) if (one.team, one.pattern) == (team, pattern)]
    if not found:
        raise unknown('the team has no grant by that pattern')
    for one in found:
        call.hub.organisations.revoke(namespace, team, cast(GrantedRole, one.role), pattern)
    call.note('team.revoke', namespace, team=team, pattern=pattern)


def _check(call: Call, namespace: str, team: str) -> None:
    found_organisation(call, namespace)
    if not call.hub.organisations.has_team(namespace, team):
        raise unknown('there is no team of that name')
