"""A store around another one passes everything on."""

from __future__ import annotations

import inspect

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.store import Capabilities, Store, Upload
from objreg.testing.contract import StoreContract
from objreg.wrap.base import WrappedStore, WrappedUpload


class TestContract(StoreContract):
    """It is a store."""

    @pytest.fixture
    def store(self) -> Store:
        return WrappedStore(MemoryStore())


class Recording:
    """Answers every method with its name and what it was given."""

    capabilities = Capabilities(min_part=7, presign=True)
    name = 'recording'

    def __getattr__(self, name: str) -> object:
        return lambda *args, **named: (name, args, named)


def methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(value) for name, value in vars(kind).items()
        if inspect.isfunction(value) and not name.startswith('_')
    }


@pytest.mark.parametrize(('wrapped', 'interface', 'made_of_others'), [
    (WrappedStore(Recording()), Store, {'has', 'list'}),  # type: ignore[arg-type]
    (WrappedUpload(Recording()), Upload, set()),  # type: ignore[arg-type]
], ids=['store', 'upload'])
def test_every_call_is_passed_on_with_all_it_was_given(
    wrapped: object, interface: type, made_of_others: set[str]
) -> None:
    passed = 0
    for name, signature in methods(interface).items():
        if name in made_of_others:
            continue
        _, *parameters = signature.parameters.values()
        positional = [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
        named = {one.name: one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
        answer = getattr(wrapped, name)(*positional, **named)
        if answer is not None:  # what returns something
            assert answer == (name, tuple(positional), named)
            passed += 1
        assert name in vars(type(wrapped)), f'{name} is not passed on'
    assert passed > 0


def test_it_can_do_what_the_inner_one_can_and_has_its_name() -> None:
    store = WrappedStore(Recording())  # type: ignore[arg-type]
    assert (store.name, store.capabilities) == ('recording', Recording.capabilities)
