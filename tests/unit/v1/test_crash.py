"""A process dies, or a call fails, at every call of a push by the first version; then the same is pushed again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.manifest import DOCKER_MANIFEST
from objreg.middleware.errors import Errors
from objreg.names import Digest
from objreg.store import Store, Unavailable
from objreg.testing import consistency
from objreg.testing.faults import CountingStore, Fault, FaultyStore, Stop
from objreg.testing.v1_client import Answer, V1Client, V1Image
from objreg.v1.image import EMPTY_DIGEST, EMPTY_LAYER
from objreg.v1.schema1 import SIGNED
from objreg.wrap.cache import CachedStore
from tests import layout
from tests.inprocess import Stream
from tests.pushes import GivenUp
from tests.unit.test_crash import Once
from tests.unit.v1.registries import Both, images, layer, packed
from tests.unit.v1.test_round_trips import push_v2

pytestmark = pytest.mark.exhaustive

IMAGES = images(packed(layer('a')), EMPTY_LAYER, layer('b'))
SCHEMA_1 = json.dumps({
    'schemaVersion': 1, 'name': 'team/app', 'tag': '1', 'architecture': 'amd64',
    'fsLayers': [{'blobSum': str(Digest.of(image.layer))} for image in reversed(IMAGES)],
    'history': [{'v1Compatibility': image.json.decode()} for image in reversed(IMAGES)],
}).encode()
V2_LAYERS = [packed(layer('c')), packed(layer('d'))]


class Node(Both):
    """One that has just started over a bucket, with nothing in its cache."""

    def __init__(self, bucket: Store) -> None:
        super().__init__(CachedStore(bucket), schema1='accept')
        self.app = Errors(self.app, log='none')  # type: ignore[assignment]

    def client(self) -> V1Client:
        """One that stops where the registry says that it cannot."""
        def send(
            method: str, path: str, headers: Mapping[str, str], body: bytes | Iterator[bytes] | None
        ) -> Answer:
            given: bytes | Stream = b'' if body is None else body if isinstance(body, bytes) else Stream(body)
            try:
                found = self.call_v1(method, path, given, headers)
            except Unavailable as error:  # in the middle of the answer
                raise GivenUp from error
            if found.status >= 500:
                assert found.status == 503 and int(found['Retry-After']) > 0, found
                raise GivenUp
            return Answer(found.status, {name.lower(): value for name, value in found.headers}, found.body)

        return V1Client(send)


def push(node: Node) -> None:
    node.client().push('team/app', IMAGES, {'1': IMAGES[-1].id, 'base': IMAGES[0].id})


def pull_what_v2_pushed(node: Node) -> None:
    node.client().pull('team/app', '2')


def push_schema1(node: Node) -> None:
    answer = node('PUT', '/v2/team/app/manifests/1', SCHEMA_1, {'Content-Type': SIGNED})
    if answer.status == 503:
        raise GivenUp
    assert answer.status == 201, answer


def push_schema1_with_layers(node: Node) -> None:
    for image in IMAGES[::2]:
        node.push_blob('team/app', image.layer)
    push_schema1(node)


def pull_schema1(node: Node) -> None:
    """The manifest, and the layer that nobody pushed."""
    found = [node('GET', '/v2/team/app/manifests/2', headers={'Accept': SIGNED}).status]
    try:
        found += [node(method, f'/v2/team/app/blobs/{EMPTY_DIGEST}').status for method in ('HEAD', 'GET')]
    except Unavailable as error:  # in the middle of the answer
        raise GivenUp from error
    if 503 in found:
        raise GivenUp
    assert found == [200, 200, 200]


def before(program: Callable[[Node], None]) -> MemoryStore:
    bucket = MemoryStore()
    if program is push_schema1:
        for image in IMAGES[::2]:
            Node(bucket).push_blob('team/app', image.layer)
    if program in (pull_what_v2_pushed, pull_schema1):
        push_v2(Node(bucket), 'team/app', '2', V2_LAYERS)
    return bucket


def look(bucket: Store, pulled: list[V1Image] | None = None, *, is_whole: bool = True) -> None:
    found = consistency.check(bucket)
    assert (found.dangling, [entry.key for entry in bucket.list('') if not layout.is_of_layout(entry.key)]) == ([], [])
    if is_whole:
        assert found.incomplete == []
    if pulled is not None:
        assert Node(bucket).client().pull('team/app', '1') == pulled


@pytest.mark.parametrize('program', [push, pull_what_v2_pushed, push_schema1, pull_schema1])
@pytest.mark.parametrize('fault', list(Fault))
def test_whatever_ends_it_nothing_dangles(program: Callable[[Node], None], fault: Fault) -> None:
    counting = CountingStore(before(program))
    program(Node(counting))
    assert counting.total > 5
    for number in range(1, counting.total + 1):
        faulty = FaultyStore(before(program))
        node = Node(faulty)
        faulty.rule = Once(number, fault)
        with contextlib.suppress(Stop, GivenUp):
            program(node)
        faulty.rule = None
        look(faulty.inner, is_whole=False)
        program(Node(faulty.inner))
        look(faulty.inner, IMAGES if program in (push, push_schema1) else None)


def test_two_nodes_take_turns_in_one_push_and_one_pull() -> None:
    bucket = MemoryStore()
    nodes, asked = [Node(bucket).client(), Node(bucket).client()], 0

    def send(*request: object) -> Answer:
        nonlocal asked
        asked += 1
        return nodes[asked % 2].send(*request)  # type: ignore[arg-type]

    client = V1Client(send)
    client.push('team/app', IMAGES, {'1': IMAGES[-1].id})
    assert client.pull('team/app', '1') == IMAGES
    look(bucket, IMAGES)


def pushed_while(other: Callable[[Node], object]) -> Iterator[MemoryStore]:
    """Buckets in which somebody pushed by the first version while another node did `other`, at each call of his."""
    counting = CountingStore(MemoryStore())
    push(Node(counting))
    for number in range(1, counting.total + 1):
        bucket = MemoryStore()
        meanwhile = CountingStore(bucket)

        def intercept(
            operation: str, key: str, work: Callable[[], object], cut: object = None, *,
            store: CountingStore = meanwhile, number: int = number,
        ) -> object:
            done = CountingStore.intercept(store, operation, key, work)
            if store.total == number:
                other(Node(store.inner))
            return done

        meanwhile.intercept = intercept  # type: ignore[method-assign,assignment]
        push(Node(meanwhile))
        yield bucket


def test_another_node_pushes_the_same_at_every_call_of_this_one() -> None:
    for bucket in pushed_while(push):
        look(bucket, IMAGES)


def test_another_node_takes_the_same_images_as_schema_1_at_every_call_of_this_one() -> None:
    for bucket in pushed_while(push_schema1_with_layers):
        look(bucket, IMAGES)


def test_pushes_by_both_versions_to_one_tag_leave_one_of_them_whole() -> None:
    for bucket in pushed_while(lambda node: push_v2(node, 'team/app', '1', V2_LAYERS)):
        look(bucket)
        node = Node(bucket)
        pulled = node.client().pull('team/app', '1')
        manifest = node('GET', '/v2/team/app/manifests/1', headers={'Accept': DOCKER_MANIFEST}).json()
        stored = [one['digest'] for one in manifest['layers']]
        sent = [image.layer for image in pulled if image.layer != EMPTY_LAYER]
        assert sent == [node('GET', f'/v2/team/app/blobs/{digest}').body for digest in stored]
