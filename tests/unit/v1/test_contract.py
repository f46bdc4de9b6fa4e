"""The first version of the API, row by row: each endpoint, its success, its errors, and what old clients match."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from objreg.v1.image import EMPTY_LAYER
from objreg.v1.tarsum import Tarsum
from tests.inprocess import Answer, User
from tests.unit.v1.registries import Both, images, layer, new_id, packed

ROOT, TOP = images(packed(layer('a')), layer('b', 'etc/c'))
PENDING, RECEIVED = images(packed(layer('p')))[0], images(packed(layer('r')))[0]
OTHERS = images(packed(layer('secret')))[0]
NONE = '0' * 64
JSON = {'Content-Type': 'application/json'}


@pytest.fixture
def registry() -> Both:
    """``team/app:latest`` is TOP; PENDING has its JSON only, RECEIVED its layer too; OTHERS is in ``other/app``."""
    made = Both()
    client = made.v1()
    client.push('team/app', [ROOT, TOP], {'latest': TOP.id})
    made.v1().push('other/app', [OTHERS], {'latest': OTHERS.id})
    for image in (PENDING, RECEIVED):
        put(made, f'/v1/images/{image.id}/json', image.json, client.token)
    put(made, f'/v1/images/{RECEIVED.id}/layer', RECEIVED.layer, client.token)
    made.token = client.token  # type: ignore[attr-defined]
    return made


def put(registry: Both, path: str, body: bytes, token: str, **headers: str) -> Answer:
    return registry.call_v1('PUT', path, body, {'Authorization': f'Token {token}', **headers})


def ask(registry: Both, method: str, path: str, body: bytes = b'', headers: Mapping[str, str] | None = None) -> Answer:
    return registry.call_v1(
        method, path, body, {'Authorization': f'Token {registry.token}', **(headers or {})},  # type: ignore[attr-defined]
    )


def document(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


LONE = new_id()


class Row(NamedTuple):
    """A request, and what is answered: the body, or the text of the error."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    status: int
    answer: bytes | str | None

    def __str__(self) -> str:
        return f'{self.method} {self.path[:60]} {self.status} {len(self.body)} {len(self.headers)}'


SUCCESSES: list[tuple[str, str, bytes, dict[str, str], int, bytes | None]] = [
    ('GET', '/_ping', b'', {}, 200, b'{}'),
    ('GET', '/v1/_ping', b'', {}, 200, b'{}'),
    ('GET', f'/v1/images/{TOP.id}/json', b'', {}, 200, TOP.json),
    ('GET', f'/v1/images/{TOP.id}/ancestry', b'', {}, 200, json.dumps([TOP.id, ROOT.id]).encode()),
    ('GET', f'/v1/images/{ROOT.id}/ancestry', b'', {}, 200, json.dumps([ROOT.id]).encode()),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {}, 200, TOP.layer),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {'Range': 'bytes=5-9'}, 206, TOP.layer[5:10]),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {'Range': 'bytes=5-5'}, 206, TOP.layer[5:6]),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {'Range': 'bytes=5-'}, 206, TOP.layer[5:]),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {'Range': f'bytes=5-{len(TOP.layer)}'}, 206, TOP.layer[5:]),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {'Range': 'bytes=-7'}, 206, TOP.layer[-7:]),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {'Range': 'bytes=0-1,4-5'}, 200, TOP.layer),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {'Range': f'bytes={len(TOP.layer)}-'}, 416, None),
    ('GET', f'/v1/images/{TOP.id}/json', b'', {'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT'}, 304, b''),
    ('GET', f'/v1/images/{TOP.id}/json', b'', {'If-None-Match': f'"{TOP.id}"'}, 304, b''),
    ('GET', f'/v1/images/{TOP.id}/layer', b'', {'If-None-Match': f'"{TOP.id}"'}, 304, b''),
    ('GET', f'/v1/images/{TOP.id}/json', b'', {'If-None-Match': '"else"'}, 200, TOP.json),
    ('PUT', f'/v1/images/{LONE}/json', document(id=LONE), JSON, 200, b'true'),
    ('PUT', f'/v1/images/{LONE}/json', document(id=LONE, parent=TOP.id), JSON, 200, b'true'),
    ('PUT', f'/v1/images/{PENDING.id}/json', PENDING.json, JSON, 200, b'true'),
    ('PUT', f'/v1/images/{PENDING.id}/layer', PENDING.layer, {}, 200, b'true'),
    ('PUT', f'/v1/images/{RECEIVED.id}/checksum', b'', {'X-Docker-Checksum-Payload': RECEIVED.payload}, 200, b'true'),
    ('PUT', f'/v1/images/{TOP.id}/layer', TOP.layer, {}, 200, b'true'),
    ('PUT', f'/v1/images/{TOP.id}/checksum', b'', {'X-Docker-Checksum-Payload': TOP.payload}, 200, b'true'),
    ('GET', '/v1/repositories/team/app/tags', b'', {}, 200, document(latest=TOP.id)),
    ('GET', '/v1/repositories/team/app/tags/', b'', {}, 200, document(latest=TOP.id)),
    ('GET', '/v1/repositories/team/app/tags/latest', b'', {}, 200, f'"{TOP.id}"'.encode()),
    ('PUT', '/v1/repositories/team/app/tags/1.0', f'"{ROOT.id}"'.encode(), JSON, 200, b'true'),
    ('DELETE', '/v1/repositories/team/app/tags/latest', b'', {}, 200, b'true'),
    ('DELETE', '/v1/repositories/team/app/tags', b'', {}, 200, b'true'),
    ('DELETE', '/v1/repositories/team/app/', b'', {}, 200, b'true'),
    ('DELETE', '/v1/repositories/team/app', b'', {}, 200, b'true'),
    ('GET', '/v1/repositories/team/app/properties', b'', {}, 200, document(access='public')),
    ('PUT', '/v1/repositories/team/new/', b'[]', JSON, 200, b'""'),
    ('PUT', '/v1/repositories/new', b'[]', JSON, 200, b'""'),
    ('PUT', '/v1/repositories/team/app/images', b'[]', JSON, 204, b''),
    ('GET', '/v1/repositories/team/app/images', b'', {}, 200, b'[]'),
    ('DELETE', '/v1/repositories/team/app/images', b'', {}, 204, b''),
    ('PUT', '/v1/repositories/team/app/auth', b'', {}, 200, b'"OK"'),
    ('GET', f'/v1/repositories/team/app/layer/{TOP.id}/access', b'', {}, 200, document(access=True)),
    ('GET', f'/v1/repositories/team/app/layer/{OTHERS.id}/access', b'', {}, 200, document(access=False)),
    ('GET', '/v1/users/', b'', {}, 200, b'"OK"'),
]

ERRORS: list[tuple[str, str, bytes, dict[str, str], int, str]] = [
    ('GET', '/v1/images/xyz/json', b'', {}, 404, 'Invalid image ID'),
    ('GET', f'/v1/images/{TOP.id.upper()}/json', b'', {}, 404, 'Invalid image ID'),
    ('GET', f'/v1/images/{TOP.id[:63]}/json', b'', {}, 404, 'Invalid image ID'),
    *(
        ('GET', f'/v1/images/{id}/{what}', b'', {'If-Modified-Since': 'x'}, 404, 'Image not found')
        for id in (NONE, NONE[:16], PENDING.id, RECEIVED.id) for what in ('json', 'layer', 'ancestry')
    ),
    ('PUT', f'/v1/images/{NONE}/json', b'{', JSON, 400, 'Invalid JSON'),
    ('PUT', f'/v1/images/{NONE}/json', b'[]', JSON, 400, 'Invalid JSON'),
    ('PUT', f'/v1/images/{NONE}/json', b'\xff', JSON, 400, 'Invalid JSON'),
    ('PUT', f'/v1/images/{NONE}/json', b'[' * 5000 + b']' * 5000, JSON, 400, 'Invalid JSON'),
    ('PUT', f'/v1/images/{NONE}/json', b'{}', JSON, 400, "Missing key `id' in JSON"),
    ('PUT', f'/v1/images/{NONE}/json', document(id=TOP.id), JSON, 400, 'JSON data contains invalid id'),
    ('PUT', f'/v1/images/{NONE}/json', document(id=NONE, parent='1' * 64), JSON, 400,
     'Image depends on a non existing parent'),
    ('PUT', f'/v1/images/{NONE}/json', document(id=NONE, parent=PENDING.id), JSON, 400,
     'Image depends on a non existing parent'),
    ('PUT', f'/v1/images/{NONE}/json', document(id=NONE, parent=NONE), JSON, 400, 'JSON data contains invalid parent'),
    ('PUT', f'/v1/images/{NONE}/json', document(id=NONE, parent=[]), JSON, 400, 'JSON data contains invalid parent'),
    ('PUT', f'/v1/images/{TOP.id}/json', TOP.json, JSON, 409, 'Image already exists'),
    ('PUT', f'/v1/images/{TOP.id}/json', document(id=TOP.id), JSON, 409, 'Image already exists'),
    ('PUT', f'/v1/images/{NONE}/layer', b'layer', {}, 404, 'Image not found'),
    ('PUT', f'/v1/images/{TOP.id}/layer', b'layer', {}, 409, 'Image already exists'),
    ('PUT', f'/v1/images/{PENDING.id}/layer', packed(layer('a'))[:-20], {}, 400,
     'Layer format not supported: the gzip stream is cut'),
    ('PUT', f'/v1/images/{PENDING.id}/layer', b'', {}, 400, 'Layer format not supported: it is empty'),
    ('PUT', f'/v1/images/{RECEIVED.id}/checksum', b'', {}, 400, "Missing Image's checksum"),
    ('PUT', f'/v1/images/{RECEIVED.id}/checksum', b'', {'X-Docker-Checksum-Payload': 'sha256:0'}, 400,
     'Checksum mismatch'),
    ('PUT', f'/v1/images/{RECEIVED.id}/checksum', b'', {'X-Docker-Checksum': 'tarsum+sha256:0'}, 400,
     'Checksum mismatch'),
    ('PUT', f'/v1/images/{PENDING.id}/checksum', b'', {'X-Docker-Checksum-Payload': PENDING.payload}, 400,
     'Checksum mismatch: the layer has not come'),
    ('PUT', f'/v1/images/{NONE}/checksum', b'', {'X-Docker-Checksum-Payload': 'sha256:0'}, 404, 'Image not found'),
    ('PUT', f'/v1/images/{TOP.id}/checksum', b'', {'X-Docker-Checksum-Payload': ROOT.payload}, 409,
     'Cannot set this image checksum'),
    ('GET', f'/v1/images/{NONE}/files', b'', {}, 404, 'Image not found'),
    ('GET', f'/v1/images/{NONE}/diff', b'', {}, 404, 'Image not found'),
    ('PUT', f'/v1/images/{TOP.id}/files', b'', {}, 405, 'Method Not Allowed'),
    ('GET', '/v1/repositories/no/thing/tags', b'', {}, 404, 'Repository not found'),
    ('GET', '/v1/repositories/team/app/tags/none', b'', {}, 404, 'Tag not found'),
    ('GET', '/v1/repositories/team/app/tags/.x', b'', {}, 404, 'Tag not found'),
    ('PUT', '/v1/repositories/team/app/tags/.x', f'"{TOP.id}"'.encode(), JSON, 400,
     'Invalid tag name (must match [A-Za-z0-9_][A-Za-z0-9._-]{0,127})'),
    ('PUT', '/v1/repositories/team/app/tags/1', b'{', JSON, 400, 'Invalid data'),
    ('PUT', '/v1/repositories/team/app/tags/1', b'{}', JSON, 400, 'Invalid data'),
    ('PUT', '/v1/repositories/team/app/tags/1', b'""', JSON, 400, 'Invalid data'),
    ('PUT', '/v1/repositories/team/app/tags/1', f'"{NONE}"'.encode(), JSON, 404, 'Image not found'),
    ('PUT', '/v1/repositories/team/app/tags/1', f'"{RECEIVED.id}"'.encode(), JSON, 404, 'Image not found'),
    ('DELETE', '/v1/repositories/team/app/tags/none', b'', {}, 404, 'Tag not found: none'),
    ('DELETE', '/v1/repositories/no/thing/tags', b'', {}, 404, 'Repository not found'),
    ('DELETE', '/v1/repositories/no/thing/', b'', {}, 404, 'Repository not found'),
    ('PUT', '/v1/repositories/team/app/', b'{', JSON, 400, 'Error Decoding JSON'),
    ('PUT', '/v1/repositories/team/app/', b'{}', JSON, 400, 'Invalid data'),
    ('PUT', '/v1/repositories/team/app/', b'[{}]', JSON, 400, 'Invalid data'),
    ('PUT', '/v1/repositories/team/app/', b'[{"id": 1}]', JSON, 400, 'Invalid data'),
    ('PUT', '/v1/repositories/Team/app/', b'[]', JSON, 400, 'Invalid repository name'),
    ('GET', '/v1/repositories/no/thing/images', b'', {}, 404, 'images not found'),
    ('GET', '/v1/images', b'', {}, 404, 'Not Found'),
    ('POST', f'/v1/images/{TOP.id}/json', b'', {}, 405, 'Method Not Allowed'),
    ('GET', f'/v1/images/{TOP.id}/checksum', b'', {}, 405, 'Method Not Allowed'),
]


@pytest.mark.parametrize('row', [Row(*row) for row in SUCCESSES], ids=str)
def test_what_is_there_is_told(registry: Both, row: Row) -> None:
    found = ask(registry, *row[:4])
    assert (found.status, found.body if row.answer is not None else None) == (row.status, row.answer), found
    assert found['X-Docker-Registry-Version']
    if row.method == 'GET' and 'Range' not in row.headers:
        head = ask(registry, 'HEAD', *row[1:4])
        assert head.status == row.status
        assert [one for one in head.headers if one[0] != 'Expires'] == [
            one for one in found.headers if one[0] != 'Expires']


@pytest.mark.parametrize('row', [Row(*row) for row in ERRORS], ids=str)
def test_what_is_wrong_is_told(registry: Both, row: Row) -> None:
    found = ask(registry, *row[:4])
    assert (found.status, found.json()) == (row.status, {'error': row.answer})
    assert found['Content-Type'] == 'application/json' and found['X-Docker-Registry-Version']


def test_an_image_says_its_size_and_its_checksums(registry: Both) -> None:
    found = ask(registry, 'GET', f'/v1/images/{TOP.id}/json')
    tarsum = Tarsum()
    tarsum.feed(TOP.layer)
    assert found['X-Docker-Size'] == str(len(TOP.layer))
    assert found['X-Docker-Checksum-Payload'] == found['X-Docker-Payload-Checksum'] == TOP.payload
    assert found['X-Docker-Checksum'] == tarsum.of(TOP.json)
    assert 'max-age=31536000' in found['Cache-Control'] and found['Expires'].endswith('GMT') and not found.all('Pragma')


def test_a_layer_can_be_resumed(registry: Both) -> None:
    found = ask(registry, 'GET', f'/v1/images/{TOP.id}/layer')
    assert (found['Accept-Ranges'], found['Content-Length']) == ('bytes', str(len(TOP.layer)))
    part = ask(registry, 'GET', f'/v1/images/{TOP.id}/layer', headers={'Range': 'bytes=1-2'})
    assert part['Content-Range'] == f'bytes 1-2/{len(TOP.layer)}'


def test_a_tarsum_alone_will_do(registry: Both) -> None:
    tarsum = Tarsum()
    tarsum.feed(layer('r'))
    headers = {'X-Docker-Checksum': tarsum.of(RECEIVED.json)}
    assert ask(registry, 'PUT', f'/v1/images/{RECEIVED.id}/checksum', headers=headers).status == 200
    assert ask(registry, 'GET', f'/v1/images/{RECEIVED.id}/layer').body == RECEIVED.layer


def test_the_oldest_clients_say_the_checksum_first_and_are_done_with_the_layer(registry: Both) -> None:
    image = images(layer('old'))[0]
    wrong = ask(registry, 'PUT', f'/v1/images/{image.id}/json', image.json, {'X-Docker-Checksum': 'sha256:0'})
    assert wrong.status == 200
    refused = ask(registry, 'PUT', f'/v1/images/{image.id}/layer', image.layer)
    assert (refused.status, refused.json()['error']) == (400, 'Checksum mismatch, ignoring the layer')
    ask(registry, 'PUT', f'/v1/images/{image.id}/json', image.json, {'X-Docker-Checksum': image.payload})
    assert ask(registry, 'PUT', f'/v1/images/{image.id}/layer', image.layer).status == 200
    assert ask(registry, 'GET', f'/v1/images/{image.id}/json').body == image.json


def test_a_push_that_begins_again_starts_over(registry: Both) -> None:
    """Of two with the same id neither gets the layer of the other."""
    other = document(id=RECEIVED.id, comment='another')
    assert ask(registry, 'PUT', f'/v1/images/{RECEIVED.id}/json', other).status == 200
    payload = f'sha256:{hashlib.sha256(other + bytes([10]) + RECEIVED.layer).hexdigest()}'
    mixed = ask(registry, 'PUT', f'/v1/images/{RECEIVED.id}/checksum', headers={'X-Docker-Checksum-Payload': payload})
    assert mixed.status == 400


def test_a_push_says_where_to_go_and_gives_a_token(registry: Both) -> None:
    found = ask(registry, 'PUT', '/v1/repositories/team/app/', b'[]', {'X-Docker-Token': 'true'})
    assert found['X-Docker-Endpoints'] == 'localhost:5000'
    assert found['WWW-Authenticate'] == f'Token {found["X-Docker-Token"]}'
    assert found['X-Docker-Token'].endswith(',repository="team/app",access=write')


def test_nobody_makes_an_account_here_and_clients_go_on_with_the_password_that_they_have(registry: Both) -> None:
    made = registry.call_v1('POST', '/v1/users/', document(username='a', password='b', email='c'))  # noqa: S106
    assert (made.status, made.body) == (400, b'"Username or email already exists"')


def test_a_tag_tells_what_pushed_it(registry: Both) -> None:
    for path in ('tags/latest/json', 'json'):
        found = ask(registry, 'GET', f'/v1/repositories/team/app/{path}').json()
        assert isinstance(found.pop('last_update'), int)
        assert found == {
            'docker_version': '1.12.6', 'docker_go_version': 'go1.6.4', 'arch': 'amd64', 'os': 'linux',
            'kernel': '4.4.0',
        }
    unknown = ask(registry, 'GET', '/v1/repositories/team/app/tags/none/json')
    assert (unknown.status, unknown.json()['last_update']) == (200, None)


@pytest.mark.parametrize('name', ['app', 'library/app'])
def test_a_name_alone_is_in_the_library(registry: Both, name: str) -> None:
    registry.v1().push(name, [ROOT], {'1': ROOT.id})
    assert registry('GET', '/v2/app/tags/list').json()['tags'] == ['1']
    assert registry.v1().tags('app') == registry.v1().tags('library/app') == {'1': ROOT.id}


# Who may what


def test_an_id_opens_nothing() -> None:
    registry = Both()
    registry.v1().push('secret/app', [OTHERS], {'1': OTHERS.id})
    mallory = User('mallory', {'pull': ['mallory/app'], 'push': ['mallory/app']})
    client = registry.v1(user=mallory, basic_always=True)
    for what in ('json', 'layer', 'ancestry'):
        found = registry.call_v1('GET', f'/v1/images/{OTHERS.id}/{what}', user=mallory)
        assert (found.status, found.json()) == (404, {'error': 'Image not found'})
    child = images(layer('x'))[0]
    parented = document(id=child.id, parent=OTHERS.id)
    client._begin('PUT', '/v1/repositories/mallory/app/', [{'id': child.id}])
    found = registry.call_v1('PUT', f'/v1/images/{child.id}/json', parented, user=mallory)
    assert (found.status, found.json()['error']) == (400, 'Image depends on a non existing parent')
    found = registry.call_v1('PUT', '/v1/repositories/mallory/app/tags/1', f'"{OTHERS.id}"'.encode(), user=mallory)
    assert found.status == 404


def test_an_id_that_somebody_took_first_is_still_everybodys() -> None:
    """Ids are chosen by clients: whoever knows that of somebody else's image must not be able to replace it."""
    registry = Both()
    squatter = User('mallory', {'pull': ['mallory/app'], 'push': ['mallory/app']})
    fake = images(layer('evil'))[0]
    fake = fake._replace(json=document(id=OTHERS.id))
    registry.v1(user=squatter, basic_always=True).push('mallory/app', [fake], {'1': OTHERS.id})
    owner = User('owner', {'pull': ['owner/app'], 'push': ['owner/app']})
    client = registry.v1(user=owner, basic_always=True)
    client.push('owner/app', [OTHERS], {'1': OTHERS.id})
    assert client.pull('owner/app', '1') == [OTHERS]
    assert registry.v1(user=squatter, basic_always=True).pull('mallory/app', '1') == [fake]


def test_what_one_may_read_elsewhere_is_not_sent_again() -> None:
    registry = Both()
    both = User('both', {'pull': ['a/app', 'b/app'], 'push': ['a/app', 'b/app']})
    client = registry.v1(user=both, basic_always=True)
    assert client.push('a/app', [ROOT, TOP], {'1': TOP.id}) == 2
    assert client.push('b/app', [ROOT, TOP], {'1': TOP.id}) == 0
    only = User('only', {'pull': ['b/app']})
    assert registry.v1(user=only, basic_always=True).pull('b/app', '1') == [ROOT, TOP]


def test_an_image_is_pushed_only_to_where_one_may_push() -> None:
    registry = Both()
    reader = User('reader', {'pull': ['team/app']})
    assert registry.call_v1('PUT', '/v1/repositories/team/app/', b'[]', user=reader).status == 401
    found = registry.call_v1('PUT', f'/v1/images/{ROOT.id}/json', ROOT.json, user=reader)
    assert found.status == 400 and 'announce' in found.json()['error']


def test_a_configuration_cannot_give_an_id_another_meaning() -> None:
    """An id that is named by what the second version pushes, and means something here already, goes on meaning that."""
    registry = Both()
    registry.v1().push('team/app', [ROOT, TOP], {'1': TOP.id})
    manifest = registry('GET', '/v2/team/app/manifests/1').json()
    config = registry('GET', f'/v2/team/app/blobs/{manifest["config"]["digest"]}').json()
    data, evil = json.dumps(config).encode(), packed(layer('evil'))
    manifest['layers'][0] |= {'digest': registry.push_blob('team/app', evil), 'size': len(evil)}
    manifest['config'] |= {'digest': registry.push_blob('team/app', data), 'size': len(data)}
    registry.push('team/app', 'evil', json.dumps(manifest).encode(), manifest['mediaType'])
    pulled = registry.v1().pull('team/app', 'evil')
    assert {image.id for image in pulled}.isdisjoint({ROOT.id, TOP.id})
    assert pulled[0].layer == evil
    assert registry.v1().pull('team/app', '1') == [ROOT, TOP]


def test_the_empty_layer_needs_no_store(registry: Both) -> None:
    image = images(EMPTY_LAYER)[0]
    registry.v1().push('team/empty', [image], {'1': image.id})
    assert registry.v1().pull('team/empty', '1') == [image]
    manifest = registry('GET', '/v2/team/empty/manifests/1').json()
    assert manifest['layers'] == []
