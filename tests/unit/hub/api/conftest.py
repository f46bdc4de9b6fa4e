"""What the tests of the API share."""

from __future__ import annotations

import pytest

from tests.unit.hub.api.world import World


@pytest.fixture
def world() -> World:
    """Root administers the hub; alice owns acme, where bob is a member; eve is somebody else."""
    made = World()
    made.user('root-admin', administrator=True)
    made.user('alice', 'bob', 'eve')
    made.organisation('acme', 'alice', bob='member')
    return made
