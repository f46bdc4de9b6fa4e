"""The `swift` driver on a real Swift of three devices and replicas, whose listings are behind by a while."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from objreg.store import Store
from objreg.testing.faults import LaggingStore
from tests.functional.drivers.again import Again
from tests.functional.drivers.swift_promises import SwiftContract
from tests.servers.containers import Container

SECONDS = 0.3


class TestContract(Again, SwiftContract):
    """What every store promises holds although nothing that was just written or deleted is seen in a listing."""

    @pytest.fixture(scope='class')
    @classmethod
    def container(cls, shared_three_container: Container) -> Container:
        return shared_three_container

    @pytest.fixture(scope='class')
    @classmethod
    def store(cls, container: Container) -> Iterator[Store]:  # type: ignore[override]
        made = container.store()
        lagging = LaggingStore(made, SECONDS)
        lagging.of_test = container  # type: ignore[attr-defined]
        lagging.sweep(-1)
        yield lagging
        made.close()

    def another(self, store: Any) -> Any:
        return LaggingStore(super().another(store), SECONDS)


def test_a_listing_is_behind_and_what_it_does_not_show_is_there(three_container: Container) -> None:
    store = three_container.store()
    lagging = LaggingStore(store)
    lagging.put('blobs/a', b'written')
    assert not lagging.capabilities.consistent_list
    assert [*lagging.list('')] == []
    assert lagging.read('blobs/a') == b'written'
    lagging.catch_up()
    lagging.delete(['blobs/a'])
    assert [entry.key for entry in lagging.list('')] == ['blobs/a']
    store.close()


def test_an_object_lies_on_three_devices(three_container: Container) -> None:
    store, content = three_container.store(), secrets.token_bytes(100)
    store.put('blobs/a', content)
    devices = Path(three_container.server.settings['SWIFT_DEVICES'])

    def holding() -> set[str]:
        found = [path for path in devices.glob('*/objects/**/*.data') if path.read_bytes() == content]
        return {path.relative_to(devices).parts[0] for path in found}

    end = time.monotonic() + 20
    while len(holding()) < 3 and time.monotonic() < end:  # two are enough for an answer
        time.sleep(0.1)
    assert holding() == {'d1', 'd2', 'd3'}
    store.close()
