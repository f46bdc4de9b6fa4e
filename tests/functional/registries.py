"""The registry as a process, over each kind of store: fixtures for what speaks HTTP to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.registries import Objreg

STORES = ['file', 'ceph', 'swift']


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """A section of ``stores.yml``: an empty store of each kind."""
    if request.param == 'file':
        return {'driver': 'file', 'path': str(tmp_path / 'store')}
    bucket = request.getfixturevalue('ceph_bucket' if request.param == 'ceph' else 'swift_bucket')
    return {'driver': 's3', **bucket.options}


@pytest.fixture
def objreg(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Objreg]:
    """The registry over a folder, as it comes."""
    with Objreg(tmp_path / 'objreg', {'driver': 'file', 'path': str(tmp_path / 'store')}) as server:
        yield server
