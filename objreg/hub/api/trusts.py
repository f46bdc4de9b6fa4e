"""Trusts: which jobs of other services may act as a robot, without a secret of their own."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from objreg.hub import names
from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import bad_request, unknown
from objreg.hub.api.robots import found_robot
from objreg.hub.workload import Trust

_MOST = 20
"""Of a robot: each is compared at a login."""


class NewTrust(msgspec.Struct, forbid_unknown_fields=True):
    """`issuer` is a name in the operator's file; all of `claims` must be in the JWT; ``*`` stands for anything."""

    issuer: Annotated[str, Meta(max_length=100)]
    claims: dict[str, str]


class ShownTrust(msgspec.Struct):
    """A trust."""

    id: str
    issuer: str
    claims: dict[str, str]


@operation('GET', '/namespaces/{namespace}/robots/{robot}/trusts', Needs.OWNER)
def list_trusts(call: Call, namespace: str, robot: str) -> list[ShownTrust]:
    """List the jobs that may act as a robot."""
    found_robot(call, namespace, robot)
    found = call.hub.trusts.of(namespace, robot)
    return [ShownTrust(id, trust.issuer, trust.claims) for id, trust in sorted(found.items())]


@operation('POST', '/namespaces/{namespace}/robots/{robot}/trusts', Needs.OWNER, status=201)
def add_trust(call: Call, namespace: str, robot: str, body: NewTrust) -> ShownTrust:
    """Let jobs act as a robot."""
    found_robot(call, namespace, robot)
    if body.issuer not in call.hub.trusts.issuers:
        raise bad_request('issuer: no such service is believed here; the operator names them in the file `issuers`')
    if len(call.hub.trusts.of(namespace, robot)) >= _MOST:
        raise bad_request(f'a robot has {_MOST} trusts at most')
    try:
        trust = msgspec.convert({'issuer': body.issuer, 'claims': body.claims}, Trust)
    except msgspec.ValidationError as error:
        raise bad_request(str(error)) from error
    id = call.hub.trusts.add(namespace, robot, trust)
    call.note('robot.trust', namespace, robot=robot, trust=id, issuer=trust.issuer, claims=trust.claims)
    return ShownTrust(id, trust.issuer, trust.claims)


@operation('DELETE', '/namespaces/{namespace}/robots/{robot}/trusts/{trust}', Needs.OWNER)
def remove_trust(call: Call, namespace: str, robot: str, trust: str) -> None:
    """Let those jobs act as it no more, at once."""
    found_robot(call, namespace, robot)
    if trust not in call.hub.trusts.of(namespace, robot):
        raise unknown('there is no such trust')
    call.hub.trusts.remove(namespace, robot, trust)
    call.hub.denials.deny('credential', f'trust-{trust}')
    call.note('robot.distrust', namespace, robot=names.robot(namespace, robot), trust=trust)
