"""The `swift` driver on a real OpenStack Swift with tempauth."""

from __future__ import annotations

import pytest

from tests.functional.drivers.swift_promises import SwiftContract, SwiftPromises
from tests.servers.containers import Container


class TestContract(SwiftContract):
    """What every store promises."""

    @pytest.fixture(scope='class')
    @classmethod
    def container(cls, shared_swift_container: Container) -> Container:
        return shared_swift_container


class TestSwiftDriver(SwiftPromises):
    """What the driver promises beyond the contract."""

    @pytest.fixture
    def container(self, swift_container: Container) -> Container:
        return swift_container
