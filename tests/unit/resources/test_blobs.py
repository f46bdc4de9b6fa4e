"""Blobs and their uploads over HTTP: distribution-spec 1.1 "Pulling blobs", "Pushing blobs", "Deleting Blobs"."""

import pytest

from objreg import keys
from objreg.app import factory
from objreg.config import ConfigError, as_networks
from objreg.drivers.memory import MemoryStore
from objreg.names import Digest
from objreg.registry import Registry
from objreg.store import Capabilities
from objreg.uploads import PART
from objreg.wrap.cache import CachedStore
from tests.inprocess import Client, Stream

DATA = b'0123456789'
DIGEST = Digest.of(DATA)
ABSENT = Digest.of(b'absent')


def url(digest=DIGEST, name='app'):
    return f'/v2/{name}/blobs/{digest}'


@pytest.fixture
def pushed(client):
    client.push_blob('app', DATA)
    return client


# Pull

def test_a_blob_comes_back(pushed):
    answer = pushed('GET', url())
    assert (answer.status, answer.body) == (200, DATA)
    assert answer['Content-Type'] == 'application/octet-stream'
    assert answer['Docker-Content-Digest'] == str(DIGEST)
    assert answer['ETag'] == f'"{DIGEST}"'
    assert 'immutable' in answer['Cache-Control']


def test_head_is_get_without_a_body(pushed):
    get, head = pushed('GET', url()), pushed('HEAD', url())
    assert (head.status, sorted(head.headers), head.body) == (get.status, sorted(get.headers), b'')


@pytest.mark.parametrize(('header', 'status', 'body', 'content_range'), [
    ('bytes=0-0', 206, b'0', 'bytes 0-0/10'), ('bytes=2-4', 206, b'234', 'bytes 2-4/10'),
    ('bytes=7-', 206, b'789', 'bytes 7-9/10'), ('bytes=-3', 206, b'789', 'bytes 7-9/10'),
    ('bytes=0-99', 206, DATA, 'bytes 0-9/10'), ('bytes=-99', 206, DATA, 'bytes 0-9/10'),
    ('bytes=0-1,4-5', 200, DATA, None), ('lines=0-1', 200, DATA, None), ('bytes=4-2', 416, None, 'bytes */10'),
    ('nonsense', 200, DATA, None), ('bytes=10-', 416, None, 'bytes */10'), ('bytes=-0', 416, None, 'bytes */10'),
])
def test_ranges(pushed, header, status, body, content_range):
    answer = pushed('GET', url(), headers={'Range': header})
    assert answer.status == status
    assert answer.all('Content-Range') == ([content_range] if content_range else [])
    if body is None:
        assert answer.code == 'RANGE_INVALID'
    else:
        assert answer.body == body


@pytest.mark.parametrize('header', ['bytes=0-', 'bytes=0-0', 'bytes=-1'])
def test_no_range_lies_within_an_empty_blob(client, header):
    client.push_blob('app', b'')
    assert client('GET', url(Digest.of(b''))).body == b''
    assert client('GET', url(Digest.of(b'')), headers={'Range': header}).status == 416


@pytest.mark.parametrize(('header', 'status'), [
    (f'"{DIGEST}"', 304), (f'W/"{DIGEST}"', 304), (f'"x", "{DIGEST}"', 304), (f'"{ABSENT}"', 200), ('', 200),
])
def test_if_none_match(pushed, header, status):
    assert pushed('GET', url(), headers={'If-None-Match': header}).status == status


@pytest.mark.parametrize(('reference', 'error'), [
    (str(ABSENT), (404, 'BLOB_UNKNOWN')), ('sha256:abc', (400, 'DIGEST_INVALID')), ('latest', (400, 'DIGEST_INVALID')),
    ('md5:abc', (400, 'UNSUPPORTED')), (str(DIGEST).upper(), (400, 'DIGEST_INVALID')),
])
@pytest.mark.parametrize('method', ['GET', 'DELETE'])
def test_what_is_not_there(pushed, method, reference, error):
    answer = pushed(method, url(reference))
    assert (answer.status, answer.code) == error
    assert pushed('HEAD', url(reference)).status == error[0]


def test_a_repository_serves_only_its_own_members(pushed):
    for method in ('GET', 'HEAD', 'DELETE'):
        assert pushed(method, url(name='other')).status == 404
    assert pushed('GET', url()).status == 200


@pytest.mark.parametrize('method', ['POST', 'PUT', 'PATCH', 'OPTIONS', 'get'])
def test_other_methods_are_told_which_there_are(pushed, method):
    answer = pushed(method, url())
    assert (answer.status, answer['Allow']) == (405, 'GET, HEAD, DELETE')


@pytest.mark.parametrize('damage', [b'012345678', b'0123456789a', b''])
@pytest.mark.parametrize('headers', [{}, {'Range': 'bytes=9-9'}])
def test_a_blob_of_another_size_than_was_pushed_is_not_served(pushed, damage, headers):
    pushed.store.put(keys.content(DIGEST), damage)
    answer = pushed('GET', url(), headers=headers)
    assert (answer.status == 503 and answer.code == 'UNAVAILABLE') or (answer.body == b'9' and headers)


class Signing(MemoryStore):
    def url(self, key, seconds, *, method='GET', content_type=None):
        return f'https://store.example/{key}?for={seconds}'


def test_where_the_store_can_sign_the_client_is_sent_there():
    client = Client(Signing(), redirect_seconds=60)
    client.push_blob('app', DATA)
    answer = client('GET', url())
    assert (answer.status, answer['Location']) == (307, f'https://store.example/{keys.content(DIGEST)}?for=60')
    assert client('HEAD', url()).status == 200
    assert client('GET', url(ABSENT)).status == 404
    assert client('GET', url(name='other')).status == 404


@pytest.mark.parametrize(('address', 'client', 'status'), [
    ('10.1.2.3', '', 307), ('192.0.2.1', '', 200), ('192.0.2.1', '10.1.2.3', 307), ('10.1.2.3', '192.0.2.1', 200),
    ('', '', 200),
])
def test_only_clients_of_some_networks_are_sent_there(address, client, status):
    """The client is the one that a trusted proxy names, and the address of the connection where there is none."""
    node = Client(Signing(), redirect_networks=tuple(as_networks('10.0.0.0/8 2001:db8::/32')))
    node.push_blob('app', DATA)
    environ = {'REMOTE_ADDR': address, **({'objreg.client': client} if client else {})}
    assert node('GET', url(), environ=environ).status == status


def test_a_redirect_carries_nothing_of_the_client():
    """CVE-2026-33540, CVE-2020-15157: credentials went where an answer led."""
    node = Client(Signing())
    node.push_blob('app', DATA)
    answer = node('GET', url(), headers={'Authorization': 'Bearer s3cret', 'Cookie': 's3cret'})
    assert answer.status == 307
    assert 's3cret' not in repr(answer)


@pytest.mark.parametrize(('driver', 'is_good'), [('memory', False), ('s3', True)])
def test_a_redirect_that_cannot_be_stops_the_start(driver, is_good, tmp_path):
    options = {'s3': ', endpoint: "http://127.0.0.1:9", preset: ceph, bucket: b, access_key: a, secret_key: b'}
    (tmp_path / 'stores.yml').write_text(f'default: {{driver: {driver}{options.get(driver, "")}}}')
    conf = {'here': str(tmp_path)}
    if is_good:
        assert factory(conf, redirect='always').registry.store.capabilities.presign
        return
    with pytest.raises(ConfigError, match='^redirect = always: '):
        factory(conf, redirect='always')


def test_redirects_can_be_switched_off():
    client = Client(Signing(), redirect='never')
    client.push_blob('app', DATA)
    assert client('GET', url()).body == DATA


# Delete

def test_a_blob_is_taken_out_of_one_repository(pushed):
    pushed.push_blob('other', DATA)
    assert pushed('DELETE', url()).status == 202
    assert pushed('HEAD', url()).status == 404
    assert pushed('GET', url(name='other')).body == DATA


def test_deleting_can_be_switched_off():
    client = Client(delete=False)
    client.push_blob('app', DATA)
    answer = client('DELETE', url())
    assert (answer.status, answer.code) == (400, 'UNSUPPORTED')
    assert client('HEAD', url()).status == 200


# Push

@pytest.mark.parametrize('algorithm', ['sha256', 'sha512'])
@pytest.mark.parametrize('stream', [False, True])
@pytest.mark.parametrize('way', ['POST', 'PUT', 'PATCH', 'PATCH PATCH', 'PATCH PUT', 'ranges'])
@pytest.mark.parametrize('data', [DATA, b''])
def test_every_way_to_push_a_blob(client, way, stream, algorithm, data):
    digest = Digest.of(data, algorithm)

    def body(piece):
        return Stream([piece[:1], piece[1:]] if piece else []) if stream else piece

    if way == 'POST':
        answer = client('POST', f'/v2/app/blobs/uploads/?digest={digest}', body(data))
    else:
        at = client('POST', f'/v2/app/blobs/uploads/?digest-algorithm={algorithm}')['Location']
        last = body(b'')
        middle = len(data) // 2
        if way == 'PUT':
            last = body(data)
        elif way == 'PATCH':
            at = client('PATCH', at, body(data))['Location']
        elif way == 'PATCH PATCH':
            for piece in (data[:middle], data[middle:]):
                at = client('PATCH', at, body(piece))['Location']
        elif way == 'PATCH PUT':
            at = client('PATCH', at, body(data[:middle]))['Location']
            last = body(data[middle:])
        elif data:
            for first, piece in ((0, data[:middle]), (middle, data[middle:])):
                answer = client('PATCH', at, body(piece), {'Content-Range': f'{first}-{first + len(piece) - 1}'})
                assert answer['Range'] == f'0-{first + len(piece) - 1}'
                at = answer['Location']
        answer = client('PUT', f'{at}&digest={digest}', last)
    assert (answer.status, answer['Location']) == (201, url(digest))
    assert answer['Docker-Content-Digest'] == str(digest)
    assert client('GET', url(digest)).body == data


@pytest.mark.parametrize('way', ['POST', 'PUT', 'PATCH', 'PATCH PATCH'])
@pytest.mark.parametrize('stream', [False, True])
@pytest.mark.parametrize('wrong', [ABSENT, Digest.of(DATA + b'a', 'sha512'), Digest.of(b'')])
def test_a_wrong_digest_makes_no_member(client, way, stream, wrong):
    """cloudflare/serverless-registry#87: one of the ways was not verified."""
    def body():
        return Stream([DATA[:4], DATA[4:]]) if stream else DATA

    if way == 'POST':
        answer = client('POST', f'/v2/app/blobs/uploads/?digest={wrong}', body())
    else:
        at = client.start('app')
        for _ in way.split()[1:] if way != 'PATCH' else [0]:
            at = client('PATCH', at, body())['Location']
        answer = client('PUT', f'{at}&digest={wrong}', b'' if way == 'PATCH' else body())
    assert (answer.status, answer.code) == (400, 'DIGEST_INVALID')
    assert client('HEAD', url(wrong)).status == 404
    assert list(client.store.list('repositories/')) == []
    assert client.store.page(keys.content(wrong)).entries == []


@pytest.mark.parametrize(('text', 'code'), [
    ('', 'DIGEST_INVALID'), ('sha256:abc', 'DIGEST_INVALID'), ('md5:abc', 'UNSUPPORTED'),
    (str(DIGEST).upper(), 'DIGEST_INVALID'), ('sha512:' + DIGEST.hex, 'DIGEST_INVALID'),
])
def test_a_digest_that_is_none(client, text, code):
    for method, target in (('POST', '/v2/app/blobs/uploads/?'), ('PUT', client.start('app') + '&')):
        answer = client(method, f'{target}digest={text}', DATA)
        assert (answer.status, answer.code) == (400, code)


def test_a_put_has_to_name_the_digest(client):
    answer = client('PUT', client.start('app'), DATA)
    assert (answer.status, answer.code) == (400, 'DIGEST_INVALID')


def test_an_unknown_algorithm_is_said_before_the_bytes_are_sent(client):
    answer = client('POST', '/v2/app/blobs/uploads/?digest-algorithm=md5')
    assert (answer.status, answer.code) == (400, 'UNSUPPORTED')


@pytest.mark.parametrize(('header', 'status'), [
    ('0-4', 416), ('6-9', 416), ('4-7', 416), ('5-9', 202), ('5-8', 400), ('nonsense', 400), ('9-5', 400),
])
def test_pieces_follow_each_other(client, header, status):
    at = client('PATCH', client.start('app'), DATA[:5], {'Content-Range': '0-4'})['Location']
    answer = client('PATCH', at, DATA[5:], {'Content-Range': header})
    assert answer.status == status
    if status == 416:
        assert answer.code == 'BLOB_UPLOAD_INVALID'
        assert answer['Range'] == '0-4'
    if status != 400:
        at = answer['Location']
    if status != 202:
        at = client('PATCH', at, DATA[5:], {'Content-Range': '5-9'})['Location']
    assert client('PUT', f'{at}&digest={DIGEST}').status == 201
    assert client('GET', url()).body == DATA


@pytest.mark.parametrize(('capabilities', 'told'), [
    (Capabilities(), []), (Capabilities(min_part=5 * 1024**2), [str(PART)]),
    (Capabilities(min_part=2 * PART), [str(2 * PART)]),
])
def test_the_length_of_a_piece_that_costs_least_is_told_where_parts_are_equal(capabilities, told):
    """OCI-Chunk-Min-Length"""
    store = MemoryStore()
    store.capabilities = capabilities
    node = Client(store)
    begun = node('POST', '/v2/app/blobs/uploads/')
    assert begun.all('OCI-Chunk-Min-Length') == told
    assert node('PATCH', begun['Location'], DATA).all('OCI-Chunk-Min-Length') == told


def test_the_last_piece_follows_too(client):
    at = client('PATCH', client.start('app'), DATA[:5])['Location']
    assert client('PUT', f'{at}&digest={DIGEST}', DATA[5:], {'Content-Range': '4-8'}).status == 416
    assert client('PUT', f'{at}&digest={DIGEST}', DATA[5:], {'Content-Range': '5-9'}).status == 201


def test_a_body_that_breaks_off_keeps_what_arrived(client):
    at = client('PATCH', client.start('app'), DATA[:3])['Location']
    answer = client('PATCH', at, Stream([DATA[3:6]], ConnectionResetError('gone')), length=7)
    assert answer.status == 400
    answer = client('GET', at)
    assert (answer.status, answer['Range']) == (204, '0-5')
    assert client('PUT', f'{answer["Location"]}&digest={DIGEST}', DATA[6:]).status == 201
    assert client('GET', url()).body == DATA


@pytest.mark.parametrize('length', ['-1', '+5', '5x', '0x5', '\u0665', '1_0', '5,5'])
def test_a_length_that_is_none_is_refused(client, length):
    answer = client('POST', f'/v2/app/blobs/uploads/?digest={DIGEST}', DATA, {'Content-Length': length})
    assert (answer.status, answer.code) == (400, 'SIZE_INVALID')


def test_a_session_is_cancelled(client):
    at = client('PATCH', client.start('app'), DATA)['Location']
    assert client('DELETE', at).status == 204
    for method in ('GET', 'PATCH', 'DELETE'):
        answer = client(method, at)
        assert (answer.status, answer.code) == (404, 'BLOB_UPLOAD_UNKNOWN')
    assert client('PUT', f'{at}&digest={DIGEST}').status == 404


@pytest.mark.parametrize('method', ['GET', 'PATCH', 'PUT', 'DELETE'])
@pytest.mark.parametrize('target', ['nothing', 'a' * 32, '..', 'x?_state=', 'x?_state=a.b.c', 'x?_state=' + 'a' * 5000])
def test_an_unknown_session(client, method, target):
    answer = client(method, f'/v2/app/blobs/uploads/{target}')
    assert (answer.status, answer.code) == (404, 'BLOB_UPLOAD_UNKNOWN')


def test_any_node_goes_on_with_an_upload():
    store = MemoryStore()
    nodes = [Client(registry=Registry(store)) for _ in range(2)]
    at = nodes[0].start('app')
    for number, byte in enumerate(DATA):
        at = nodes[number % 2]('PATCH', at, bytes([byte]))['Location']
    assert nodes[1]('PUT', f'{at}&digest={DIGEST}').status == 201
    assert nodes[0]('GET', url()).body == DATA


# Mount

def test_a_mount_needs_no_bytes(pushed):
    answer = pushed('POST', f'/v2/other/blobs/uploads/?mount={DIGEST}&from=app')
    assert (answer.status, answer['Location']) == (201, url(name='other'))
    assert pushed('GET', url(name='other')).body == DATA


@pytest.mark.parametrize('query', [
    f'mount={ABSENT}&from=app', f'mount={ABSENT}', f'mount={ABSENT}&from=none', f'mount={ABSENT}&from=../x',
    f'mount={ABSENT}&from=',
])
def test_what_cannot_be_mounted_begins_an_upload(pushed, query):
    answer = pushed('POST', f'/v2/other/blobs/uploads/?{query}')
    assert answer.status == 202
    assert pushed('PUT', f'{answer["Location"]}&digest={ABSENT}', b'absent').status == 201


def test_a_mount_of_what_is_no_digest(pushed):
    answer = pushed('POST', '/v2/other/blobs/uploads/?mount=sha256:abc&from=app')
    assert (answer.status, answer.code) == (400, 'DIGEST_INVALID')


def test_a_push_of_a_blob_that_another_node_has_deleted_is_taken():
    bucket = MemoryStore()
    here, elsewhere = (Client(CachedStore(bucket)) for _ in range(2))
    path = f'/v2/a/blobs/{here.push_blob("a", b"deleted elsewhere")}'
    assert here('HEAD', path).status == 200
    assert elsewhere('DELETE', path).status == 202
    here.push_blob('a', b'deleted elsewhere')
    assert Client(bucket)('GET', path).body == b'deleted elsewhere'
