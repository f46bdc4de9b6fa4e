"""How many object-store calls each thing may cost: what operators pay for, so it is promised in numbers."""

from __future__ import annotations

import hashlib

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.names import Digest
from objreg.store import Capabilities
from objreg.testing.faults import CountingStore
from objreg.wrap.cache import CachedStore
from tests import documents
from tests.inprocess import Client

LAYERS = tuple(b'layer %d' % number for number in range(10))


class Node:
    """A node with a cache, that counts; `fresh` is another one over the same bucket."""

    def __init__(self, bucket: MemoryStore) -> None:
        self.bucket = bucket
        self.counting = CountingStore(bucket)
        self.client = Client(CachedStore(self.counting))
        self.client('POST', '/v2/warm/up/blobs/uploads/')  # reads the keys that sign
        self.counting.reset()

    def fresh(self) -> Node:
        return Node(self.bucket)

    def cost(
        self, method: str, target: str, body: bytes = b'', headers: dict[str, str] | None = None
    ) -> dict[str, int]:
        """What a request costs, by operation; it has to succeed."""
        self.counting.reset()
        answer = self.client(method, target, body, headers)
        assert answer.status < 400, answer
        return dict(self.counting.calls)


@pytest.fixture
def node():
    return Node(MemoryStore())


def image(node: Node, name: str = 'a') -> Digest:
    return Digest.of(node.client.push_image(name, 'tag', *LAYERS))


def push_like_skopeo(node: Node, name: str) -> int:
    """All calls of a push of ten layers and a config: two HEADs, POST, PATCH and PUT each, and the manifest."""
    node.counting.reset()
    for data in (documents.CONFIG, *LAYERS):
        digest = Digest.of(data)
        if node.client('HEAD', f'/v2/{name}/blobs/{digest}').status == 200:
            continue
        node.client('HEAD', f'/v2/{name}/blobs/{digest}')
        place = node.client('PATCH', node.client.start(name), data)['Location']
        assert node.client('PUT', f'{place}&digest={digest}').status == 201
    assert node.client.push(name, 'tag', documents.image(*LAYERS)).status == 201
    return node.counting.total


def test_a_push_of_ten_new_layers_costs_at_most_fifty_calls(node):
    assert push_like_skopeo(node, 'a') <= 50


def test_the_same_push_again_costs_at_most_four_calls_here_and_fifteen_elsewhere(node):
    push_like_skopeo(node, 'a')
    assert push_like_skopeo(node, 'a') <= 4
    assert push_like_skopeo(node.fresh(), 'a') <= 15


def test_a_push_by_mounts_costs_a_read_and_a_write_for_each_layer_at_most(node):
    image(node)
    other = node.fresh()
    for data in LAYERS:
        target = f'/v2/b/blobs/uploads/?mount={Digest.of(data)}&from=a'
        assert sum(other.cost('POST', target).values()) <= 2


def test_a_pull_costs_one_call_for_the_manifest_and_one_for_each_blob(node):
    image(node)
    other = node.fresh()
    assert other.cost('HEAD', '/v2/a/manifests/tag') == {'get': 1}
    assert other.cost('GET', f'/v2/a/manifests/{Digest.of(documents.image(*LAYERS))}') == {}  # as docker asks
    for data in LAYERS:
        assert other.cost('GET', f'/v2/a/blobs/{Digest.of(data)}') == {'get': 1}


def test_a_blob_that_no_manifest_introduced_costs_its_membership_and_its_content(node):
    image(node)
    other, digest = node.fresh(), Digest.of(LAYERS[0])
    assert other.cost('HEAD', f'/v2/a/blobs/{digest}') == {'get': 1}
    assert other.cost('HEAD', f'/v2/a/blobs/{digest}') == {}
    assert other.cost('GET', f'/v2/a/blobs/{digest}') == {'get': 1}


def test_a_manifest_by_digest_costs_one_call_and_then_none(node):
    digest = image(node)
    other = node.fresh()
    assert other.cost('GET', f'/v2/a/manifests/{digest}') == {'get': 1}
    assert other.cost('GET', f'/v2/a/manifests/{digest}') == {}


def test_a_manifest_by_tag_always_costs_one_call(node):
    image(node)
    assert node.cost('GET', '/v2/a/manifests/tag') == {'get': 1}
    assert node.cost('HEAD', '/v2/a/manifests/tag') == {'get': 1}


def test_to_start_an_upload_costs_nothing(node):
    assert node.cost('POST', '/v2/a/blobs/uploads/') == {}


@pytest.mark.parametrize('algorithm', ['sha256', 'sha512'])
def test_a_new_blob_of_one_piece_costs_its_content_and_its_membership(node, algorithm):
    digest = f'{algorithm}:{hashlib.new(algorithm, b"new").hexdigest()}'
    started = node.client('POST', f'/v2/a/blobs/uploads/?digest-algorithm={algorithm}')['Location']
    assert node.cost('PATCH', started, b'new') == {'put': 1}
    place = node.client('PATCH', started, b'new')['Location']
    assert node.cost('PUT', f'{place}&digest={digest}') == {'put': 1}
    assert sum(node.cost('POST', f'/v2/b/blobs/uploads/?digest={digest}', b'new').values()) <= 3


def test_a_large_blob_costs_its_parts_a_look_and_three_calls_more():
    class Equal(MemoryStore):
        capabilities = Capabilities(conditional_put=True, min_part=1024**2, max_put=1024**2)

    node, data = Node(Equal()), bytes(25 * 1024**2)
    place = node.client.start('a')
    assert node.cost('PATCH', place, data) == {'stat': 1, 'part': 3, 'finish': 1}


def test_a_blob_that_the_repository_holds_costs_one_call(node):
    digest = node.client.push_blob('a', b'held')
    assert node.fresh().cost('POST', f'/v2/a/blobs/uploads/?digest={digest}', b'held') == {'get': 1}


def test_a_manifest_costs_a_read_for_each_child_and_writes_itself_its_history_and_its_tag(node):
    for data in (documents.CONFIG, *LAYERS):
        node.client.push_blob('a', data)
    other, manifest = node.fresh(), documents.image(*LAYERS)
    headers = {'Content-Type': 'application/vnd.oci.image.manifest.v1+json'}
    # itself and its tag are looked for, and it writes the marker of the catalog
    assert other.cost('PUT', '/v2/a/manifests/tag', manifest, headers) == {'get': 11 + 2, 'put': 4}
    assert other.cost('PUT', '/v2/a/manifests/other', manifest, headers) == {'stat': 1, 'get': 1, 'put': 2}
    assert other.cost('PUT', '/v2/a/manifests/tag', manifest, headers) == {'stat': 1, 'get': 1}
    assert other.fresh().cost('PUT', '/v2/a/manifests/tag', manifest, headers) == {'get': 2}


def test_a_page_costs_one_list_call_however_many_names_lie_before_it(node):
    manifest = documents.image()
    for number in range(30):
        node.client.push_image(f'r{number:02}', 'tag')
        node.client.push('r00', f't{number:02}', manifest)
    assert node.cost('GET', '/v2/_catalog?n=5&last=r20') == {'list': 1}
    assert node.cost('GET', '/v2/r00/tags/list?n=5&last=t20') == {'list': 1}


def test_a_page_of_referrers_costs_a_list_call_and_the_tag_of_the_old_schema(node):
    subject = image(node)
    described = documents.named(documents.image(*LAYERS), 'application/vnd.oci.image.manifest.v1+json')
    for number in range(3):
        node.client.push('a', f's{number}', documents.image(subject=described, annotations={'n': str(number)}))
    node.cost('GET', f'/v2/a/referrers/{subject}')
    assert node.counting.calls.get('list') == 1
    assert node.counting.total <= 5
