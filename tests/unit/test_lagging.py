"""Over a store whose listings are an hour behind nothing is wrong but the lists of what is new, which are short."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.manifest import OCI_INDEX, OCI_MANIFEST
from objreg.names import Digest
from objreg.testing.faults import LaggingStore
from tests import documents
from tests.pushes import Pusher, look, node

HOUR = 3600
LAYERS = (b'first layer', b'second layer, longer than the first')
IMAGE = documents.image(*LAYERS)
OTHER = documents.image(LAYERS[0])
INDEX = documents.index(IMAGE, OTHER)
SIGNATURE = documents.image(LAYERS[0], subject=documents.named(IMAGE, OCI_MANIFEST))


@pytest.fixture
def late() -> Iterator[LaggingStore]:
    """A new bucket, of which no listing shows anything."""
    store = LaggingStore(MemoryStore(), HOUR)
    yield store
    store.close()


def push_all(store: LaggingStore) -> Pusher:
    """All ways to push a blob, an image, an index and a signature, by a node that has just started."""
    push = Pusher(node(store))
    push.blob('app', documents.CONFIG)
    push.blob('app', LAYERS[0], 'stream')
    push.blob('app', LAYERS[1], 'pieces')
    for data in (documents.CONFIG, *LAYERS):
        push.mount('other', data, 'app')
    for name in ('app', 'other'):
        push.manifest(name, 'v1', IMAGE)
        push.manifest(name, str(Digest.of(OTHER)), OTHER)
        push.manifest(name, 'all', INDEX, OCI_INDEX)
        push.manifest(name, str(Digest.of(SIGNATURE)), SIGNATURE)
    return push


def listed(push: Pusher, target: str, what: str) -> list[str]:
    found: list[str] = push.ask('GET', target).json()[what]
    return found


def test_what_was_pushed_is_pulled_at_once_and_pushed_again_from_another_node(late: LaggingStore) -> None:
    first = push_all(late)
    first.pull()
    another = push_all(late)
    another.there |= first.there
    another.pull()
    another.manifest('app', 'v1', OTHER)  # the tag moves
    first.there = another.there
    look(late.inner, first, is_whole=True)


def test_a_list_of_what_is_new_is_short_and_no_error_until_it_has_caught_up(late: LaggingStore) -> None:
    push = push_all(late)
    referrers = f'/v2/app/referrers/{Digest.of(IMAGE)}'
    assert push.ask('GET', '/v2/app/tags/list').status == 200
    assert listed(push, '/v2/app/tags/list', 'tags') == []
    assert listed(push, '/v2/_catalog', 'repositories') == []
    assert listed(push, referrers, 'manifests') == []
    assert push.ask('GET', '/v2/never-pushed/tags/list').status == 404
    late.catch_up()
    assert listed(push, '/v2/app/tags/list', 'tags') == ['all', 'v1']
    assert listed(push, '/v2/app/tags/list?n=1', 'tags') == ['all']
    assert listed(push, '/v2/_catalog', 'repositories') == ['app', 'other']
    assert [one['digest'] for one in push.ask('GET', referrers).json()['manifests']] == [str(Digest.of(SIGNATURE))]


def test_a_list_that_still_shows_what_is_deleted_leads_to_nothing_that_is_there(late: LaggingStore) -> None:
    push = push_all(late)
    late.catch_up()
    push.delete('/v2/app/manifests/v1')
    assert listed(push, '/v2/app/tags/list', 'tags') == ['all', 'v1']
    assert push.ask('GET', '/v2/app/manifests/v1').status == 404
    push.manifest('app', 'v1', IMAGE)
    assert push.ask('GET', '/v2/app/manifests/v1').body == IMAGE


def test_an_upload_in_pieces_goes_on_from_another_node(late: LaggingStore) -> None:
    one, other = Pusher(node(late)), Pusher(node(late))
    at = one.ask('POST', '/v2/app/blobs/uploads/')['Location']
    at = one.ask('PATCH', at, LAYERS[1][:5])['Location']
    at = other.ask('PATCH', at, LAYERS[1][5:], {'Content-Range': f'5-{len(LAYERS[1]) - 1}'})['Location']
    assert one.ask('GET', at)['Range'] == f'0-{len(LAYERS[1]) - 1}'
    assert other.ask('PUT', f'{at}&digest={Digest.of(LAYERS[1])}').status == 201
    assert one.ask('GET', f'/v2/app/blobs/{Digest.of(LAYERS[1])}').body == LAYERS[1]


def test_a_node_that_starts_when_no_listing_shows_the_keys_of_others_takes_their_uploads(late: LaggingStore) -> None:
    at = Pusher(node(late)).ask('POST', '/v2/app/blobs/uploads/')['Location']
    assert Pusher(node(late)).ask('PUT', f'{at}&digest={Digest.of(LAYERS[0])}', LAYERS[0]).status == 201


def test_a_manifest_that_is_deleted_before_any_listing_shows_its_tags_is_pulled_by_them_until_they_are_deleted(
    late: LaggingStore
) -> None:
    push = push_all(late)
    digest = Digest.of(IMAGE)
    push.delete(f'/v2/app/manifests/{digest}')
    assert push.ask('GET', f'/v2/app/manifests/{digest}').status == 404
    assert push.ask('GET', '/v2/app/manifests/v1').body == IMAGE
    push.delete('/v2/app/manifests/v1')
    assert push.ask('GET', '/v2/app/manifests/v1').status == 404
