"""A server that answers what it was told to, one for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.drivers.scripted import Scripted, scripted


@pytest.fixture(scope='module')
def running() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


@pytest.fixture
def server(running: Scripted) -> Iterator[Scripted]:
    running.begin()
    yield running
    running.all_asked()
