"""How many calls of the store the first version of the API costs."""

from __future__ import annotations

from objreg.drivers.memory import MemoryStore
from objreg.testing.faults import CountingStore
from objreg.wrap.cache import CachedStore
from tests.unit.v1.registries import Both, images, layer, packed
from tests.unit.v1.test_round_trips import push_v2

LAYERS = [packed(layer(str(number))) for number in range(50)]


def counted(bucket: MemoryStore) -> tuple[CountingStore, Both]:
    """A node that has just started."""
    counting = CountingStore(bucket)
    registry = Both(CachedStore(counting))
    registry('POST', '/v2/warm/up/blobs/uploads/')  # reads the keys that sign
    counting.reset()
    return counting, registry


def test_a_push_costs_at_most_twelve_calls_for_each_image() -> None:
    counting, registry = counted(MemoryStore())
    pushed = images(*LAYERS)
    registry.v1(streamed=False).push('team/app', pushed, {'1': pushed[-1].id})
    assert counting.total <= 12 * len(pushed) + 15


def test_a_pull_costs_at_most_two_calls_for_each_layer() -> None:
    bucket = MemoryStore()
    push_v2(Both(bucket), 'team/app', '1', LAYERS)
    _, registry = counted(bucket)
    registry.v1().pull('team/app', '1')  # which notes the images
    counting, registry = counted(bucket)
    registry.v1().pull('team/app', '1')
    assert counting.total <= 2 * len(LAYERS) + 8


def test_an_ancestry_costs_one_call() -> None:
    bucket = MemoryStore()
    pushed = images(*LAYERS)
    Both(bucket).v1().push('team/app', pushed, {'1': pushed[-1].id})
    counting, registry = counted(bucket)
    client = registry.v1()
    client.tags('team/app')
    counting.reset()
    client._expect((200,), 'GET', f'/v1/images/{pushed[-1].id}/ancestry')
    assert counting.total <= 1
