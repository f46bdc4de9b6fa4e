"""What the CNCF registry wrote is objreg's afterwards, whatever is broken in it and whatever interrupts."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from objreg import keys
from objreg.drivers.memory import MemoryStore
from objreg.imports.distribution import Tree
from objreg.imports.report import Report
from objreg.imports.repositories import Importing, Wanted
from objreg.names import Digest
from objreg.registry import Registry
from objreg.store import Store, Unavailable
from objreg.testing import consistency
from objreg.testing.faults import CountingStore, Fault, FaultyStore, Stop, always, nth, sometimes
from tests.inprocess import Client
from tests.trees.distribution import DistributionTree, described, hex_of, image, index

SHARED = b'a layer that several have' * 9


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('objreg.imports.contents.time.sleep', lambda seconds: None)


def taken(source: Store, target: Store, *patterns: str, verify: Any = 'none', **more: Any) -> Report:
    """Import it all."""
    report = Report(dry_run=more.pop('dry_run', False))
    wanted = Wanted(patterns, more.pop('sparse', False), jobs=more.pop('jobs', 2))
    return Importing(Registry(target), wanted, report).run(Tree(source, verify=verify, **more).repositories())


def left(report: Report) -> dict[str, str]:
    return dict(report.left)


def objects(store: Store) -> dict[str, bytes]:
    """All but when tags were written and what signs uploads."""
    return {
        entry.key: store.read(entry.key) for entry in store.list('')
        if '/_history/' not in entry.key and not entry.key.startswith(keys.SECRETS)
    }


def check_whole(store: Store) -> None:
    found = consistency.check(store)
    assert (found.dangling, found.incomplete) == ([], [])


@pytest.fixture
def tree() -> DistributionTree:
    """Two repositories that share a layer, an index, and an artifact that refers to an image."""
    made = DistributionTree(MemoryStore())
    one = made.push('team/app', 'v1', SHARED, b'of v1')
    arm = image(SHARED, b'for arm')
    made.blob('team/app', b'for arm')
    made.manifest('team/app', arm)
    made.manifest('team/app', index(one, arm), 'latest', 'all')
    made.push('team/app', 'v1.sig', b'signature', subject=described(one, 'application/x'))
    made.push('team/app/below', 'v1', SHARED)
    made.push('web', 'v1', SHARED, b'of web')
    return made


def test_every_tag_is_pulled_with_the_same_bytes(tree: DistributionTree) -> None:
    target = MemoryStore()
    report = taken(tree.store, target)
    assert (report.left, report.repositories, report.manifests, report.tags) == ([], 3, 6, 6)
    assert (report.blobs, report.bytes) == (6, report.on_server)
    client = Client(target)
    one = image(SHARED, b'of v1')
    assert client('GET', '/v2/team/app/manifests/v1').body == one
    assert client('GET', '/v2/team/app/manifests/latest', headers={'Accept': '*/*'}).body == index(
        one, image(SHARED, b'for arm'))
    assert client('GET', f'/v2/web/blobs/sha256:{hex_of(b"of web")}').body == b'of web'
    assert client('GET', f'/v2/web/blobs/sha256:{hex_of(b"of v1")}').status == 404
    assert client('GET', '/v2/_catalog').json()['repositories'] == ['team/app', 'team/app/below', 'web']
    referrers = client('GET', f'/v2/team/app/referrers/sha256:{hex_of(one)}').json()['manifests']
    assert len(referrers) == 1
    check_whole(target)


def test_a_second_time_nothing_is_taken_again(tree: DistributionTree) -> None:
    target = CountingStore(MemoryStore())
    taken(tree.store, target)
    before = objects(target)
    target.reset()
    report = taken(tree.store, target)
    assert (report.manifests, report.tags, report.blobs, report.present, report.left) == (0, 0, 0, 6, [])
    assert objects(target) == before
    assert {call.key.partition('/')[0] for call in target.log if call.operation == 'put'} == {'catalog', 'repositories'}
    assert not [call for call in target.log if call.operation == 'put' and '/_tags/' in call.key]


def test_what_came_since_is_taken_and_what_was_pushed_here_stays(tree: DistributionTree) -> None:
    target = MemoryStore()
    taken(tree.store, target)
    new = tree.push('web', 'v1', b'another')
    tree.push('web', 'v2', b'yet another')
    mine = Client(target).push_image('team/app', 'v1', b'pushed here')
    tree.push('team/app', 'v1', b'pushed there meanwhile')
    report = taken(tree.store, target)
    assert (report.tags, report.kept, report.left) == (2, ['team/app:v1'], [])
    assert Client(target)('GET', '/v2/web/manifests/v1').body == new
    assert Client(target)('GET', '/v2/team/app/manifests/v1').body == mine
    check_whole(target)


def test_a_dry_run_tells_the_same_and_writes_nothing(tree: DistributionTree) -> None:
    tree.store.delete([tree.key(b'of web')])
    target = CountingStore(MemoryStore())
    told = taken(tree.store, target, dry_run=True)
    assert [entry.key for entry in target.list('')] == []
    assert not {'put', 'take', 'copy', 'part', 'delete'} & target.calls.keys()
    done = taken(tree.store, MemoryStore())
    for name in ('manifests', 'tags', 'blobs', 'bytes', 'left', 'repositories'):
        assert getattr(told, name) == getattr(done, name), name


def test_only_what_is_wanted_is_taken(tree: DistributionTree) -> None:
    target = MemoryStore()
    assert taken(tree.store, target, 'team/*').repositories == 2
    assert Client(target)('GET', '/v2/_catalog').json()['repositories'] == ['team/app', 'team/app/below']


def test_a_tree_may_lie_elsewhere() -> None:
    for root in ('', 'some/where'):
        tree = DistributionTree(MemoryStore(), base=f'{root}/v2'.lstrip('/'))
        tree.push('a', 'v1', b'x')
        assert taken(tree.store, MemoryStore(), root=root).tags == 1


# What is broken


def test_each_broken_thing_is_named_and_the_rest_is_taken(tree: DistributionTree) -> None:
    store, name = tree.store, 'broken'
    whole = tree.push(name, 'whole', SHARED)
    missing = tree.push(name, 'missing-blob', b'will be missing')
    store.delete([tree.key(b'will be missing')])
    short = tree.push(name, 'short-blob', b'will be cut')
    store.put(tree.key(b'will be cut'), b'cut')
    unlinked = image(b'of web')
    tree.manifest(name, unlinked, 'unlinked-blob')
    gone = tree.push(name, 'gone', b'g')
    store.delete([tree.key(gone)])
    spoiled = tree.push(name, 'spoiled', b's')
    store.put(tree.key(spoiled), spoiled.replace(b'2', b'3', 1))
    old = b'{"schemaVersion": 1, "name": "broken", "tag": "old", "fsLayers": [], "history": []}'
    tree.manifest(name, old, 'old')
    lacking = index(whole, missing)
    tree.manifest(name, lacking, 'lacking-index')
    large = b' ' * (4 * 1024**2 + 1)
    tree.manifest(name, large, 'large')
    tree.link(name, '_manifests/tags/nowhere/current', b'never pushed')
    store.put(tree.of(name, '_manifests/tags/empty/current/link'), b'')
    store.put(tree.of(name, '_manifests/tags/strange/current/link'), b'\xff\x1b[31m')
    store.put(tree.of(name, '_manifests/tags/.bad/current/link'), f'sha256:{hex_of(whole)}'.encode())
    store.put(tree.of(name, f'_layers/sha256/{hex_of(SHARED)}/link'), b'')  # as a crash leaves it; its path tells
    store.put(tree.of(name, '_uploads/0b5b7a0e/data'), b'under way')
    store.put(tree.of('_strange', 'x'), b'')
    tree.push('Not/A/Name', 'v1', b'x')
    target = MemoryStore()
    report = taken(store, target)
    told = left(report)
    reasons = {
        f'{name}@sha256:{hex_of(missing)}': 'is missing', f'{name}@sha256:{hex_of(short)}': 'has 3 bytes, and 11',
        f'{name}@sha256:{hex_of(unlinked)}': 'is not linked', f'{name}@sha256:{hex_of(gone)}': 'is missing',
        f'{name}@sha256:{hex_of(spoiled)}': 'its bytes are sha256:', f'{name}@sha256:{hex_of(old)}': 'schema 1',
        f'{name}@sha256:{hex_of(lacking)}': 'which could not be taken',
        f'{name}@sha256:{hex_of(large)}': 'at most are taken',
        f'{name}:nowhere': 'points nowhere', f'{name}:empty': "no digest: ''", f'{name}:strange': 'no digest',
        f'{name}:.bad': 'invalid tag', 'Not/A/Name': 'invalid repository name',
        **{f'{name}:{tag}': 'which could not be taken' for tag in (
            'missing-blob', 'short-blob', 'unlinked-blob', 'gone', 'spoiled', 'old', 'lacking-index', 'large')},
    }
    assert sorted(told) == sorted(reasons)
    assert {what: why for what, why in reasons.items() if why not in told[what]} == {}
    assert Client(target)('GET', f'/v2/{name}/tags/list').json()['tags'] == ['whole']
    assert report.tags == 7
    check_whole(target)


def test_an_index_is_taken_without_an_image_where_that_is_wanted(tree: DistributionTree) -> None:
    missing = tree.push('a', 'v1', b'x')
    tree.store.delete([tree.key(b'x')])
    tree.manifest('a', index(missing, tree.push('a', 'v2', b'y')), 'both')
    target = MemoryStore()
    assert 'a:both' in left(taken(tree.store, target))
    assert 'a:both' not in left(taken(tree.store, target, sparse=True))
    assert Client(target, sparse='all')('GET', '/v2/a/manifests/both', headers={'Accept': '*/*'}).status == 200


def test_indexes_in_each_other_end(tree: DistributionTree) -> None:
    inner = tree.push('deep', 'image', b'x')
    for level in range(12):
        inner = index(inner)
        tree.manifest('deep', inner, f'level{level}')
    target = MemoryStore()
    report = taken(tree.store, target)
    assert (report.left, report.tags) == ([], 6 + 13)
    check_whole(target)


# Verification


def spoil(tree: DistributionTree, data: bytes) -> None:
    tree.store.put(tree.key(data), data[::-1])


@pytest.mark.parametrize('verify', ['none', 'all'])
def test_blobs_that_the_server_copies_are_hashed_where_that_is_wanted(tree: DistributionTree, verify: str) -> None:
    spoil(tree, b'of web')
    source, target = CountingStore(tree.store), CountingStore(MemoryStore())
    report = taken(source, target, verify=verify)
    assert ('web:v1' in left(report)) is (verify == 'all')
    read = [call for call in source.log if call.operation == 'get' and call.key == tree.key(SHARED)]
    assert len(read) == (verify == 'all')
    assert target.calls['take'] == (6 if verify == 'none' else 5)


def test_a_sample_is_always_the_same(tree: DistributionTree) -> None:
    chosen = [data for data in (b'%d' % number for number in range(60)) if hex_of(data).startswith('0')]
    other = [data for data in (b'%d' % number for number in range(60)) if not hex_of(data).startswith('0')]
    tree.push('a', 'v1', chosen[0])
    tree.push('a', 'v2', other[0])
    for data in (chosen[0], other[0]):
        tree.store.put(tree.key(data), b'x' * len(data))
    assert [what for what, _ in taken(tree.store, MemoryStore(), verify='sample').left if ':v' in what] == ['a:v1']


def test_blobs_that_pass_here_are_always_hashed(tree: DistributionTree) -> None:
    class Apart(MemoryStore):
        """Of another server."""

        def take(self, origin: Any, target: str) -> bool:
            return False

    spoil(tree, b'of web')
    target = Apart()
    report = taken(tree.store, target)
    assert report.on_server == 0
    assert 'is sha256:' in left(report)[f'web@sha256:{hex_of(image(SHARED, b"of web"))}']
    assert not target.has(keys.content(Digest.of(b'of web')))
    check_whole(target)


# Interruptions


def small() -> DistributionTree:
    tree = DistributionTree(MemoryStore())
    one = tree.push('a', 'v1', SHARED)
    tree.manifest('a', index(one), 'latest')
    tree.push('a', 'sig', b's', subject=described(one, 'application/x'))
    return tree


@pytest.mark.exhaustive
@pytest.mark.parametrize('fault', [Fault.STOP_BEFORE, Fault.STOP_AFTER, Fault.LOST_ANSWER])
def test_it_is_interrupted_at_every_call_and_goes_on(fault: Fault) -> None:
    tree, whole = small(), MemoryStore()
    counting = CountingStore(whole)
    taken(tree.store, counting, jobs=1)
    for number in range(1, counting.total + 1):
        store = FaultyStore(MemoryStore(), nth(number, fault))
        with contextlib.suppress(Stop, Unavailable):
            taken(tree.store, store, jobs=1)
        assert len(store.happened) == 1
        assert consistency.check(store.inner).dangling == []
        report = taken(tree.store, store.inner)
        assert report.left == []
        assert objects(store.inner).keys() == objects(whole).keys()
        check_whole(store.inner)


def test_a_source_that_fails_now_and_then_is_told_and_taken_the_next_time(tree: DistributionTree) -> None:
    target = MemoryStore()
    for seed in range(20):
        report = taken(FaultyStore(tree.store, sometimes(0.1, seed, [Fault.UNAVAILABLE])), target) if seed else None
        assert consistency.check(target).dangling == []
        if report is not None and not report.left:
            break
    assert taken(tree.store, target).left == []
    check_whole(target)


def test_a_store_that_stays_away_ends_it(tree: DistributionTree) -> None:
    for number in range(20):
        tree.push(f'many/{number}', 'v1', b'%d' % number)
    with pytest.raises(Unavailable):
        taken(FaultyStore(tree.store, always(Fault.UNAVAILABLE, {'get', 'take'})), MemoryStore())


def test_two_imports_at_once_are_one(tree: DistributionTree) -> None:
    target = MemoryStore()
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: taken(tree.store, target), range(2)))
    assert [report.left for report in reports] == [[], []]
    alone = MemoryStore()
    taken(tree.store, alone)
    assert objects(target) == objects(alone)


def test_pushes_to_the_old_registry_meanwhile_are_taken_in_the_end(tree: DistributionTree) -> None:
    target, stop = MemoryStore(), threading.Event()

    def push() -> None:
        number = 0
        while not stop.is_set() and number < 200:
            number += 1
            tree.push(f'new{number % 3}', f'v{number % 5}', b'%d' % number)

    pusher = threading.Thread(target=push)
    pusher.start()
    taken(tree.store, target)
    stop.set()
    pusher.join()
    assert taken(tree.store, target).left == []
    check_whole(target)
