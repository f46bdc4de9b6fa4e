"""Descriptors: what is written is read back, and nothing else is taken for one."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg import descriptor
from objreg.descriptor import Descriptor, Malformed
from objreg.errors import DigestInvalid, RegistryError, Unsupported
from objreg.names import Digest
from tests.unit.test_names import DIGESTS

TEXT_MAPS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=1, max_size=3)
DESCRIPTORS = st.builds(
    Descriptor, st.text(max_size=20), DIGESTS, st.integers(0, 2**63 - 1), st.text(max_size=10),
    st.none() | TEXT_MAPS, st.none() | TEXT_MAPS, st.lists(st.text(max_size=10), max_size=3).map(tuple),
    st.none() | st.binary(max_size=100),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12,
)
GOOD = {'mediaType': 'text/plain', 'digest': str(Digest.of(b'x')), 'size': 1}


@given(DESCRIPTORS)
def test_what_is_dumped_is_loaded(given_):
    assert descriptor.load(given_.dump()) == given_


def test_text_that_is_no_utf_8_survives():
    given_ = Descriptor('a/b', Digest.of(b''), 0, annotations={'half a pair': '\ud800'})
    assert descriptor.load(given_.dump()) == given_


def test_a_membership_is_the_same_bytes_whoever_writes_it():
    digest = Digest.of(b'x')
    assert descriptor.blob(digest, 1).dump() == (
        f'{{"mediaType":"application/octet-stream","digest":"{digest}","size":1}}'.encode()
    )


def test_empty_fields_are_left_out_but_not_empty_data():
    assert set(Descriptor('a/b', Digest.of(b''), 0, data=b'').as_json()) == {'mediaType', 'digest', 'size', 'data'}


@pytest.mark.parametrize('change', [
    {'mediaType': None}, {'mediaType': 1}, {'digest': None}, {'digest': 1}, {'size': None}, {'size': '1'},
    {'size': 1.0}, {'size': True}, {'size': -1}, {'size': 2**63}, {'size': 10**4000}, {'artifactType': 1},
    {'annotations': []}, {'annotations': {'a': 1}}, {'platform': 'linux'}, {'platform': {'os': 1}},
    {'platform': {'os': {'deep': {}}}},
    {'platform': {'features': [1]}}, {'urls': 'http://a'}, {'urls': [1]}, {'urls': {'a': 'b'}}, {'data': 1},
    {'data': 'ä'}, {'data': 'A'}, {'data': 'AA=A'}, {'data': 'A A='},
], ids=str)
def test_what_is_no_descriptor(change):
    with pytest.raises(Malformed):
        descriptor.parse(GOOD | change)


@pytest.mark.parametrize('value', [None, [], 'x', 1, {}])
def test_what_is_no_object(value):
    with pytest.raises(Malformed):
        descriptor.parse(value)


def test_a_digest_that_is_none_keeps_its_own_error():
    with pytest.raises(DigestInvalid):
        descriptor.parse(GOOD | {'digest': 'sha256:abc'})
    with pytest.raises(Unsupported):
        descriptor.parse(GOOD | {'digest': 'md5:abc'})


def test_fields_that_nobody_knows_are_passed_over():
    assert descriptor.parse(GOOD | {'x': 1, 'data': b64encode(b'x').decode()}).data == b'x'


@pytest.mark.parametrize('name', ['annotations', 'platform'])
def test_an_empty_field_is_as_one_that_is_not_there(name):
    assert descriptor.parse({**GOOD, name: {}}) == descriptor.parse({**GOOD, name: None})


@pytest.mark.parametrize('data', [
    b'', b'{', b'\xff', b'[' * 100_000, b'{"a":' * 100_000, b'9' * 5000, json.dumps(GOOD).encode()[:-1], b'null',
])
def test_a_damaged_file_is_malformed(data):
    with pytest.raises(Malformed):
        descriptor.load(data)


@given(JSON | st.fixed_dictionaries(
    {'mediaType': JSON | st.just('a/b'), 'digest': JSON | st.just(GOOD['digest']), 'size': JSON | st.just(1)},
    optional=dict.fromkeys(('artifactType', 'annotations', 'platform', 'urls', 'data'), JSON),
))
def test_any_json_is_a_descriptor_or_gets_an_error(value):
    try:
        assert descriptor.load(descriptor.parse(value).dump()) == descriptor.parse(value)
    except (Malformed, RegistryError):
        return
