"""State in a URL: what was sealed is read back by any node, and nothing that was altered is."""

import json
import string
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg import keys, state
from objreg.drivers.memory import MemoryStore
from objreg.state import Secrets, Tampered, seal, unseal
from tests.unit.test_descriptor import JSON

STORE = MemoryStore()
KNOWN = Secrets(STORE)
SEALED = seal(KNOWN, {'id': 'a', 'offset': 5})
ALPHABET = string.ascii_letters + string.digits + '-_.='


@given(st.dictionaries(st.text(max_size=8), JSON.filter(lambda value: 'nan' not in repr(value)), max_size=4))
def test_what_was_sealed_is_read_back(given_):
    assert unseal(KNOWN, seal(KNOWN, given_)) == given_


def test_it_fits_a_url_as_it_stands():
    assert set(SEALED) <= set(ALPHABET)


@pytest.mark.parametrize('at', range(len(SEALED)))
def test_no_character_can_be_altered(at):
    for bit in range(7):
        altered = SEALED[:at] + chr(ord(SEALED[at]) ^ 1 << bit) + SEALED[at + 1:]
        with pytest.raises(Tampered):
            unseal(KNOWN, altered)


@pytest.mark.parametrize('at', range(len(SEALED)))
def test_no_character_can_be_left_out_or_added(at):
    for altered in (SEALED[:at], SEALED[at + 1:], SEALED[:at] + 'A' + SEALED[at:], SEALED[:at] + '.' + SEALED[at:]):
        with pytest.raises(Tampered):
            unseal(KNOWN, altered)


@given(st.text(max_size=200) | st.text(ALPHABET, max_size=200) | st.lists(
    st.sampled_from([*SEALED.split('.'), '', 'A']), max_size=4).map('.'.join).filter(lambda text: text != SEALED))
def test_any_other_text_is_tampered_with(text):
    with pytest.raises(Tampered):
        unseal(KNOWN, text)


def test_a_text_that_is_too_long_is_not_even_hashed():
    with pytest.raises(Tampered, match='not a sealed text'):
        unseal(KNOWN, SEALED + 'A' * 4096)


def test_what_another_registry_sealed_is_not_believed():
    with pytest.raises(Tampered, match='no key'):
        unseal(Secrets(MemoryStore()), SEALED)


def test_an_empty_key_signs_nothing():
    """CVE-2026-102266 took an empty key for a good one."""
    payload = urlsafe_b64encode(json.dumps({'id': 'a'}).encode()).decode().rstrip('=')
    for id in ('', 'x', keys.SECRETS):
        with pytest.raises(Tampered):
            unseal(KNOWN, f'{payload}.{id}.{state._mac(b"", f"{payload}.{id}")}')


def test_nodes_that_start_at_once_understand_each_other():
    store = MemoryStore()
    one, other = Secrets(store), Secrets(store)
    one.newest()
    other._make()  # as if it had looked before the first one wrote
    other.reload()
    assert unseal(other, seal(one, {'a': 1})) == {'a': 1}
    one.reload()
    assert unseal(one, seal(other, {'a': 1})) == {'a': 1}


def test_a_key_that_is_taken_away_counts_no_longer():
    store = MemoryStore()
    known = Secrets(store)
    sealed = seal(known, {'a': 1})
    store.delete([entry.key for entry in store.list(keys.SECRETS)])
    known.reload()
    with pytest.raises(Tampered):
        unseal(known, sealed)
    assert unseal(known, seal(known, {'a': 2})) == {'a': 2}


def test_a_key_that_another_node_made_this_moment_is_accepted():
    store = MemoryStore()
    one, other = Secrets(store), Secrets(store)
    other._make()
    other.reload()  # and the next key comes at once
    one._make()
    assert unseal(other, seal(one, {'a': 1})) == {'a': 1}


def test_guesses_of_key_names_cost_no_more_than_one_call_and_those_of_another_form_none():
    class Counting(MemoryStore):
        calls = 0

        def read(self, *given_, **more):
            self.calls += 1
            return super().read(*given_, **more)

        def page(self, *given_, **more):
            self.calls += 1
            return super().page(*given_, **more)

    store = Counting()
    known = Secrets(store)
    known.newest()
    before = store.calls
    for guess in ('guess', '../x', '', 'a' * 4000, '0' * 20 + '-../../../x'):
        assert known.find(guess) is None
    assert store.calls == before
    assert known.find('0' * 20 + '-00000000') is None
    assert store.calls == before + 1
