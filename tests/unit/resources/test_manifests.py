"""Manifests over HTTP: distribution-spec 1.1 "Pulling manifests", "Pushing Manifests", "Content Management"."""

import json

import pytest

from objreg import keys
from objreg.drivers.memory import MemoryStore
from objreg.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from objreg.names import Digest
from objreg.wrap.cache import CachedStore
from tests.documents import CONFIG, CONFIG_TYPE, dump, image, index, named
from tests.inprocess import Client, Stream

ABSENT = Digest.of(b'absent')


def url(reference, name='app'):
    return f'/v2/{name}/manifests/{reference}'


@pytest.fixture
def pushed(client):
    return client.push_image('app', 'v1', b'layer')


# Pull

@pytest.mark.parametrize('by', ['tag', 'digest'])
def test_a_manifest_comes_back_as_it_was_pushed(client, by):
    odd = image(b'layer').replace(b':', b' :\n ', 1)
    client.push_image('app', 'v1', b'layer')
    client.push('app', 'odd', odd)
    answer = client('GET', url('odd' if by == 'tag' else Digest.of(odd)))
    assert (answer.status, answer.body) == (200, odd)
    assert answer['Content-Type'] == OCI_MANIFEST
    assert answer['Docker-Content-Digest'] == str(Digest.of(odd))
    assert answer['ETag'] == f'"{Digest.of(odd)}"'
    assert answer['Content-Length'] == str(len(odd))


@pytest.mark.parametrize('reference', ['v1', 'digest'])
def test_head_is_get_without_a_body(client, pushed, reference):
    target = url(Digest.of(pushed) if reference == 'digest' else reference)
    get, head = client('GET', target), client('HEAD', target)
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b'')


@pytest.mark.parametrize(('header', 'status'), [
    ('"{}"', 304), ('W/"{}"', 304), ('"x", "{}"', 304), ('{}', 304), ('"x"', 200), ('', 200),
])
@pytest.mark.parametrize('method', ['GET', 'HEAD'])
def test_if_none_match(client, pushed, header, status, method):
    answer = client(method, url('v1'), headers={'If-None-Match': header.format(Digest.of(pushed))})
    assert answer.status == status
    assert answer['ETag'] == f'"{Digest.of(pushed)}"'


ACCEPT_OF_DOCKER = f'{DOCKER_MANIFEST}, {DOCKER_LIST}, {OCI_MANIFEST}, {OCI_INDEX}, */*'


@pytest.mark.parametrize(('accept', 'served'), [
    (None, OCI_INDEX), ('*/*', OCI_INDEX), (ACCEPT_OF_DOCKER, OCI_INDEX), (OCI_INDEX, OCI_INDEX),
    (f'{OCI_MANIFEST}, {OCI_INDEX};q=0.5', OCI_INDEX),
    (OCI_MANIFEST, OCI_MANIFEST),  # a client that knows no index: the image for linux/amd64
    (DOCKER_MANIFEST, None), ('text/html', None), (DOCKER_LIST, None),
])
def test_accept(client, accept, served):
    amd = client.push_image('app', 'amd', b'amd')
    client.push_image('app', 'arm', b'arm')
    document = json.loads(index(image(b'arm'), amd))
    document['manifests'][0]['platform'] = {'os': 'linux', 'architecture': 'arm64'}
    document['manifests'][1]['platform'] = {'os': 'linux', 'architecture': 'amd64'}
    whole = dump(document)
    assert client.push('app', 'all', whole, OCI_INDEX).status == 201
    headers = {} if accept is None else {'Accept': accept}
    answer = client('GET', url('all'), headers=headers)
    if served is None:
        assert (answer.status, answer.code) == (404, 'MANIFEST_UNKNOWN')
    else:
        assert (answer.body, answer['Content-Type']) == (whole if served == OCI_INDEX else amd, served)
    # by digest it is what was asked for, whatever Accept says
    assert client('GET', url(Digest.of(whole)), headers=headers).body == whole


# Push

def test_a_push_by_tag_tells_where_it_is_by_digest(client):
    client.push_image('app', 'v0', b'layer')
    data = image(b'layer', annotations={'a': 'b'})
    answer = client.push('app', 'v1', data)
    assert (answer.status, answer.body) == (201, b'')
    assert answer['Location'] == url(Digest.of(data))
    assert answer['Docker-Content-Digest'] == str(Digest.of(data))
    assert client('GET', answer['Location']).body == data


def test_a_push_by_digest_sets_no_tag(client, pushed):
    data = image(b'layer', annotations={'a': 'b'})
    assert client.push('app', str(Digest.of(data)), data).status == 201
    assert client('GET', '/v2/app/tags/list').json()['tags'] == ['v1']


def test_sha512(client, pushed):
    digest = Digest.of(pushed, 'sha512')
    answer = client.push('app', str(digest), pushed)
    assert answer['Docker-Content-Digest'] == str(digest)
    assert client('GET', url(digest)).body == pushed


def test_several_tags_in_one_put(client, pushed):
    answer = client.push('app', f'{Digest.of(pushed)}?tag=a&tag=b&tag=a', pushed)
    assert answer.status == 201
    assert answer.all('OCI-Tag') == ['a', 'b']
    assert {tag: client('GET', url(tag)).body for tag in ('a', 'b', 'v1')} == dict.fromkeys(('a', 'b', 'v1'), pushed)


@pytest.mark.parametrize(('query', 'status', 'code'), [
    ('?tag=', 400, 'TAG_INVALID'), ('?tag=..', 400, 'TAG_INVALID'), ('?tag=ok&tag=a%2Fb', 400, 'TAG_INVALID'),
    ('?' + '&'.join(f'tag=t{number}' for number in range(17)), 400, 'TAG_INVALID'),
    ('?tag=%ff', 400, 'REQUEST_INVALID'),
])
def test_of_tags_that_are_not_all_good_none_is_set(client, pushed, query, status, code):
    answer = client.push('app', f'{Digest.of(pushed)}{query}', pushed)
    assert (answer.status, answer.code) == (status, code)
    assert client('GET', '/v2/app/tags/list').json()['tags'] == ['v1']


@pytest.mark.parametrize(('data', 'media_type', 'status', 'code'), [
    (b'', OCI_MANIFEST, 400, 'MANIFEST_INVALID'),
    (b'{}', OCI_MANIFEST, 400, 'MANIFEST_INVALID'),
    (image(b'layer'), DOCKER_MANIFEST, 400, 'MANIFEST_INVALID'),
    (image(b'layer'), OCI_INDEX, 400, 'MANIFEST_INVALID'),
    (image(b'elsewhere'), OCI_MANIFEST, 404, 'MANIFEST_BLOB_UNKNOWN'),
    (image(b'layer', config=b'other'), OCI_MANIFEST, 404, 'MANIFEST_BLOB_UNKNOWN'),
    (index(image(b'elsewhere')), OCI_INDEX, 404, 'MANIFEST_BLOB_UNKNOWN'),
    (image(b'layer', layers=[named(b'layer') | {'size': 6}]), OCI_MANIFEST, 400, 'MANIFEST_INVALID'),
    (image(b'layer', layers=[named(b'layer') | {'digest': 'sha256:abc'}]), OCI_MANIFEST, 400, 'DIGEST_INVALID'),
    (image(b'layer', layers=[named(b'layer') | {'digest': 'md5:abc'}]), OCI_MANIFEST, 400, 'UNSUPPORTED'),
    (image(b'layer', schemaVersion=1), OCI_MANIFEST, 400, 'MANIFEST_INVALID'),
    (image(b'layer') + b' ' * 4 * 1024**2, OCI_MANIFEST, 413, 'MANIFEST_INVALID'),
], ids=lambda value: str(value)[:40])
def test_what_is_refused_leaves_nothing_behind(client, data, media_type, status, code):
    client.push_image('app', 'v1', b'layer')
    before = [entry.key for entry in client.store.list('')]
    answer = client.push('app', 'bad', data, media_type)
    assert (answer.status, answer.code) == (status, code)
    assert [entry.key for entry in client.store.list('')] == before


def test_what_is_missing_is_named(client):
    client.push_blob('app', CONFIG)
    answer = client.push('app', 'v1', image(b'one', b'two', b'one'))
    missing = sorted(str(Digest.of(data)) for data in (b'one', b'two'))
    assert answer.json()['errors'][0]['detail'] == {'digests': missing}


def test_a_wrong_digest_is_told(client, pushed):
    answer = client.push('app', str(ABSENT), pushed)
    assert (answer.status, answer.code) == (400, 'DIGEST_INVALID')
    assert answer.json()['errors'][0]['detail'] == {'expected': str(ABSENT), 'found': str(Digest.of(pushed))}


def test_schema_1_is_told_the_way_out(client):
    signed = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
    answer = client.push('app', 'v1', b'{"schemaVersion":1}', signed)
    assert 'skopeo copy --format v2s2' in answer.json()['errors'][0]['detail']


def test_the_limit_of_size_is_exact_and_streams_are_not_read_beyond_it():
    client = Client(manifest_size=1000)
    client.push_image('app', 'v1', b'layer')
    fits = image(b'layer').ljust(1000)
    assert client.push('app', 'fits', fits).status == 201
    assert client.push('app', 'large', fits + b' ').status == 413
    assert client.push('app', 'streamed', Stream([fits])).status == 201
    endless = Stream(iter(lambda: b' ' * 100, None))
    assert client.push('app', 'endless', endless).status == 413
    client.registry.close()


@pytest.mark.parametrize('stream', [
    Stream([b'{"schema']), Stream([b'{"schema'], ConnectionResetError('gone')),
])
def test_a_body_that_is_cut_short_is_no_manifest(client, stream):
    answer = client.push('app', 'v1', stream, length=500)
    assert (answer.status, answer.code) == (400, 'SIZE_INVALID')


def test_the_same_bytes_are_never_of_two_types(client):
    """CVE-2021-41190: what a digest names must not depend on who asks how."""
    client.push_image('app', 'v1', b'layer')
    document = json.loads(image(b'layer', annotations={'a': 'b'}))
    del document['mediaType']
    data = dump(document)
    assert client.push('app', 'v2', data, OCI_MANIFEST).status == 201
    answer = client.push('app', 'v3', data, DOCKER_MANIFEST)
    assert (answer.status, answer.code) == (400, 'MANIFEST_INVALID')
    assert client('GET', url(Digest.of(data)))['Content-Type'] == OCI_MANIFEST
    assert client('HEAD', url('v3')).status == 404


# Children

def test_an_index_of_an_index(client, pushed):
    inner = index(pushed)
    assert client.push('app', 'inner', inner, OCI_INDEX).status == 201
    outer = dump({'schemaVersion': 2, 'manifests': [named(inner, OCI_INDEX)]})
    assert client.push('app', 'outer', outer, OCI_INDEX).status == 201


def test_an_empty_index(client):
    assert client.push('app', 'none', index(), OCI_INDEX).status == 201


def test_a_sparse_index_is_taken_where_that_is_wanted():
    client = Client(sparse='indexes')
    assert client.push('app', 'sparse', index(image(b'elsewhere')), OCI_INDEX).status == 201
    answer = client.push('app', 'image', image(b'elsewhere'))
    assert (answer.status, answer.code) == (404, 'MANIFEST_BLOB_UNKNOWN')
    client.registry.close()


def test_foreign_layers_need_not_be_here(client):
    client.push_blob('app', CONFIG)
    kind = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
    foreign = named(b'windows', kind, urls=['https://example.com/layer'])
    assert client.push('app', 'v1', image(layers=[foreign])).status == 201
    del foreign['urls']
    assert client.push('app', 'v2', image(layers=[foreign])).status == 404


def test_a_blob_of_another_repository_is_no_child(client, pushed):
    client.push_blob('other', CONFIG)
    assert client.push('other', 'v1', pushed).status == 404


def test_a_data_field_spares_no_push_of_the_blob(client):
    data = dump(json.loads(image()) | {'config': named(b'{}', CONFIG_TYPE) | {'data': 'e30='}})
    assert client.push('app', 'v1', data).status == 404
    client.push_blob('app', b'{}')
    assert client.push('app', 'v1', data).status == 201


# Conditions

@pytest.mark.parametrize(('headers', 'statuses'), [
    ({'If-None-Match': '*'}, (201, 412, 412)),
    ({'If-Match': '*'}, (412, 201, 201)),
    ({'If-Match': '"{same}"'}, (412, 201, 412)),
    ({'If-Match': '"x", "{same}"'}, (412, 201, 412)),
    ({'If-None-Match': '"{same}"'}, (201, 412, 201)),
    ({'If-Match': '"x"'}, (412, 412, 412)),
    ({'If-None-Match': '"x"'}, (201, 201, 201)),
])
def test_conditions_on_a_tag(client, pushed, headers, statuses):
    changed = image(b'layer', annotations={'new': 'yes'})
    client.push('app', 'v2', image(b'layer', annotations={'other': 'yes'}))
    sent = {header: value.format(same=Digest.of(pushed)) for header, value in headers.items()}
    for tag, status in zip(('absent', 'v1', 'v2'), statuses, strict=True):
        before = client('GET', url(tag)).body
        answer = client('PUT', url(tag), changed, {'Content-Type': OCI_MANIFEST, **sent})
        assert answer.status == status, tag
        assert client('GET', url(tag)).body == (changed if status == 201 else before)
        if status == 412:
            assert answer.code == 'PRECONDITION_FAILED'


# Subjects

def test_a_subject_is_told_and_need_not_be_here(client, pushed):
    data = image(b'layer', subject=named(b'absent', OCI_MANIFEST))
    assert client.push('app', 'signature', data)['OCI-Subject'] == str(ABSENT)
    assert not client.push('app', 'v2', image(b'layer', annotations={'a': 'b'})).all('OCI-Subject')


def test_a_second_push_of_a_signature_tells_its_subject_too(client, pushed):
    data = image(b'layer', subject=named(pushed, OCI_MANIFEST))
    for _ in range(2):
        assert client.push('app', str(Digest.of(data)), data)['OCI-Subject'] == str(Digest.of(pushed))


# Delete

def test_a_tag_goes_alone(client, pushed):
    client.push('app', 'v2', pushed)
    assert client('DELETE', url('v1')).status == 202
    assert client('GET', url('v1')).status == 404
    assert client('GET', url('v2')).body == pushed
    assert client('GET', url(Digest.of(pushed))).body == pushed


def test_a_manifest_goes_with_its_tags_and_with_no_others(client, pushed):
    kept = image(b'layer', annotations={'a': 'b'})
    client.push('app', 'v2', pushed)
    client.push('app', 'moved', pushed)
    client.push('app', 'moved', kept)
    assert client('DELETE', url(Digest.of(pushed))).status == 202
    assert [client('GET', url(reference)).status for reference in ('v1', 'v2', Digest.of(pushed))] == [404] * 3
    assert client('GET', url('moved')).body == kept


def test_a_referrer_goes_with_its_manifest(client, pushed):
    data = image(b'layer', subject=named(pushed, OCI_MANIFEST))
    client.push('app', str(Digest.of(data)), data)
    client('DELETE', url(Digest.of(data)))
    assert client('GET', f'/v2/app/referrers/{Digest.of(pushed)}').json()['manifests'] == []
    assert list(client.store.list('repositories/app/_referrers/')) == []


def test_a_tag_that_was_deleted_can_be_pushed_again(client, pushed):
    client('DELETE', url('v1'))
    client('DELETE', url(Digest.of(pushed)))
    assert client.push('app', 'v1', pushed).status == 201
    assert client('GET', url('v1')).body == pushed


@pytest.mark.parametrize(('reference', 'error'), [
    ('none', (404, 'MANIFEST_UNKNOWN')), (str(ABSENT), (404, 'MANIFEST_UNKNOWN')),
    ('sha256:abc', (400, 'DIGEST_INVALID')), ('md5:abc', (400, 'UNSUPPORTED')), ('-bad', (400, 'TAG_INVALID')),
    ('a' * 129, (400, 'TAG_INVALID')),
])
@pytest.mark.parametrize('method', ['GET', 'DELETE'])
def test_what_is_not_there(client, pushed, method, reference, error):
    answer = client(method, url(reference))
    assert (answer.status, answer.code) == error
    assert client('GET', url('v1')).body == pushed


def test_deleting_can_be_switched_off():
    client = Client(delete=False)
    pushed = client.push_image('app', 'v1', b'layer')
    for reference in ('v1', Digest.of(pushed)):
        answer = client('DELETE', url(reference))
        assert (answer.status, answer.code) == (400, 'UNSUPPORTED')
    assert client('GET', url('v1')).body == pushed
    client.registry.close()


@pytest.mark.parametrize('method', ['POST', 'PATCH', 'OPTIONS', 'TRACE', 'get', '__INIT__'])
def test_other_methods_are_told_which_there_are(client, method):
    answer = client(method, url('v1'))
    assert (answer.status, answer.code) == (405, 'UNSUPPORTED')
    assert answer['Allow'] == 'GET, HEAD, PUT, DELETE'


def test_a_damaged_manifest_is_never_served(client, pushed):
    key = keys.tag('app', 'v1')
    client.store.put(key, client.store.read(key).replace(b'"data":"ey', b'"data":"fy'))
    answer = client('GET', url('v1'))
    assert (answer.status, answer.code) == (503, 'UNAVAILABLE')


@pytest.mark.parametrize('tag', ['tag', 'another'])
def test_a_push_of_what_another_node_has_deleted_writes_it_again(tag):
    bucket = MemoryStore()
    here, elsewhere = (Client(CachedStore(bucket)) for _ in range(2))
    manifest = here.push_image('a', 'tag', b'layer')
    path = f'/v2/a/manifests/{Digest.of(manifest)}'
    assert here('GET', path).status == 200
    assert elsewhere('DELETE', path).status == 202
    assert here.push('a', tag, manifest).status == 201
    assert Client(bucket)('GET', path).body == manifest
    assert Client(bucket)('GET', f'/v2/a/manifests/{tag}').body == manifest
