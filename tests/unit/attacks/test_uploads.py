"""Attacks on uploads and on what they write, each with its precedent."""

from __future__ import annotations

import base64
import string
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.names import Digest
from objreg.store import Capabilities
from objreg.uploads import Uploads
from tests import documents, layout
from tests.inprocess import Client, Stream, User

DATA = b'some bytes of a layer'
DIGEST = Digest.of(DATA)
ALICE = User('alice', {'push': ['a', 'b'], 'pull': ['a', 'b']})
BOB = User('bob', {'push': ['a', 'b'], 'pull': ['a', 'b']})


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def location(client: Client) -> str:
    """A session of alice in the repository a, with bytes in it."""
    at = client.start('a', user=ALICE)
    return client('PATCH', at, DATA, user=ALICE)['Location']


@pytest.mark.parametrize('method', ['GET', 'PATCH', 'PUT', 'DELETE'])
def test_a_session_is_its_users_alone(client: Client, location: str, method: str) -> None:
    """CVE-2026-32589: an upload session was taken over by another user."""
    target = f'{location}&digest={DIGEST}' if method == 'PUT' else location
    for user in (BOB, User('', {}, is_unrestricted=True)):
        answer = client(method, target, b'more' if method == 'PATCH' else b'', user=user)
        assert (answer.status, answer.code) == (404, 'BLOB_UPLOAD_UNKNOWN')
    assert client('PUT', f'{location}&digest={DIGEST}', user=ALICE).status == 201


@pytest.mark.parametrize('method', ['GET', 'PATCH', 'PUT', 'DELETE'])
def test_a_session_is_its_repositorys_alone(client: Client, location: str, method: str) -> None:
    """CVE-2026-32589 again: begun where one may push, ended where one may not."""
    target = location.replace('/v2/a/', '/v2/b/')
    answer = client(method, f'{target}&digest={DIGEST}', user=ALICE)
    assert (answer.status, answer.code) == (404, 'BLOB_UPLOAD_UNKNOWN')
    assert client('HEAD', f'/v2/b/blobs/{DIGEST}', user=ALICE).status == 404


def test_a_session_ends_once(client: Client, location: str) -> None:
    assert client('PUT', f'{location}&digest={DIGEST}', user=ALICE).status == 201
    assert client('PATCH', location, b'more', user=ALICE).status == 404
    assert client('DELETE', location, user=ALICE).status == 404


def test_no_bit_of_the_state_may_change(client: Client, location: str) -> None:
    """CVE-2026-32590: the state of an upload was unpickled.  Here it is sealed, every bit of it."""
    sealed = parse_qs(urlsplit(location).query)['_state'][0]
    raw = base64.urlsafe_b64decode(sealed + '=' * (-len(sealed) % 4))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        text = base64.urlsafe_b64encode(changed).rstrip(b'=').decode()
        answer = client('PUT', f'{location.partition("?")[0]}?_state={text}&digest={DIGEST}', user=ALICE)
        assert answer.status == 404, bit
    for text in ('', 'x', sealed[:-4], sealed + 'AAAA', sealed * 2, '\0', '%00', '{"offset": 0}'):
        assert client('PATCH', f'{location.partition("?")[0]}?_state={text}', b'x', user=ALICE).status == 404


@pytest.mark.parametrize('digest', [
    'sha256:' + 'a' * 128, 'sha512:' + 'a' * 64, 'sha256:' + 'A' * 64, 'sha256:' + 'a' * 63, 'sha256:', ':' + 'a' * 64,
    'md5:d41d8cd98f00b204e9800998ecf8427e', 'sha256:' + 'g' * 64, 'sha256:../' + 'a' * 61, 'SHA256:' + 'a' * 64,
    'sha256+x:' + 'a' * 64, f'{DIGEST}%0a', f'%20{DIGEST}', f'{DIGEST}%00', '%d0%b0' * 71,
])
def test_a_digest_is_of_its_algorithm(client: Client, digest: str) -> None:
    """CVE-2014-9358's kind: what becomes part of a path is checked first."""
    before = [entry.key for entry in client.store.list('')]
    for method, target in (
        ('POST', f'/v2/a/blobs/uploads/?digest={digest}'), ('POST', f'/v2/a/blobs/uploads/?mount={digest}&from=b'),
        ('GET', f'/v2/a/blobs/{digest}'), ('GET', f'/v2/a/referrers/{digest}'), ('DELETE', f'/v2/a/blobs/{digest}'),
    ):
        assert client(method, target, DATA if method == 'POST' else b'').status in (400, 404), (method, target)
    assert [entry.key for entry in client.store.list('')] == before


@pytest.mark.parametrize('name', [
    '..', 'a/../b', '../../etc', 'a//b', '/a', 'a/', '.', 'a/.', 'a/..', '%2e%2e', '..%2f..', 'a\\..\\b', 'a\0b',
    '_blobs', 'a/_tags', 'a/_manifests/b', 'A', 'a' * 256, '\u0430', 'a\nb', '-a', 'a-', 'a..b',
    '\uff0e\uff0e', 'a/\u2025/b',
])
def test_no_name_leaves_the_layout(client: Client, name: str) -> None:
    """CVE-2021-3762, CVE-2014-8178: path traversal, and names that pass for others."""
    client('POST', f'/v2/{name}/blobs/uploads/?digest={DIGEST}', DATA)
    client('PUT', f'/v2/{name}/manifests/v1', documents.image(), {'Content-Type': 'application/json'})
    assert [entry.key for entry in client.store.list('') if not layout.is_of_layout(entry.key)] == []


@pytest.mark.parametrize('tag', [
    '..', '.', '-', '/', 'a/b', 'x' * 129, '%2e%2e', 'a%00', 'a%0a', '%d0%b0', '%20', 'sha256:x', '.a',
])
def test_no_tag_leaves_the_layout(client: Client, tag: str) -> None:
    """CVE-2014-9358: an id was a path."""
    for data in (documents.CONFIG, DATA):
        client.push_blob('a', data)
    answer = client.push('a', tag, documents.image(DATA))
    assert answer.status in (400, 404)
    assert client.push('a', f'{Digest.of(documents.image(DATA))}?tag={tag}', documents.image(DATA)).status == 400
    assert [entry.key for entry in client.store.list('') if not layout.is_of_layout(entry.key)] == []


def test_names_that_begin_like_others_are_others(client: Client) -> None:
    """CVE-2026-110697's kind: a list of one's own that shows others'."""
    for name in ('app', 'app2', 'app/sub', 'ap'):
        client.push_image(name, f'tag-of-{name.replace("/", "-")}', DATA)
    for name in ('app', 'app2', 'app/sub', 'ap'):
        assert client('GET', f'/v2/{name}/tags/list').json()['tags'] == [f'tag-of-{name.replace("/", "-")}']


@pytest.mark.parametrize('path', [
    '//evil.example/v2/a/blobs/uploads/', '/v2/a/blobs/uploads/', '/v2/a//evil/blobs/uploads/',
])
def test_no_location_leads_to_another_host(client: Client, path: str) -> None:
    """CVE-2024-42353, CVE-2026-44889: a Location that begins with two slashes."""
    for header in ('Host', 'X-Forwarded-Host', 'Forwarded'):
        answer = client('POST', path, headers={header: 'evil.example'})
        for location in answer.all('Location'):
            assert location.startswith('/v2/a/blobs/uploads/')


# Sizes at the edge


class Equal(MemoryStore):
    """As S3, by arithmetic: its parts are counted, and few of them allowed."""

    capabilities = Capabilities(min_part=5 * 1024**2, max_parts=10_000)


@pytest.mark.parametrize('length', [
    5 * 1024**3 - 1, 5 * 1024**3, 5 * 1024**3 + 1, 10_000 * 10 * 1024**2, 10_000 * 10 * 1024**2 + 1, 5 * 1024**4,
])
def test_a_layer_of_any_size_fits_into_so_many_parts(length: int) -> None:
    """Ten thousand parts, and 5 GiB, are where S3 ends: other registries failed with layers beyond."""
    uploads = Uploads(Client(Equal()).registry)
    size = uploads._part_size(length)
    assert -(-length // size) <= 10_000
    assert size >= 5 * 1024**2 and size % 1024**2 == 0


def test_a_body_without_end_is_bounded_where_it_is_a_manifest(client: Client) -> None:
    """CVE-2017-11468: a manifest without end filled the memory."""
    sent = 0

    def forever():  # type: ignore[no-untyped-def]
        nonlocal sent
        while True:
            sent += 65536
            yield b' ' * 65536

    answer = client('PUT', '/v2/a/manifests/v1', Stream(forever()), {'Content-Type': 'application/json'})
    assert (answer.status, answer.code) == (413, 'MANIFEST_INVALID')
    assert sent < 6 * 1024**2


def test_every_character_of_a_header_is_printable(client: Client) -> None:
    """CWE-113: what a client sends comes back in headers, and begins none."""
    for character in [*map(chr, range(32)), '\x7f', '\x85', *string.punctuation]:
        quoted = quote(character)
        client('GET', f'/v2/a/tags/list?n=1&last={quoted}')
        client('POST', f'/v2/a{quoted}/blobs/uploads/')
        client('PUT', f'/v2/a/manifests/v1?tag={quoted}', documents.image(), {'Content-Type': f'a{character}b'})
