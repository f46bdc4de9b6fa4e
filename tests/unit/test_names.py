"""Repository names, tags and digests: what is one, and what is not."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg.errors import DigestInvalid, NameInvalid, RegistryError, TagInvalid, Unsupported
from objreg.names import Digest, check_name, check_tag, is_tag

NAMES = st.from_regex(r'[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,3}(/[a-z0-9]{1,8}){0,3}', fullmatch=True)
DIGESTS = st.builds(Digest.of, st.binary(max_size=8), st.sampled_from(['sha256', 'sha512']))
NEAR = st.text('abz09._-/:@%\\\0 \n\r\tAZä\u0661\ud800=+', max_size=300) | st.text(max_size=40)


@pytest.mark.parametrize('name', [
    'a', '0', 'library/busybox', 'a/b/c/d/e/f', 'a.b', 'a_b', 'a__b', 'a-b', 'a---b', 'tags/list', 'manifests',
    'blobs/uploads', 'v2', '1.2.3', 'x' * 250, '/'.join(['ab'] * 85),
])
def test_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize('name', [
    '', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', 'a/./b', '.a', 'a.', '_a', 'a_', '-a', 'a-', 'a..b', 'a___b',
    'a._b', 'A', 'a/B', 'a b', 'a\n', 'a\0', 'a%2fb', 'a\\b', 'ä', '\u0661', 'a:b', 'a@b', '_catalog', 'a/_tags',
    'x' * 251, '/'.join(['ab'] * 86), 'x' * 100_000,
])
def test_what_is_no_name(name):
    with pytest.raises(NameInvalid) as caught:
        check_name(name)
    assert len(caught.value.detail) <= 255


@pytest.mark.parametrize('tag', ['latest', '_', 'A', '1.0', 'a-b.c_d', 'x' * 128, 'sha256-' + 'a' * 64, 'a.d', 'a..b'])
def test_tags(tag):
    assert check_tag(tag) == tag


@pytest.mark.parametrize('tag', ['', '.', '..', '.a', '-a', 'a/b', 'a b', 'a\n', 'ä', '\u0661', 'x' * 129, 'a:b'])
def test_what_is_no_tag(tag):
    assert not is_tag(tag)
    with pytest.raises(TagInvalid):
        check_tag(tag)


@pytest.mark.parametrize('text', [
    '', ':', 'sha256', 'sha256:', 'sha256:' + 'a' * 63, 'sha256:' + 'a' * 65, 'sha256:' + 'A' * 64,
    'sha256:' + 'g' * 64, 'SHA256:' + 'a' * 64, 'sha256: ' + 'a' * 63, 'sha256:' + 'a' * 64 + '\n',
    'sha256:../' + 'a' * 61,
    'sha256:' + 'a' * 128, 'sha512:' + 'a' * 64, ' sha256:' + 'a' * 64, 'sha256::' + 'a' * 63,
    'sha256:' + '\u0661' * 64,
    'a' * 64, 'x' * 100_000, 'md5:' + 'a' * 300, '../:' + 'a' * 64,
])
def test_what_is_no_digest(text):
    with pytest.raises(DigestInvalid) as caught:
        Digest.parse(text)
    assert len(caught.value.detail) <= 255


@pytest.mark.parametrize('text', ['md5:' + 'a' * 32, 'sha384:' + 'a' * 96, 'blake3:' + 'a' * 64, 'multihash+base58:Qm'])
def test_an_algorithm_that_is_not_known_is_said_to_be_unsupported(text):
    with pytest.raises(Unsupported, match='sha256 or sha512'):
        Digest.parse(text)


@given(DIGESTS)
def test_a_digest_is_read_back(digest):
    assert Digest.parse(str(digest)) == digest


@given(st.binary(), st.sampled_from(['sha256', 'sha512']))
def test_a_digest_is_of_its_bytes_alone(data, algorithm):
    digest = Digest.of(data, algorithm)
    assert digest.hex == getattr(hashlib, algorithm)(data).hexdigest()
    assert digest.is_of(data)
    assert not digest.is_of(data + b'\0')


@given(NAMES)
def test_what_fits_the_grammar_is_taken(name):
    assert check_name(name) == name


@given(NEAR)
def test_any_text_is_a_name_or_gets_its_error(text):
    for check in (check_name, check_tag, Digest.parse):
        try:
            assert str(check(text)) == text
        except RegistryError as error:
            assert error.status == 400
            error.response()
