"""Names of blobs are keys, written so that Azure keeps them apart and sorts them as their bytes."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from objreg.drivers import azure_names as names
from objreg.store import Refused, check_key

ODD = st.text(st.sampled_from('./a0~![]\\-" \x01\x7fé\uffee\U0001f600'), max_size=6)


def is_key(text: str) -> bool:
    with contextlib.suppress(Refused):
        check_key(text)
        return True
    return False


KEYS = ODD.filter(is_key)


@given(KEYS)
def test_a_name_tells_its_key_and_has_nothing_that_azure_changes(key: str) -> None:
    name = names.name_of(key)
    assert names.key_of(name) == key
    assert name.isascii() and name.isprintable() and '\\' not in name and ' ' not in name
    assert not any(component.endswith('.') for component in name.split('/'))


@given(KEYS, KEYS)
def test_names_sort_as_their_keys_do(one: str, two: str) -> None:
    assert (names.name_of(one) < names.name_of(two)) == (one.encode() < two.encode())


@given(ODD, KEYS)
def test_what_begins_with_a_prefix_is_named_so(prefix: str, key: str) -> None:
    for candidate in (key, prefix + key):
        if candidate.startswith(prefix) and is_key(candidate):
            assert names.name_of(candidate).startswith(names.prefix_of(prefix))


@given(ODD, KEYS)
def test_a_listing_goes_on_after_a_key_or_beyond_a_prefix(text: str, key: str) -> None:
    assert (names.name_of(key) >= names.after(text)) == (key.encode() > text.encode())
    if text and not text.endswith('.'):
        assert (names.name_of(key) >= names.beyond(text)) == (key.encode() > text.encode() and not key.startswith(text))


def test_keys_of_objreg_are_their_own_names() -> None:
    for key in ('blobs/sha256/ab/abcdef', 'repositories/team/my-app.x/_tags/v1.0_a', 'system/format'):
        assert names.name_of(key) == names.prefix_of(key) == names.key_of(key) == key
    assert names.name_of('repositories/app/_tags/v1.') == 'repositories/app/_tags/v1.!00'
