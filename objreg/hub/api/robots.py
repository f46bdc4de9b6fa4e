"""Robots: accounts for programs, each of a namespace, that log in as ``acme+deploy`` by tokens of theirs."""

from __future__ import annotations

import secrets
from typing import Annotated

import msgspec
from msgspec import Meta

from objreg.hub import keys, names, records
from objreg.hub.api.call import Call
from objreg.hub.api.namespaces import account_of
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import conflict, unknown
from objreg.hub.api.users import Given, Token, check_held, shown_once, shown_token
from objreg.hub.endings import end_robot, end_trusts
from objreg.hub.patterns import check_within
from objreg.store import Exists

Scopes = Annotated[tuple[records.Scope, ...], Meta(min_length=1, max_length=20)]


class NewRobot(Given):
    """`scopes` are all that it may do; their patterns are within the namespace."""

    name: str
    scopes: Scopes
    description: Annotated[str, Meta(max_length=500)] = ''


class Robot(msgspec.Struct):
    """A robot; `login` is the name that its tokens are given with."""

    name: str
    login: str
    scopes: tuple[records.Scope, ...]
    created: int
    by: str
    description: str


class NewRobotToken(Given):
    """`days` 0: it does not expire."""

    label: Annotated[str, Meta(max_length=100)] = ''
    days: Annotated[int, Meta(ge=0, le=3650)] = 90


@operation('GET', '/namespaces/{namespace}/robots', Needs.OWNER)
def list_robots(call: Call, namespace: str) -> list[Robot]:
    """List the robots of a namespace."""
    prefix = keys.robots(namespace)
    listed = [entry.key.removeprefix(prefix) for entry in call.hub.store.list(prefix)]
    read = [(name, records.find(call.hub.store, keys.robot(namespace, name), records.Robot)) for name in listed]
    return [_shown(namespace, name, robot) for name, robot in read if robot is not None]


@operation('POST', '/namespaces/{namespace}/robots', Needs.OWNER, status=201)
def add_robot(call: Call, namespace: str, body: NewRobot) -> Robot:
    """Make a robot; it needs a token to log in."""
    account_of(call, namespace)
    names.check_part(body.name)
    for scope in body.scopes:
        for pattern in scope.repositories:
            check_within(pattern, namespace)
    made = records.Robot(body.scopes, int(call.now), call.by, body.description, secrets.token_hex(16))
    if records.find(call.hub.store, keys.robot(namespace, body.name), records.Robot) is None:
        end_trusts(call.hub, namespace, body.name)  # whatever a former one of that name may have left
    try:
        call.hub.store.put(keys.robot(namespace, body.name), made.dump(), if_absent=True)
    except Exists as error:
        raise conflict('taken', f'{body.name} is a robot already') from error
    call.note('robot.add', namespace, robot=body.name)
    return _shown(namespace, body.name, made)


@operation('GET', '/namespaces/{namespace}/robots/{robot}', Needs.OWNER)
def show_robot(call: Call, namespace: str, robot: str) -> Robot:
    """Show a robot."""
    return _shown(namespace, robot, found_robot(call, namespace, robot))


@operation('DELETE', '/namespaces/{namespace}/robots/{robot}', Needs.OWNER)
def delete_robot(call: Call, namespace: str, robot: str) -> None:
    """End a robot and its tokens, at once."""
    found_robot(call, namespace, robot)
    end_robot(call.hub, namespace, robot)
    call.note('robot.delete', namespace, robot=robot)


@operation('GET', '/namespaces/{namespace}/robots/{robot}/tokens', Needs.OWNER)
def list_robot_tokens(call: Call, namespace: str, robot: str) -> list[Token]:
    """List the tokens of a robot, without their secrets."""
    found_robot(call, namespace, robot)
    return [shown_token(held) for held in call.hub.tokens.held_by(names.robot(namespace, robot))]


@operation('POST', '/namespaces/{namespace}/robots/{robot}/tokens', Needs.OWNER, status=201)
def add_robot_token(call: Call, namespace: str, robot: str, body: NewRobotToken) -> Token:
    """Make a token for a robot; its secret is in the answer, and is never shown again."""
    _, account = account_of(call, namespace)
    found, login = found_robot(call, namespace, robot), names.robot(namespace, robot)
    made = call.hub.tokens.issue(
        'robot', login, account, seconds=body.days * 86400, label=body.label, service=found.id
    )
    call.note('robot.token', namespace, robot=robot, token=made.id, label=body.label)
    return shown_once(call, made)


@operation('DELETE', '/namespaces/{namespace}/robots/{robot}/tokens/{token}', Needs.OWNER)
def revoke_robot_token(call: Call, namespace: str, robot: str, token: str) -> None:
    """Revoke a token of a robot, at once."""
    login = names.robot(namespace, robot)
    check_held(call, token, login)
    call.hub.tokens.revoke(token, login)
    call.hub.denials.deny('credential', token)
    call.note('robot.revoke', namespace, robot=robot, token=token)


def found_robot(call: Call, namespace: str, robot: str) -> records.Robot:
    """A robot; a problem where there is none."""
    found = records.find(call.hub.store, keys.robot(namespace, robot), records.Robot)
    if found is None:
        raise unknown('there is no robot of that name')
    return found


def _shown(namespace: str, name: str, robot: records.Robot) -> Robot:
    login = names.robot(namespace, name)
    return Robot(name, login, robot.scopes, robot.created, robot.by, robot.description)
