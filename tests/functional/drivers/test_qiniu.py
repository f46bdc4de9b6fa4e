"""The `qiniu` driver keeps the contract of every store, on a Kodo in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from objreg.drivers.qiniu import QiniuStore
from objreg.testing.contract import StoreContract
from tests.unit.drivers.kodo import Kodo, kodo


@pytest.fixture(scope='module')
def server() -> Iterator[Kodo]:
    with kodo() as running:
        yield running


class TestContract(StoreContract):
    """What every store promises."""

    longest_key = 750
    rounds = 3

    @pytest.fixture
    def store(self, server: Kodo) -> Iterator[QiniuStore]:
        server.begin()
        made = QiniuStore(**server.options())
        made.server = server  # type: ignore[attr-defined]
        yield made
        made.close()

    def another(self, store: Any) -> QiniuStore:
        return QiniuStore(**store.server.options())

    def leftovers(self, store: Any) -> list[str]:
        return [f'{key}: an unfinished upload' for key, _ in store.server.uploads]
