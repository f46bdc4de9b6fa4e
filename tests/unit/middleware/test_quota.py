"""The layer that limits how much may lie in a namespace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from objreg import holdings, keys
from objreg.app import RegistryApp
from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.hub import keys as hub_keys
from objreg.hub.quotas import Quota, Quotas
from objreg.hub.webhooks import Webhook, new_secret
from objreg.middleware.dedup import Dedup
from objreg.middleware.quota import QuotaLayer
from objreg.names import Digest
from objreg.registry import Registry
from objreg.store import Store, Unavailable
from objreg.testing.faults import CountingStore, InterceptedStore
from objreg.wrap.cache import CachedStore
from tests import documents
from tests.inprocess import Answer, Client, Stream

KILO = 1000
ONE, TWO = b'1' * KILO, b'2' * KILO
Make = Callable[..., 'Node']


class Node(Client):
    """A node with the layer; its clock moves a little whenever somebody looks at it."""

    def __init__(self, store: Store | None = None, quota: int = 0, **options: str) -> None:
        super().__init__(registry=Registry(CachedStore(store or MemoryStore())))
        self.now = 1_800_000_000.0
        with patch('objreg.middleware.quota.open_registry', return_value=self.registry):
            self.layer = QuotaLayer(Dedup(RegistryApp(self.registry), registry=self.registry), **options)
        self.layer.watch._now = self.tick
        self.app = self.layer  # type: ignore[assignment]
        if quota:
            Quotas(self.store).put('acme', Quota(quota))

    def tick(self) -> float:
        self.now += 0.001
        return self.now

    def settle(self, seconds: float = 0.0) -> None:
        """Wait until what is being counted is counted; then time passes."""
        threads = self.layer.watch._threads
        if threads is not None:
            wait([threads.submit(int)])
        self.now += seconds


class Failing(InterceptedStore):
    """A store whose listings fail for now."""

    is_down = False

    def intercept(self, operation: str, key: str, work: Any, cut: Any = None) -> Any:
        if self.is_down and operation == 'list':
            raise Unavailable('down')
        return work()


@pytest.fixture
def node() -> Iterator[Callable[..., Node]]:
    """Makes nodes."""
    made: list[Node] = []

    def make(*args: Any, **options: Any) -> Node:
        made.append(Node(*args, **options))
        return made[-1]

    yield make
    for one in made:
        one.layer.drain()


def blob(client: Client, data: bytes, name: str = 'acme/app') -> Answer:
    return client('POST', f'/v2/{name}/blobs/uploads/?digest={Digest.of(data)}', data)


def refused(answer: Answer) -> dict[str, Any]:
    """What the client is told."""
    assert answer.status == 403
    (error,) = json.loads(answer.body)['errors']
    assert (error['code'], error['message']) == ('DENIED', 'the quota of this namespace is used up')
    found: dict[str, Any] = error['detail']
    return found


def test_what_does_not_fit_is_refused_and_costs_nothing(node: Make) -> None:
    client = node(quota=1500)
    assert blob(client, ONE).status == 201
    client.settle()
    assert refused(blob(client, TWO)) == {'namespace': 'acme', 'limit': 1500, 'used': 1000}
    assert not client.store.has(keys.content(Digest.of(TWO)))
    assert blob(client, b'3' * 500).status == 201, 'what fits is taken'
    assert refused(client('POST', '/v2/acme/app/blobs/uploads/'))['used'] == 1500


def test_an_image_that_fits_exactly_is_taken(node: Make) -> None:
    client = node()
    size = len(documents.CONFIG) + KILO
    Quotas(client.store).put('acme', Quota(size))
    client.push_image('acme/app', '1', ONE)
    client.settle(60)
    refused(client.push('acme/app', '2', documents.image(ONE)))


def test_an_upload_of_unknown_size_is_found_out_at_its_manifest(node: Make) -> None:
    client = node(quota=500 + len(documents.CONFIG))
    client.push_blob('acme/app', documents.CONFIG)
    place = client.start('acme/app')
    place = client('PATCH', place, Stream([ONE]))['Location']
    assert client('PUT', f'{place}&digest={Digest.of(ONE)}').status == 201
    refused(client.push('acme/app', '1', documents.image(ONE)))


def test_pulls_and_deletions_go_on_and_make_room(node: Make) -> None:
    client = node(quota=10_000)
    data = client.push_image('acme/app', '1', ONE)
    Quotas(client.store).put('acme', Quota(KILO))
    client.settle(60)
    refused(blob(client, TWO))
    client.settle()
    assert client('GET', '/v2/acme/app/manifests/1').status == 200
    assert client('DELETE', f'/v2/acme/app/manifests/{Digest.of(data)}').status == 202
    for gone in (ONE, documents.CONFIG):
        assert client('DELETE', f'/v2/acme/app/blobs/{Digest.of(gone)}').status == 202
    refused(blob(client, TWO))
    client.settle(61)
    refused(blob(client, TWO))  # who is refused has it counted
    client.settle()
    assert blob(client, TWO).status == 201


def test_what_nothing_is_said_of_has_no_limit_and_is_not_counted(node: Make) -> None:
    client = node(quota=1)
    client.push_image('bob/app', '1', ONE)
    client.push_image('app', '1', ONE)
    client.settle()
    assert list(client.store.list('system/usage/')) == []


def test_the_configuration_counts_where_nothing_else_is_said(node: Make) -> None:
    client = node(limit='1 KB')
    assert blob(client, ONE, 'bob/app').status == 201
    refused(blob(client, TWO, 'bob/app'))
    Quotas(client.store).put('eve', Quota(0))
    assert [blob(client, data, 'eve/app').status for data in (ONE, TWO)] == [201, 201], 'that has none'


def test_a_blob_of_the_same_namespace_costs_nothing(node: Make) -> None:
    client = node(quota=1500)
    assert blob(client, ONE).status == 201
    mount = f'/v2/acme/web/blobs/uploads/?mount={Digest.of(ONE)}&from='
    assert client('POST', f'{mount}acme/app').status == 201
    assert client.layer.watch.look('acme').used == KILO
    assert blob(client, TWO, 'bob/app').status == 201
    mount = f'/v2/acme/web/blobs/uploads/?mount={Digest.of(TWO)}&from='
    assert client('POST', f'{mount}bob/app').status == 201, 'its size is not known before'
    assert client.layer.watch.look('acme').used == 2 * KILO


def test_what_other_nodes_took_in_is_known_after_a_count(node: Make) -> None:
    store = MemoryStore()
    first, second = node(store, quota=1500), node(store)
    second.layer.watch.look('acme')  # what it knows from now on for a minute
    assert blob(first, ONE).status == 201
    assert blob(second, ONE).status == 201, 'it cannot know yet that this is nothing new'
    first.now = second.now = first.now + 700
    assert blob(first, b'').status == 201  # its count is old by now, and made again
    first.settle()
    second.now += 61
    refused(blob(second, TWO))


def test_a_push_costs_two_reads_a_minute(node: Make) -> None:
    counting = CountingStore(MemoryStore())
    client = node(counting, quota=10**6)
    blob(client, ONE)
    client.settle(30)
    costs = []
    for data in (TWO, b'3' * KILO):
        counting.reset()
        blob(client, data)
        costs.append(dict(counting.calls))
        client.now += 31
    assert costs[1] == {**costs[0], 'get': costs[0].get('get', 0) + 2}
    client.app = client.layer.app
    counting.reset()
    blob(client, b'4' * KILO)
    assert dict(counting.calls) == costs[0]


def test_the_owner_is_told_once_of_each_level(node: Make) -> None:
    client = node(quota=2000)
    client.layer.watch._hub.put(
        hub_keys.webhook('acme', '0' * 16),
        Webhook('https://ci.example/', new_secret(), ('quota',), ('acme/other/**',)).dump(),
    )
    told = []
    for data in (ONE, b'2' * 850, b'', b'3' * 150, b''):
        assert blob(client, data).status in (201, 403)
        client.settle(700)
        events = [json.loads(client.store.read(entry.key))['event'] for entry in client.store.list(hub_keys.QUEUE)]
        told.append(sorted(event['data']['percent'] for event in events))
    assert told[-1] == [90, 100]
    assert events[0]['of'] == 'acme' and events[0]['data']['limit'] == 2000


def test_where_it_cannot_be_counted_pushes_go_on_and_it_is_tried_again(node: Make) -> None:
    store = Failing(MemoryStore())
    client = node(store, quota=10_000)
    store.is_down = True
    assert blob(client, ONE).status == 201
    client.settle()
    assert holdings.last(store, 'acme') is None
    store.is_down = False
    assert blob(client, TWO).status == 201
    client.settle()
    found = holdings.last(store, 'acme')
    assert found is not None and found.bytes == 2 * KILO


@pytest.mark.parametrize(('options', 'text'), [
    ({'limit': 'much'}, 'much'), ({'every': '1 s'}, 'every'), ({'every': 'never'}, 'never'),
])
def test_options_are_looked_at(options: dict[str, str], text: str, tmp_path: Path) -> None:
    (tmp_path / 'stores.yml').write_text('default: {driver: memory}')
    with pytest.raises(ConfigError, match=text):
        QuotaLayer(lambda *_: [], {'here': str(tmp_path), 'stores': 'stores.yml'}, **options)
