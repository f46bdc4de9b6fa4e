"""The keys of the bucket: all of the documented layout, none twice, none that a driver cannot hold."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg import keys
from objreg.names import Digest
from objreg.store import MAX_KEY, check_key
from tests.layout import is_of_layout
from tests.unit.test_names import DIGESTS, NAMES

TAGS = st.from_regex(r'[A-Za-z0-9_][A-Za-z0-9._-]{0,20}', fullmatch=True)
IDS = st.integers(0, 2**128 - 1).map('{:032x}'.format)
TIMES = st.integers(0, 10**19)
FACTS = st.one_of(
    st.tuples(st.just(keys.content), DIGESTS),
    st.tuples(st.sampled_from([keys.membership, keys.manifest]), NAMES, DIGESTS),
    st.tuples(st.just(keys.tag), NAMES, TAGS),
    st.tuples(st.just(keys.history), NAMES, TAGS, TIMES, DIGESTS),
    st.tuples(st.just(keys.referrer), NAMES, DIGESTS, DIGESTS),
    st.tuples(st.just(keys.catalog), NAMES),
    st.tuples(st.just(keys.upload_record), IDS, TIMES),
    st.tuples(st.just(keys.upload_cancelled), IDS),
)


def key_of(fact):
    return fact[0](*fact[1:])


@given(FACTS)
def test_every_key_is_of_the_documented_layout(fact):
    check_key(key_of(fact))
    assert is_of_layout(key_of(fact))


@given(FACTS, FACTS)
def test_two_facts_never_share_a_key(one, other):
    assert (key_of(one) == key_of(other)) == (one == other)


@given(NAMES, NAMES, TAGS)
def test_what_a_prefix_lists_is_of_that_repository_alone(name, other, tag):
    for prefix, made in ((keys.tags, keys.tag(other, tag)), (keys.manifests, keys.manifest(other, Digest.of(b'')))):
        assert made.startswith(prefix(name)) == (name == other)


def test_keys_with_a_random_part_are_of_the_layout():
    assert is_of_layout(keys.upload_data(secrets.token_hex(16), secrets.token_hex(8)))
    assert is_of_layout(keys.secret(f'{1:020d}-{secrets.token_hex(4)}'))
    assert is_of_layout(f'{keys.scratch(secrets.token_hex(16))}any/thing')
    assert is_of_layout(keys.FORMAT)


@pytest.mark.parametrize('key', [
    '', 'x', 'catalog/', 'catalog/_a', 'catalog/../x', 'repositories/a', 'blobs/sha256/aa/bb', 'uploads/../x',
    'system/other', 'repositories/a/_tags/..', 'catalog/a\n',
])
def test_other_keys_are_not(key):
    assert not is_of_layout(key)


def test_the_longest_key_is_one_that_every_store_can_hold():
    name, digest = '/'.join(['ab'] * 85), Digest.of(b'', 'sha512')
    longest = [keys.referrer(name, digest, digest), keys.history(name, 'x' * 128, 10**19, digest)]
    assert max(map(len, longest)) < MAX_KEY


@given(NAMES, TAGS, TIMES, DIGESTS)
def test_a_key_of_history_is_read_back(name, tag, nanoseconds, digest):
    assert keys.parse_history(keys.history(name, tag, nanoseconds, digest)) == (tag, digest)


@given(NAMES, TAGS, DIGESTS)
def test_what_may_be_remembered_is_told_by_the_key(name, tag, digest):
    immutable = [keys.membership(name, digest), keys.manifest(name, digest), keys.catalog(name),
                 keys.referrer(name, digest, digest)]
    assert all(map(keys.is_immutable, immutable))
    others = [keys.tag(name, tag), keys.content(digest), keys.history(name, tag, 1, digest), keys.FORMAT]
    assert not any(map(keys.is_immutable, others))
    assert [keys.is_tag(key) for key in (*others, *immutable)] == [True] + [False] * 7
    assert [keys.is_content(key) for key in (*others, *immutable)] == [False, True] + [False] * 6


@given(digest=DIGESTS)
def test_a_key_of_content_is_read_back(digest):
    key = keys.content(digest)
    assert keys.parse_content(key) == digest
    for other in (
        key[:-1], f'{key}0', f'x{key}', key.upper(), key.replace('/', '//', 1), key.replace('/sha', '/sha/', 1),
        key.rpartition('/')[0], f'blobs/{digest.algorithm}/{digest.hex[1:3]}x/{digest.hex}',
    ):
        assert keys.parse_content(other) is None
