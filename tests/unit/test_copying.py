"""A copy of a registry is the registry, whatever happens meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest

from objreg import keys
from objreg.copying import Copying, Summary, order
from objreg.drivers.memory import MemoryStore
from objreg.names import Digest
from objreg.store import Capabilities, Content, Store, Unavailable
from objreg.testing import consistency
from objreg.testing.faults import CountingStore, FaultyStore, InterceptedStore, sometimes
from objreg.wrap.base import WrappedStore
from objreg.wrap.encrypt import EncryptStore
from objreg.wrap.mirror import MirrorReadStore
from tests import documents
from tests.inprocess import Client


class EqualParts(MemoryStore):
    """Wants parts of equal size, and no large objects in one piece."""

    capabilities = Capabilities(conditional_put=True, min_part=64, max_put=1000)


def objects(store: Store) -> dict[str, bytes]:
    return {entry.key: store.read(entry.key) for entry in store.list('')}


def copied(source: Store, target: Store, passes: int = 3, **more: Any) -> Summary:
    return Copying(source, target, **more).run(passes)


@pytest.fixture
def source() -> MemoryStore:
    """A registry with two images that share a layer, a referrer and a large layer."""
    client = Client(MemoryStore())
    shared, large = os.urandom(100), os.urandom(5000)
    manifest = client.push_image('team/app', 'v1', shared, large)
    client.push_image('team/web', 'v1', shared)
    client.push_image('team/app', 'signature', b'sig', subject=documents.named(manifest))
    store = client.store
    assert isinstance(store, MemoryStore)
    return store


def test_a_copy_is_the_same_object_by_object(source: MemoryStore) -> None:
    target = EqualParts()
    summary = copied(source, target)
    assert objects(target) == objects(source)
    assert (summary.copied, summary.bytes) == (len(objects(source)), sum(map(len, objects(source).values())))
    assert (summary.passes, summary.present, summary.damaged) == (2, summary.copied, [])
    assert Client(target)('GET', '/v2/team/app/manifests/v1').status == 200


def test_what_a_check_left_stays_behind(source: MemoryStore) -> None:
    source.put(f'{keys.scratch("0" * 32)}x', b'x')
    source.put(f'{keys.secret("later")}', b'x')
    target = MemoryStore()
    copied(source, target)
    assert [entry.key for entry in target.list('system/scratch/')] == []
    assert target.read(keys.secret('later')) == b'x'


def test_what_is_there_is_not_copied_again(source: MemoryStore) -> None:
    target = MemoryStore()
    copied(source, target)
    summary = copied(source, target)
    assert (summary.copied, summary.bytes, summary.passes, summary.present) == (0, 0, 1, len(objects(source)))


def test_a_dry_run_writes_nothing(source: MemoryStore) -> None:
    target = MemoryStore()
    summary = copied(source, target, dry_run=True)
    assert objects(target) == {}
    assert summary.copied == len(objects(source))


def test_unfinished_uploads_stay_behind(source: MemoryStore) -> None:
    source.put('uploads/0123/00', b'record')
    target = MemoryStore()
    copied(source, target)
    assert [entry.key for entry in target.list('uploads/')] == []
    assert [entry.key for entry in target.list('system/')] == [entry.key for entry in source.list('system/')]


def test_a_tag_that_moved_is_copied_again(source: MemoryStore) -> None:
    target = MemoryStore()
    copied(source, target)
    moved = Client(source).push_image('team/app', 'v1', b'another layer')
    assert len(moved) != 0
    summary = copied(source, target)
    assert summary.copied > 0
    assert Client(target)('GET', '/v2/team/app/manifests/v1').body == moved


@pytest.fixture
def moving(source: MemoryStore) -> tuple[MemoryStore, Client]:
    """What a registry moves to, and a client of it meanwhile."""
    target = MemoryStore()
    return target, Client(MirrorReadStore(store=target, second=source))


@pytest.mark.parametrize('first', [True, False])
def test_what_clients_push_while_a_registry_moves_stays(
    source: MemoryStore, moving: tuple[MemoryStore, Client], first: bool
) -> None:
    target, client = moving
    if first:
        copied(source, target)
    moved = client.push_image('team/app', 'v1', b'another layer')
    back = client.push_image('team/web', 'v1', b'x'), client.push_image('team/web', 'v1', b'y')
    for _ in range(2):
        copied(source, target)
        assert client('GET', '/v2/team/app/manifests/v1').body == moved
        assert Client(target)('GET', '/v2/team/app/manifests/v1').body == moved
        assert Client(target)('GET', '/v2/team/web/manifests/v1').body == back[1]


def test_a_tag_that_is_pushed_at_the_moment_of_its_copy_is_what_was_pushed(
    source: MemoryStore, moving: tuple[MemoryStore, Client]
) -> None:
    pushed: list[bytes] = []

    class Slow(WrappedStore):
        """Is overtaken by a push."""

        def put(self, key: str, body: Any, size: int | None = None, *, if_absent: bool = False) -> None:
            if keys.is_tag(key) and '/app/' in key and not pushed:
                pushed.append(moving[1].push_image('team/app', 'v1', b'came in between'))
            super().put(key, body, size, if_absent=if_absent)

    copied(source, Slow(moving[0]))
    assert Client(moving[0])('GET', '/v2/team/app/manifests/v1').body == pushed[0]


def test_a_push_that_died_before_its_tag_moves_no_tag(source: MemoryStore) -> None:
    client = Client(source)
    manifest = client('GET', '/v2/team/web/manifests/v1').body
    unborn = Digest.of(client.push_image('team/web', 'v2', b'never tagged v1'))
    source.put(keys.history('team/web', 'v1', time.time_ns(), unborn), b'{}')
    target = MemoryStore()
    copied(source, target)
    assert Client(target)('GET', '/v2/team/web/manifests/v1').body == manifest


def test_a_tag_waits_for_its_manifest(source: MemoryStore) -> None:
    class Late(MemoryStore):
        """Lists what was there when it was first asked."""

        first = True

        def page(self, prefix: str, *given: Any, **more: Any) -> Any:
            found = super().page(prefix, *given, **more)
            if prefix == 'blobs/' and self.first:
                self.first = False
                Client(self).push_image('team/app', 'v1', b'came meanwhile')
            return found

    late, target = Late(), MemoryStore()
    for key, data in objects(source).items():
        late.put(key, data)
    summary = copied(late, target, passes=1)
    assert summary.waiting == 1
    assert consistency.check(target).dangling == []
    assert copied(late, target).waiting == 0
    assert objects(target) == objects(late)


def test_damaged_content_is_told_and_not_copied(source: MemoryStore) -> None:
    key = next(entry.key for entry in source.list('blobs/') if len(source.read(entry.key)) == 5000)
    source.put(key, bytes(5000))
    empty = keys.content(Digest.of(b'not empty'))
    source.put(empty, b'')
    for target in (MemoryStore(), EqualParts()):
        summary = copied(source, target, verify=True)
        assert sorted(line.partition(':')[0] for line in summary.damaged) == sorted([key, empty])
        assert not {key, empty} & objects(target).keys()


@pytest.mark.parametrize('target', [MemoryStore, EqualParts])
def test_what_does_not_pass_its_authentication_is_told_and_the_rest_is_copied(
    source: MemoryStore, target: type[MemoryStore]
) -> None:
    bucket, there = MemoryStore(), target()
    copied(source, EncryptStore(store=bucket, key='a1' * 32))
    both = EncryptStore(store=bucket, key='b2' * 32 + ' ' + 'a1' * 32)
    both.put(lost := keys.catalog('sealed/by-another'), b'x')
    flipped = next(entry.key for entry in source.list('blobs/') if len(source.read(entry.key)) == 5000)
    tag = keys.tag('team/web', 'v1')
    for key in (flipped, tag):
        sealed = bucket.read(key)
        bucket.put(key, sealed[:-1] + bytes([sealed[-1] ^ 1]))
    summary = copied(EncryptStore(store=bucket, key='a1' * 32), there)
    assert [line.split()[1] for line in sorted(summary.damaged)] == sorted([flipped, tag, lost])
    assert 'needs the key' in next(line for line in summary.damaged if lost in line)
    assert objects(there).keys() == objects(source).keys() - {flipped, tag}


def test_what_is_damaged_in_the_target_is_written_again(source: MemoryStore) -> None:
    bucket = MemoryStore()
    target = EncryptStore(store=bucket, key='a1' * 32)
    copied(source, target)
    tag = keys.tag('team/web', 'v1')
    bucket.put(tag, bytes(len(bucket.read(tag))))
    assert copied(source, target).damaged == []
    assert objects(target) == objects(source)


def test_names_are_deleted_only_when_asked_for_and_content_never(source: MemoryStore) -> None:
    target = MemoryStore()
    copied(source, target)
    extra = keys.content(Digest.of(b'extra'))
    target.put(extra, b'extra')
    assert Client(source)('DELETE', '/v2/team/web/manifests/v1').status == 202
    copied(source, target)
    assert Client(target)('HEAD', '/v2/team/web/manifests/v1').status == 200
    assert copied(source, target, delete=True).deleted == 1
    assert Client(target)('HEAD', '/v2/team/web/manifests/v1').status == 404
    assert target.read(extra) == b'extra'


@pytest.mark.parametrize('seed', range(5))
def test_a_copy_that_is_killed_anywhere_goes_on(source: MemoryStore, seed: int) -> None:
    class Killed(BaseException):
        pass

    class Dying(InterceptedStore):
        left = 5 + 7 * seed

        def intercept(self, operation: str, key: str, work: Any, cut: Any = None) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return work()

    target = EqualParts()
    with pytest.raises(Killed):
        copied(source, Dying(target))
    assert consistency.check(target).dangling == []
    copied(source, target)
    assert objects(target) == objects(source)


def test_what_fails_now_and_then_is_tried_again(source: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('objreg.copying.time.sleep', lambda seconds: None)
    target = EqualParts()
    copied(FaultyStore(source, sometimes(0.05, seed=1)), target, passes=5)
    assert objects(target) == objects(source)


def test_a_store_that_stays_away_ends_it(source: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('objreg.copying.time.sleep', lambda seconds: None)

    class Away(MemoryStore):
        def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
            raise Unavailable('gone')

    away = Away()
    away.put(keys.content(Digest.of(b'x')), b'x')
    with pytest.raises(Unavailable):
        copied(away, MemoryStore(), verify=True)


def test_content_that_the_stores_can_copy_by_themselves_does_not_pass_here(source: MemoryStore) -> None:
    counting, target = CountingStore(source), CountingStore(MemoryStore())
    summary = copied(counting, target, passes=1)
    blobs = {key: data for key, data in objects(source).items() if key.startswith('blobs/')}
    assert summary.on_server == sum(map(len, blobs.values()))
    assert target.calls['take'] == len(blobs)
    assert not [call for call in counting.log if call.operation == 'get' and call.key in blobs]
    assert objects(target.inner) == objects(source)


def test_with_verification_all_content_passes_and_the_copy_is_the_same(source: MemoryStore) -> None:
    target = CountingStore(EqualParts())
    summary = copied(source, target, verify=True)
    assert (summary.on_server, target.calls.get('take')) == (0, None)
    assert target.calls['part'] == 1
    assert objects(target.inner) == objects(source)


def test_pushes_while_it_runs_end_in_the_copy(source: MemoryStore) -> None:
    target, stop = MemoryStore(), threading.Event()

    def push() -> None:
        client, number = Client(source), 0
        while not stop.is_set():
            number += 1
            client.push_image(f'team/app{number % 3}', f'v{number % 5}', os.urandom(50))

    pusher = threading.Thread(target=push)
    pusher.start()
    try:
        for _ in range(3):
            copied(source, target, passes=1)
    finally:
        stop.set()
        pusher.join()
    copied(source, target)
    assert objects(target) == objects(source)
    assert consistency.check(target).dangling == []


def test_the_order_is_that_of_a_push() -> None:
    digest = Digest.of(b'')
    names: Iterable[str] = (
        keys.secret('1'), keys.membership('a', digest), keys.manifest('a', digest), keys.referrer('a', digest, digest),
        keys.catalog('a'), keys.history('a', 't', 1, digest), keys.tag('a', 't'),
    )
    assert [order(key) for key in names] == list(range(7))
