"""The contract suite on a store that was handed over: each promise told, nothing left behind."""

from __future__ import annotations

import pytest

from objreg.checking import contract
from objreg.checking.findings import State
from objreg.drivers.memory import MemoryStore
from objreg.store import Body
from objreg.wrap.base import WrappedStore


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of the promises."""
    monkeypatch.setattr(contract, '_ALONE', (*contract._ALONE, '-k', 'put_replaces_atomically or copy or aborted'))


def nothing(title: str) -> None:
    """Nobody looks."""


def test_what_is_kept_and_what_is_broken_is_told() -> None:
    class Forgetting(WrappedStore):
        def copy(self, source: str, target: str) -> None:
            self.inner.put(target, b'something else')

    inner = MemoryStore()
    states = {finding.probe: finding.state for finding in contract.run(Forgetting(inner), 60, nothing)}
    assert {states[f'contract: {title}'] for title in ('put replaces atomically',)} == {State.OK}
    assert State.WRONG in {state for probe, state in states.items() if 'copy' in probe}
    assert [*inner.list('')] == []


def test_it_ends_when_its_time_is_up() -> None:
    found = contract.run(MemoryStore(), -1, nothing)
    assert [finding.probe for finding in found] == ['contract: the rest']
    assert '--seconds' in found[0].found


def test_ctrl_c_leaves_nothing() -> None:
    class Interrupted(WrappedStore):
        left = 3

        def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
            self.inner.put(key, body, size, if_absent=if_absent)
            self.left -= 1
            if self.left <= 0:
                raise KeyboardInterrupt

    inner = MemoryStore()
    found = contract.run(Interrupted(inner), 60, nothing)
    assert (found[-1].probe, found[-1].found) == ('contract: the rest', 'interrupted')
    assert [*inner.list('')] == []
