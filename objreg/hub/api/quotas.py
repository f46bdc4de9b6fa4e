"""Quotas: how much may lie in a namespace, and how much does."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from objreg import holdings
from objreg.hub.api.call import Call
from objreg.hub.api.namespaces import account_of
from objreg.hub.api.operation import Needs, operation
from objreg.hub.quotas import Quota

Bytes = Annotated[int, Meta(ge=0, le=2**62)]


class NewQuota(msgspec.Struct, forbid_unknown_fields=True):
    """Bytes; 0: as much as there is room for."""

    limit: Bytes


class ShownQuota(msgspec.Struct):
    """`limit` is null where nothing is said of this namespace: then the registry's own configuration counts.

    `used` is what was counted at `counted` (seconds since the epoch); null where it never was, or by a registry whose
    bucket is another one.
    """

    namespace: str
    limit: int | None
    used: int | None
    counted: int | None


@operation('GET', '/namespaces/{namespace}/quota', Needs.OWNER)
def show_quota(call: Call, namespace: str) -> ShownQuota:
    """Show how much may lie in a namespace, and how much does."""
    account_of(call, namespace)
    return _shown(call, namespace, call.hub.quotas.find(namespace))


@operation('PUT', '/namespaces/{namespace}/quota', Needs.ADMINISTRATOR)
def put_quota(call: Call, namespace: str, body: NewQuota) -> ShownQuota:
    """Say how much may lie in a namespace; registries know it within a minute."""
    account_of(call, namespace)
    made = Quota(body.limit, int(call.now), call.by)
    call.hub.quotas.put(namespace, made)
    call.note('namespace.quota', namespace, limit=body.limit)
    return _shown(call, namespace, made)


@operation('DELETE', '/namespaces/{namespace}/quota', Needs.ADMINISTRATOR)
def remove_quota(call: Call, namespace: str) -> None:
    """Let the registry's own configuration say how much may lie in a namespace."""
    account_of(call, namespace)
    call.hub.quotas.remove(namespace)
    call.note('namespace.quota', namespace, limit=None)


def _shown(call: Call, namespace: str, quota: Quota | None) -> ShownQuota:
    counted = holdings.last(call.hub.store, namespace)
    used, at = (counted.bytes, int(counted.at)) if counted else (None, None)
    return ShownQuota(namespace, quota.limit if quota else None, used, at)
