"""Tags, the catalog and referrers: distribution-spec 1.1 "Content Discovery"; Docker Registry API v2 "Catalog"."""

import json

import pytest

from objreg import keys
from objreg.drivers.memory import MemoryStore
from objreg.manifest import OCI_INDEX, OCI_MANIFEST
from objreg.names import Digest
from tests.documents import CONFIG_TYPE, dump, image, index, named
from tests.inprocess import Client, User

TAGS = sorted(['1', '1.0', '1.0-a', '10', '2', 'A', 'Z', '_x', 'a', 'a-b', 'a.b', 'a_b', 'latest', 'z'])
NAMES = sorted(['a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a_b', 'aa', 'ab', 'b', 'b/a', 'z9'])
INVALID = ['-1', '1.0', 'a', '', '%D9%A1', '1e3', '0x10', '%201', '+1', '1_0', '%00', '1' + 'a' * 1000]
HUGE = ['1000000000000', '9' * 19, '9' * 20, '9' * 5000, '1' + '0' * 100]


@pytest.fixture
def tagged(client):
    data = client.push_image('app', TAGS[0])
    for tag in TAGS[1:]:
        client.push('app', tag, data)
    return client


@pytest.fixture
def catalog(client):
    for name in NAMES:
        client.push_image(name, 'v1')
    return client


def test_the_base(client):
    for method, body in (('GET', b'{}'), ('HEAD', b'')):
        for path in ('/v2/', '/v2'):
            answer = client(method, path)
            assert (answer.status, answer.body, answer['Content-Length']) == (200, body, '2')


@pytest.mark.parametrize('path', ['/', '/v1/', '/v2/app', '/v2/app/', '/v3/', '/v2/app/tags', '/favicon.ico', ''])
def test_where_nothing_is(client, path):
    answer = client('GET', path)
    assert (answer.status, answer.code) == (404, 'NOT_FOUND')


# Tags

def test_tags_come_in_byte_order(tagged):
    answer = tagged('GET', '/v2/app/tags/list')
    assert answer.json() == {'name': 'app', 'tags': TAGS}
    assert answer.all('Link') == []


@pytest.mark.parametrize('size', [1, 2, 3, len(TAGS) - 1, len(TAGS), len(TAGS) + 1])
def test_the_pages_of_tags_join_to_the_whole(tagged, size):
    pages = tagged.pages(f'/v2/app/tags/list?n={size}')
    assert sum((page.json()['tags'] for page in pages), []) == TAGS
    assert all(len(page.json()['tags']) == size for page in pages[:-1])


@pytest.mark.parametrize('size', [1, 2, 5])
def test_the_pages_of_the_catalog_join_to_the_whole(catalog, size):
    pages = catalog.pages(f'/v2/_catalog?n={size}')
    assert sum((page.json()['repositories'] for page in pages), []) == NAMES


@pytest.mark.parametrize('last', [*TAGS, '', '0', '1.', 'a-', 'zz', '%2F', '%00', '%C3%A4', 'a/b', '..', '~' * 3000])
def test_last_is_where_to_go_on_whether_it_is_there_or_not(tagged, last):
    shown = {'%2F': '/', '%00': '\0', '%C3%A4': 'ä'}.get(last, last)
    answer = tagged('GET', f'/v2/app/tags/list?last={last}')
    assert answer.json()['tags'] == [tag for tag in TAGS if tag > shown]


LISTS = ['/v2/app/tags/list', '/v2/_catalog', f'/v2/app/referrers/{Digest.of(b"")}']


@pytest.mark.parametrize('target', LISTS)
@pytest.mark.parametrize('n', INVALID)
def test_a_number_that_is_none(tagged, target, n):
    answer = tagged('GET', f'{target}?n={n}')
    assert (answer.status, answer.code) == (400, 'PAGINATION_NUMBER_INVALID')
    assert len(answer.body) < 400


@pytest.mark.parametrize('target', LISTS)
@pytest.mark.parametrize('n', ['0', '00'])
def test_nothing_is_what_zero_asks_for(tagged, target, n):
    answer = tagged('GET', f'{target}?n={n}')
    assert [answer.status, *(len(value) for value in answer.json().values() if isinstance(value, list))] == [200, 0]
    assert answer.all('Link') == []


@pytest.mark.parametrize('target', LISTS)
@pytest.mark.parametrize('n', [*HUGE, '0' * 30 + '5000'])
def test_a_huge_number_asks_the_store_for_no_more_than_a_page(n, target):
    """CVE-2023-2253: memory was set aside for as many names as the client said."""
    class Watched(MemoryStore):
        largest = 0

        def page(self, prefix, after='', **more):
            Watched.largest = max(Watched.largest, more.get('limit', 0))
            return super().page(prefix, after, **more)

    client = Client(Watched(), page=100)
    client.push_image('app', 'v1')
    Watched.largest = 0
    assert client('GET', f'{target}?n={n}').status == 200
    assert Watched.largest == 100


def test_a_page_is_never_longer_than_the_limit():
    client = Client(page=3)
    data = client.push_image('app', TAGS[0])
    for tag in TAGS[1:]:
        client.push('app', tag, data)
    pages = client.pages('/v2/app/tags/list?n=1000')
    assert [len(page.json()['tags']) for page in pages] == [3, 3, 3, 3, 2]
    assert sum((page.json()['tags'] for page in pages), []) == TAGS


def test_tags_of_what_is_not_there(client):
    answer = client('GET', '/v2/none/tags/list')
    assert (answer.status, answer.code) == (404, 'NAME_UNKNOWN')


def test_tags_of_a_repository_without_any(client):
    data = client.push_image('app', 'v1')
    client('DELETE', '/v2/app/manifests/v1')
    assert client('GET', '/v2/app/tags/list').json() == {'name': 'app', 'tags': []}
    client('DELETE', f'/v2/app/manifests/{Digest.of(data)}')
    assert client('GET', '/v2/app/tags/list').json() == {'name': 'app', 'tags': []}


def test_names_that_are_prefixes_of_one_another_do_not_mix(catalog):
    for name in NAMES:
        assert catalog('GET', f'/v2/{name}/tags/list').json() == {'name': name, 'tags': ['v1']}


@pytest.mark.parametrize('target', LISTS)
def test_head_is_get_without_a_body(tagged, target):
    get, head = tagged('GET', target), tagged('HEAD', target)
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b'')


@pytest.mark.parametrize('target', ['/v2/', *LISTS])
@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
def test_other_methods_are_told_which_there_are(client, method, target):
    answer = client(method, target)
    assert (answer.status, answer.code, answer['Allow']) == (405, 'UNSUPPORTED', 'GET, HEAD')


# The catalog, for someone who may not see all

@pytest.mark.parametrize('readable', [[], ['a'], ['z9'], ['a.b', 'b'], NAMES])
@pytest.mark.parametrize('size', [1, 2, 3, 100])
def test_the_catalog_shows_only_what_one_may_read(catalog, readable, size):
    """CVE-2020-29662: a catalog told the names of private repositories; here neither names nor Link do."""
    catalog.user = User('ann', {'pull': readable})
    pages = catalog.pages(f'/v2/_catalog?n={size}')
    assert sum((page.json()['repositories'] for page in pages), []) == readable
    links = ' '.join(link for page in pages for link in page.all('Link'))
    assert not [name for name in NAMES if f'last={name.replace("/", "%2F")}>' in links and name not in readable]


def test_a_page_is_full_however_many_one_may_not_read(catalog):
    catalog.user = User('ann', {'pull': ['a', 'z9']})
    assert catalog('GET', '/v2/_catalog?n=2').json()['repositories'] == ['a', 'z9']


# Referrers

SUBJECT = image(b'layer')
REFERRERS = f'/v2/app/referrers/{Digest.of(SUBJECT)}'


def artifact(number, kind='application/vnd.example.signature'):
    return image(subject=named(SUBJECT, OCI_MANIFEST), artifactType=kind, annotations={'number': str(number)})


@pytest.fixture
def signed(client):
    client.push_image('app', 'v1', b'layer')
    for number in range(7):
        data = artifact(number, f'application/vnd.example.{"signature" if number % 2 else "sbom"}')
        assert client.push('app', str(Digest.of(data)), data).status == 201
    return client


def digests(pages):
    return [entry['digest'] for page in pages for entry in page.json()['manifests']]


def test_referrers_are_an_index_of_descriptors(signed):
    answer = signed('GET', REFERRERS)
    assert answer['Content-Type'] == OCI_INDEX
    document = answer.json()
    assert (document['schemaVersion'], document['mediaType']) == (2, OCI_INDEX)
    data = artifact(1)
    assert named(data, OCI_MANIFEST) | {
        'artifactType': 'application/vnd.example.signature', 'annotations': {'number': '1'},
    } in document['manifests']
    assert len(document['manifests']) == 7


@pytest.mark.parametrize('subject', [Digest.of(b'none'), Digest.of(b'none', 'sha512')])
@pytest.mark.parametrize('name', ['app', 'none'])
def test_what_has_no_referrers_has_an_empty_index(signed, subject, name):
    answer = signed('GET', f'/v2/{name}/referrers/{subject}')
    assert (answer.status, answer.json()['manifests']) == (200, [])


@pytest.mark.parametrize(('kind', 'count'), [('signature', 3), ('sbom', 4), ('none', 0)])
def test_referrers_of_a_type(signed, kind, count):
    answer = signed('GET', f'{REFERRERS}?artifactType=application/vnd.example.{kind}')
    assert len(answer.json()['manifests']) == count
    assert answer['OCI-Filters-Applied'] == 'artifactType'
    assert not signed('GET', REFERRERS).all('OCI-Filters-Applied')


def test_without_an_artifact_type_it_is_that_of_the_config(client):
    client.push_image('app', 'v1', b'layer')
    client.push('app', 'v2', image(b'layer', subject=named(SUBJECT, OCI_MANIFEST)))
    assert client('GET', REFERRERS).json()['manifests'][0]['artifactType'] == CONFIG_TYPE


@pytest.mark.parametrize('size', [1, 2, 7, 8])
@pytest.mark.parametrize('query', ['', '&artifactType=application/vnd.example.sbom'])
def test_the_pages_of_referrers_join_to_the_whole(signed, size, query):
    pages = signed.pages(f'{REFERRERS}?n={size}{query}')
    whole = digests(signed.pages(f'{REFERRERS}?n=1000{query}'))
    assert digests(pages) == whole
    assert len(whole) == (4 if query else 7)
    assert all(page.all('OCI-Filters-Applied') == (['artifactType'] if query else []) for page in pages)


@pytest.mark.parametrize('size', [1, 2, 3, 100])
@pytest.mark.parametrize('algorithm', ['sha256', 'sha512'])
def test_what_was_noted_under_the_tag_schema_is_found_once(client, size, algorithm):
    """Older clients keep referrers in an index that they tag <alg>-<hex>, cut to 32 and 64 characters."""
    client.push_image('app', 'v1', b'layer')
    subject = Digest.of(SUBJECT, algorithm)
    both, native, noted = ([artifact(f'{kind}{number}').replace(str(Digest.of(SUBJECT)).encode(), str(subject).encode())
                            for number in range(3)] for kind in ('both', 'native', 'noted'))
    plain = [dump({**json.loads(data), 'subject': None}) for data in noted]
    for data in (*both, *native, *plain):
        assert client.push('app', str(Digest.of(data)), data).status == 201
    tag = f'{algorithm}-{subject.hex[:64]}'
    assert client.push('app', tag, index(*both, *plain), OCI_INDEX).status == 201
    found = digests(client.pages(f'/v2/app/referrers/{subject}?n={size}'))
    assert sorted(found) == sorted(str(Digest.of(data)) for data in (*both, *native, *plain))


def test_a_tag_that_only_looks_like_the_tag_schema_is_passed_over(client):
    data = client.push_image('app', 'v1', b'layer')
    client.push('app', str(Digest.of(SUBJECT)).replace(':', '-'), data)
    assert client('GET', REFERRERS).json()['manifests'] == []


@pytest.mark.parametrize('reference', ['latest', 'sha256:abc', '..'])
def test_referrers_of_what_is_no_digest(client, reference):
    answer = client('GET', f'/v2/app/referrers/{reference}')
    assert (answer.status, answer.code) == (400, 'DIGEST_INVALID')


def test_a_flood_of_referrers_is_served_page_by_page(client):
    """CVE-2023-33957, CVE-2023-33958: verifiers were stopped by subjects with very many signatures."""
    subject = Digest.of(SUBJECT)
    for number in range(2500):
        digest = Digest.of(b'%d' % number)
        client.store.put(keys.referrer('app', subject, digest), dump(named(b'%d' % number)))
    pages = client.pages(REFERRERS)
    assert [len(page.json()['manifests']) for page in pages] == [1000, 1000, 500]


# What the query holds besides

@pytest.mark.parametrize('target', LISTS)
@pytest.mark.parametrize('query', ['last=%FF', 'n=%FF', 'artifactType=%ff&last=%ff&n=%ff', 'n=1&last=%ED%A0%80'])
def test_a_query_that_is_not_utf_8(tagged, target, query):
    answer = tagged('GET', f'{target}?{query}')
    assert (answer.status, answer.code) == (400, 'REQUEST_INVALID')


def test_a_link_carries_nothing_into_the_header(signed):
    answer = signed('GET', f'{REFERRERS}?n=1&artifactType=a%0D%0AX-Evil:%201%3E;%20rel=%22next%22')
    assert answer['Link'].count('>') == 1
    assert '\r' not in answer['Link']
    assert not answer.all('X-Evil')
