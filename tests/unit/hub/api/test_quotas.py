"""Quotas, as administrators say them and owners see them."""

from __future__ import annotations

import pytest

from objreg import holdings
from tests.unit.hub.api.world import World


def test_a_quota_is_said_shown_and_taken_back(world: World) -> None:
    path = '/namespaces/acme/quota'
    nothing = {'namespace': 'acme', 'limit': None, 'used': None, 'counted': None}
    assert world.ask('alice', 'GET', path).data == nothing
    assert world.ask('root-admin', 'PUT', path, {'limit': 50 * 1024**3}).data == nothing | {'limit': 50 * 1024**3}
    holdings.keep(world.store, 'acme', holdings.Holding(1234, 5, 1_700_000_000.5, 0.1))
    shown = world.ask('alice', 'GET', path).data
    assert (shown['used'], shown['counted']) == (1234, 1_700_000_000)
    assert world.ask('alice', 'PUT', path, {'limit': 0}).status == 403, 'an owner is not the one who says it'
    assert world.ask('root-admin', 'DELETE', path).status == 204
    assert world.ask('alice', 'GET', path).data['limit'] is None
    noted = [one['action'] for one in world.ask('root-admin', 'GET', '/audit').data['items']]
    assert noted.count('namespace.quota') == 2


@pytest.mark.parametrize('body', [{'limit': -1}, {'limit': 1.5}, {'limit': '1 GiB'}, {'limit': 2**63}, {}])
def test_what_is_no_quota_is_refused(world: World, body: dict[str, object]) -> None:
    assert world.ask('root-admin', 'PUT', '/namespaces/acme/quota', body).status == 400
    assert world.ask('root-admin', 'PUT', '/namespaces/nobody/quota', {'limit': 1}).status == 404
