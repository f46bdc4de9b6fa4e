"""The `swift` driver on a real Ceph, through its Swift API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.drivers.again import Again
from tests.functional.drivers.swift_promises import SwiftContract, SwiftPromises
from tests.servers.containers import Container


class TestContract(Again, SwiftContract):
    """What every store promises."""

    @pytest.fixture(scope='class')
    @classmethod
    def container(cls, shared_ceph_container: Container) -> Container:
        return shared_ceph_container

    def leftovers(self, store: Any) -> list[str]:
        store.sweep(-1)  # those of a large object that was replaced stay until its key is deleted
        return super().leftovers(store)


class TestSwiftDriver(SwiftPromises):
    """What the driver promises beyond the contract."""

    @pytest.fixture
    def container(self, ceph_container: Container) -> Container:
        return ceph_container
