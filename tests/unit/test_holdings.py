"""How much a namespace holds."""

from __future__ import annotations

import pytest

from objreg import holdings, keys
from objreg.hub import names
from objreg.names import Digest
from objreg.registry import Registry
from tests.documents import CONFIG
from tests.inprocess import Client

BASE, TOP, LOOSE = b'base' * 100, b'top' * 50, b'loose' * 10


@pytest.fixture
def client() -> Client:
    return Client()


def count(client: Client, namespace: str) -> tuple[int, int]:
    """Bytes and objects."""
    found = holdings.count(client.registry, namespace, 0)
    return found.bytes, found.objects


def test_nothing_is_nothing(client: Client) -> None:
    assert count(client, 'acme') == (0, 0)


def test_each_blob_counts_once_however_many_have_it(client: Client) -> None:
    first = client.push_image('acme/app', '1', BASE)
    second = client.push_image('acme/team/web', '1', BASE, TOP)
    client.push_image('acmes/app', '1', LOOSE)
    client.push_image('app', '1', LOOSE)
    assert count(client, 'acme') == (len(CONFIG) + len(BASE) + len(TOP) + len(first) + len(second), 5)


def test_the_library_is_what_has_no_namespace_and_what_says_so(client: Client) -> None:
    first = client.push_image('app', '1', BASE)
    client.push_image('acme/app', '1', TOP)
    assert count(client, names.LIBRARY) == (len(CONFIG) + len(BASE) + len(first), 3)


def test_a_repository_counts_that_has_no_manifest_yet(client: Client) -> None:
    client.push_blob('acme/app', BASE)
    assert count(client, 'acme') == (len(BASE), 1)


def test_what_no_manifest_names_counts_until_it_is_taken_away(client: Client) -> None:
    data = client.push_image('acme/app', '1', BASE)
    before = count(client, 'acme')
    client.push_blob('acme/app', LOOSE)
    assert count(client, 'acme') == (before[0] + len(LOOSE), before[1] + 1)
    assert client('DELETE', f'/v2/acme/app/blobs/{Digest.of(LOOSE)}').status == 202
    assert count(client, 'acme') == before
    assert client('DELETE', f'/v2/acme/app/manifests/{Digest.of(data)}').status == 202
    assert count(client, 'acme') == (len(CONFIG) + len(BASE), 2), 'its blobs are members still'


def test_what_cannot_be_read_is_no_obstacle(client: Client) -> None:
    data = client.push_image('acme/app', '1', BASE)
    before = count(client, 'acme')
    client.store.put(keys.membership('acme/app', Digest.of(TOP)), b'not JSON')
    client.store.put(keys.manifest('acme/app', Digest.of(TOP)), b'{}')
    assert count(client, 'acme') == before
    client.store.put(keys.manifest('acme/app', Digest.of(data)), b'')
    assert count(client, 'acme') == (len(CONFIG) + len(BASE), 2)


def test_a_count_ends_when_nobody_wants_it(client: Client) -> None:
    client.push_image('acme/app', '1', BASE)
    with pytest.raises(holdings.Stopped):
        holdings.count(client.registry, 'acme', 0, is_stopped=lambda: True)


def test_the_last_count_is_for_all_nodes(client: Client) -> None:
    store = client.store
    assert holdings.last(store, 'acme') is None
    found = holdings.count(Registry(store), 'acme', 0).at_level(90)
    holdings.keep(store, 'acme', found)
    assert holdings.last(store, 'acme') == found
    store.put(keys.usage('acme'), b'{"bytes"')
    assert holdings.last(store, 'acme') is None
