"""What the first registry wrote is served by both versions of the API afterwards, whatever is broken in it."""

from __future__ import annotations

import contextlib
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from objreg import keys
from objreg.drivers.memory import MemoryStore
from objreg.hub.policy import Visibility
from objreg.hub.repositories import Repositories
from objreg.imports.docker_v1 import ImportingV1
from objreg.imports.report import Report
from objreg.imports.repositories import Wanted
from objreg.imports.tree_v1 import TreeV1 as Tree
from objreg.registry import Registry
from objreg.store import Store, Unavailable
from objreg.testing import consistency
from objreg.testing.faults import CountingStore, Fault, FaultyStore, Stop, nth, sometimes
from tests.trees.docker_registry_v1 import EMPTY_PACKED, Filled, TreeV1, filled, simple_checksum
from tests.unit.v1.registries import Both


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('objreg.imports.contents.time.sleep', lambda seconds: None)


def taken(source: Store, target: Store, *patterns: str, root: str = '', jobs: int = 2, dry_run: bool = False) -> Report:
    """Import it all."""
    report = Report(dry_run=dry_run)
    return ImportingV1(Registry(target), Tree(source, root, report), Wanted(patterns, jobs=jobs), report).run()


def objects(store: Store) -> dict[str, bytes]:
    """All but when tags were written and what signs uploads."""
    return {
        entry.key: store.read(entry.key) for entry in store.list('')
        if '/_history/' not in entry.key and not entry.key.startswith(keys.SECRETS)
    }


def check_whole(store: Store) -> None:
    found = consistency.check(store)
    assert (found.dangling, found.incomplete) == ([], [])


@pytest.fixture(scope='module')
def many() -> Filled:
    return filled(MemoryStore(), 'registry')


@pytest.fixture(scope='module')
def moved(many: Filled) -> tuple[Store, Report]:
    """All of it, taken; nothing writes to it afterwards but what reading notes."""
    target = MemoryStore()
    return target, taken(many.tree.store, target, root='registry')


def test_all_that_is_whole_is_taken(many: Filled, moved: tuple[Store, Report]) -> None:
    target, report = moved
    assert len(many.tree.images) > 200
    assert report.left == []
    assert report.repositories == len(many.tags)
    assert report.tags == sum(map(len, many.tags.values()))
    assert report.bytes == report.on_server + sum(
        entry.size or 0 for entry in target.list('blobs/', detail=True) if target.read(entry.key).startswith(b'{"'))
    check_whole(target)


def test_old_clients_pull_every_byte_by_the_ids_that_they_know(many: Filled, moved: tuple[Store, Report]) -> None:
    both = Both(moved[0])
    client = both.v1()
    for number, (name, tags) in enumerate(many.tags.items()):
        assert client.tags(name) == {tag: chain[-1] for tag, chain in tags.items()}, name
        for chain in tags.values():
            assert both.call_v1('GET', f'/v1/images/{chain[-1]}/ancestry').json() == chain[::-1]
        if number % 8 == 0:
            pulled = client.pull(name, next(iter(tags)))
            assert [image.id for image in pulled] == next(iter(tags.values()))
    for id, (document, layer) in many.tree.images.items():
        assert both.call_v1('GET', f'/v1/images/{id}/json').body == document
        assert both.call_v1('GET', f'/v1/images/{id}/layer').body == layer


def test_new_clients_pull_what_the_configuration_says(many: Filled, moved: tuple[Store, Report]) -> None:
    client = Both(moved[0])
    names = {name.partition('/')[2] if name.startswith('library/') else name for name in many.tags}
    assert set(client('GET', '/v2/_catalog?n=1000').json()['repositories']) == names
    for name, tags in many.tags.items():
        for tag, chain in tags.items():
            manifest = client('GET', f'/v2/{name}/manifests/{tag}').json()
            config = client('GET', f'/v2/{name}/blobs/{manifest["config"]["digest"]}').json()
            assert config['config'] == {'Cmd': ['/hello'], 'Env': None}
            assert len(config['history']) == len(chain)
            layers = [many.tree.images[id][1] for id in chain if many.tree.images[id][1] != EMPTY_PACKED]
            assert len(manifest['layers']) == len(config['rootfs']['diff_ids']) == len(layers)
            for one, layer in zip(manifest['layers'], layers, strict=True):
                assert client('GET', f'/v2/{name}/blobs/{one["digest"]}').body == layer


def test_what_pushed_a_tag_is_known(many: Filled, moved: tuple[Store, Report]) -> None:
    client = Both(moved[0])
    name = 'team/app1'
    told = client.call_v1('GET', f'/v1/repositories/{name}/tags/latest/json').json()
    assert (told['last_update'], told['docker_version'], told['kernel']) == (1400000001, '0.11.1', '3.13.0')


def test_each_layer_is_read_once_whoever_shares_it_and_its_bytes_do_not_come_through(many: Filled) -> None:
    source, target = CountingStore(many.tree.store), CountingStore(MemoryStore())
    taken(source, target, root='registry')
    read = [call.key for call in source.log if call.operation == 'get' and call.key.endswith('/layer')]
    assert len(read) == len(set(read)) == len(many.tree.images)
    assert not [call for call in target.log if call.operation == 'part']
    written = {call.key for call in target.log if call.operation == 'put' and call.key.startswith('blobs/')}
    assert all(target.inner.read(key).startswith(b'{"') for key in written)


def test_a_second_time_nothing_is_written_again_and_few_layers_are_read(many: Filled) -> None:
    target = CountingStore(MemoryStore())
    taken(many.tree.store, target, 'team/a/*', root='registry')
    before = objects(target.inner)
    target.reset()
    source = CountingStore(many.tree.store)
    report = taken(source, target, 'team/a/*', root='registry')
    assert (report.left, report.tags, report.manifests, report.images, report.blobs) == ([], 0, 0, 0, 0)
    assert objects(target.inner) == before
    assert {call.key.partition('/')[0] for call in target.log if call.operation == 'put'} <= {'catalog'}
    read = [call.key.split('/')[2] for call in source.log if call.operation == 'get' and call.key.endswith('/layer')]
    assert {id for id in read if _has_simple_checksum(many.tree, id)} == set()


def _has_simple_checksum(tree: TreeV1, id: str) -> bool:
    key = tree.of_image(id, '_checksum')
    return tree.store.has(key) and simple_checksum(*tree.images[id]).encode() in tree.store.read(key)


def test_a_dry_run_tells_the_same_and_writes_nothing(many: Filled, moved: tuple[Store, Report]) -> None:
    target = MemoryStore()
    told = taken(many.tree.store, target, root='registry', dry_run=True)
    assert list(target.list('')) == []
    for name in ('repositories', 'tags', 'bytes', 'blobs', 'left'):
        assert getattr(told, name) == getattr(moved[1], name), name


def test_private_repositories_are_private_where_there_is_a_hub_and_named_where_there_is_none(
    many: Filled, moved: tuple[Store, Report]
) -> None:
    assert {line.partition(' was private')[0] for line in moved[1].notes if 'was private' in line} == many.private
    target = MemoryStore()
    Repositories(target).show('team/app5', Visibility.PUBLIC, by='an operator')
    log = CountingStore(target)
    report = taken(many.tree.store, log, root='registry')
    assert not [line for line in report.notes if 'was private' in line]
    shown = {name: Repositories(target, Visibility.INTERNAL).find(name).visibility for name in many.tags}
    assert {name for name, seen in shown.items() if seen == Visibility.PRIVATE} == many.private - {'team/app5'}
    for name in many.private - {'team/app5'}:
        order = [call.key for call in log.log if call.operation == 'put' and name in call.key]
        assert order[0].startswith('hub/'), 'it is hidden before anything of it is there'


# What is broken


@pytest.fixture
def tree() -> TreeV1:
    return TreeV1(MemoryStore())


def spoil(tree: TreeV1, id: str, name: str, data: bytes | None) -> None:
    if data is None:
        tree.store.delete([tree.of_image(id, name)])
    else:
        tree.store.put(tree.of_image(id, name), data)


def edited(tree: TreeV1, image: str, **fields: Any) -> bytes:
    return json.dumps({**json.loads(tree.images[image][0]), **fields}).encode()


BROKEN: dict[str, tuple[str, str, Any, str]] = {
    'missing-json': ('', 'json', None, 'it has no json'),
    'missing-layer': ('', 'layer', None, 'it has no layer'),
    'in-progress': ('', '_inprogress', b'true', 'in progress'),
    'wrong-checksum': ('', '_checksum', b'["sha256:00"]', 'another checksum'),
    'wrong-tarsum': ('', '_checksum', b'["tarsum+sha256:00"]', 'another checksum'),
    'wrong-old-checksum': ('', '_checksum', b'sha256:00', 'another checksum'),
    'other-ancestry': ('', 'ancestry', lambda tree, id: json.dumps([id, 'f' * 64]).encode(), 'contradicts'),
    'no-list': ('', 'ancestry', b'{"a": 1}', 'is no list'),
    'no-json-ancestry': ('', 'ancestry', b'[', 'no JSON'),
    'no-json': ('', 'json', b'{"id": ', 'Invalid JSON'),
    'other-id': ('', 'json', lambda tree, id: edited(tree, id, id='f' * 64), 'invalid id'),
    'odd-parent': ('', 'json', lambda tree, id: edited(tree, id, parent='../../x'), 'invalid parent'),
    'lost-parent': ('', 'json', lambda tree, id: edited(tree, id, parent='e' * 64), 'there is no image ' + 'e' * 64),
    'own-parent': ('', 'json', lambda tree, id: edited(tree, id, parent=id), 'invalid parent'),
    'cut-layer': ('', 'layer', lambda tree, id: tree.images[id][1][:-9], 'gzip stream is cut'),
    'no-gzip': ('', 'layer', b'\x1f\x8bnot gzip at all', 'not gzip'),
    'empty-layer': ('', 'layer', b'', 'it is empty'),
    'large-json': ('', 'json', b' ' * (1024**2 + 1), 'at most are taken'),
    'parent-without-layer': ('parent', 'layer', None, 'it has no layer'),
    'parent-in-progress': ('parent', '_inprogress', b'true', 'in progress'),
    'parent-with-other-checksum': ('parent', '_checksum', b'["sha256:00"]', 'another checksum'),
}


def test_each_broken_image_is_named_and_the_rest_is_taken(tree: TreeV1) -> None:
    whole = tree.chain(3)
    tree.tag('team/app', 'whole', whole[-1])
    for tag, (where, name, data, _) in BROKEN.items():
        parent = tree.image(whole[-1])
        id = tree.image(parent)
        spoil(tree, parent if where else id, name, data(tree, id) if callable(data) else data)
        tree.tag('team/app', tag, id)
    target = MemoryStore()
    report = taken(tree.store, target)
    told = dict(report.left)
    assert sorted(told) == sorted(f'team/app:{tag}' for tag in BROKEN)
    wrong = {tag for tag, (*_, why) in BROKEN.items() if why not in told[f'team/app:{tag}']}
    assert wrong == set(), told
    assert Both(target)('GET', '/v2/team/app/tags/list').json()['tags'] == ['whole']
    check_whole(target)


def test_loops_are_named_and_end(tree: TreeV1) -> None:
    one = tree.image()
    two = tree.image(one)
    three = tree.image(two)
    spoil(tree, one, 'json', edited(tree, one, parent=three))
    tree.tag('a', 'loop', three)
    tree.tag('a', 'from-the-middle', tree.image(three))
    told = dict(taken(tree.store, MemoryStore()).left)
    assert sorted(told) == ['library/a:from-the-middle', 'library/a:loop']
    assert all('is a loop' in why for why in told.values())


def test_what_is_no_tag_no_image_and_no_key_of_that_registry_is_named(tree: TreeV1) -> None:
    id = tree.image()
    tree.tag('team/app', 'v1', id)
    tree.tag('team/app', '.x', id)
    tree.tag('team/app', 'sp ace', id)
    tree.store.put(tree.of_repository('team/app', 'tag_empty'), b'')
    tree.store.put(tree.of_repository('team/app', 'tag_strange'), b'\xff\x1b')
    tree.store.put(tree.of_repository('team/app', 'tag_nowhere'), b'9' * 64)
    tree.store.put(tree.of_repository('team/app', 'notes.txt'), b'x')
    tree.tag('Team/App', 'v1', id)
    for strange in ('repositories/stray', 'repositories/a/b/c/d', 'images/not-an-id/json', f'images/{id}/backup'):
        tree.store.put(strange, b'x')
    tree.store.put(tree.of_image('d' * 64, '_inprogress'), b'true')
    tree.image(content=b'in no tag')
    report = taken(tree.store, MemoryStore())
    reasons = {
        'team/app:.x': 'none of a tag', 'team/app:sp ace': 'none of a tag', 'team/app:empty': "no id of an image: ''",
        'team/app:strange': 'no id of an image', 'team/app:nowhere': 'there is no image',
        'repositories/team/app/notes.txt': 'no key', 'Team/App': 'none of a repository',
        'repositories/stray': 'no key', 'repositories/a/b/c/d': 'no key', 'images/not-an-id': 'no id',
        f'images/{id}/backup': 'no key', f'image {"d" * 64}': 'in progress',
    }
    told = dict(report.left)
    assert sorted(told) == sorted(reasons)
    assert {what: why for what, why in reasons.items() if why not in told[what]} == {}
    assert report.notes == ['1 images are named by no tag, nor are ancestors of one that is; they stay behind']


def test_a_tag_that_looks_like_what_is_told_of_one_is_a_tag(tree: TreeV1) -> None:
    id, other = tree.image(), tree.image()
    tree.tag('a', 'x_json', id)  # its key is also that of what is told of the tag `_x`
    tree.tag('b', '_x', other)
    target = MemoryStore()
    assert taken(tree.store, target).left == []
    client = Both(target).v1()
    assert client.tags('a') == {'x_json': id}
    assert client.tags('b') == {'_x': other}


def test_without_an_ancestry_the_parents_count(tree: TreeV1) -> None:
    chain = tree.chain(3)
    spoil(tree, chain[1], 'ancestry', None)
    spoil(tree, chain[2], 'ancestry', None)
    tree.tag('a', 'v1', chain[-1])
    target = MemoryStore()
    assert taken(tree.store, target).left == []
    assert [image.id for image in Both(target).v1().pull('a', 'v1')] == chain


# Repeated, with pushes meanwhile


def test_what_came_since_is_taken_and_what_was_pushed_here_stays(tree: TreeV1) -> None:
    base = tree.image()
    tree.tag('team/app', 'v1', tree.image(base))
    tree.tag('team/app', 'v2', tree.image(base))
    target = MemoryStore()
    taken(tree.store, target)
    mine = Both(target).push_image('team/app', 'v2', b'pushed here')
    newer = tree.image(base)
    tree.tag('team/app', 'v1', newer)
    tree.tag('team/app', 'v2', tree.image(base))
    tree.tag('team/app', 'v3', newer)
    report = taken(tree.store, target)
    assert (report.left, report.kept, report.tags) == ([], ['team/app:v2'], 2)
    both = Both(target)
    assert both('GET', '/v2/team/app/manifests/v2').body == mine
    assert both.v1().pull('team/app', 'v1')[-1].id == newer
    check_whole(target)


def test_an_id_that_means_something_else_here_is_named(tree: TreeV1) -> None:
    id = tree.image()
    tree.tag('team/app', 'v1', id)
    other = TreeV1(MemoryStore())
    other.image(id=id, content=b'another')
    other.tag('team/app', 'mine', id)
    target = MemoryStore()
    taken(other.store, target)
    report = taken(tree.store, target)
    assert 'means something else in team/app' in dict(report.left)['team/app:v1']
    assert Both(target).v1().tags('team/app') == {'mine': id}


def test_only_what_is_wanted_is_taken(many: Filled) -> None:
    target = MemoryStore()
    report = taken(many.tree.store, target, 'team/a/*', 'short', root='registry')
    assert (report.repositories, report.left, report.notes and 'named by no tag' in report.notes[-1]) == (11, [], False)


# Interruptions


def small() -> TreeV1:
    tree = TreeV1(MemoryStore())
    chain = tree.chain(2)
    tree.tag('a', 'v1', chain[-1])
    tree.tag('b', 'v1', tree.image(chain[-1], layer=EMPTY_PACKED, packed='plain', sums=''))
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
        assert taken(tree.store, store.inner).left == []
        assert objects(store.inner).keys() == objects(whole).keys()
        check_whole(store.inner)


def test_a_source_that_fails_now_and_then_is_told_and_taken_the_next_time(many: Filled) -> None:
    target = MemoryStore()
    source = FaultyStore(many.tree.store, sometimes(0.03, 1, [Fault.UNAVAILABLE, Fault.CUT]))
    for _ in range(2):
        with contextlib.suppress(Unavailable):
            taken(source, target, 'team/a/*', root='registry')
        assert consistency.check(target).dangling == []
    assert source.happened
    assert taken(many.tree.store, target, 'team/a/*', root='registry').left == []
    check_whole(target)


def test_two_imports_at_once_are_one(many: Filled) -> None:
    target = MemoryStore()
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: taken(many.tree.store, target, 'team/a/*', root='registry'), range(2)))
    assert [report.left for report in reports] == [[], []]
    alone = MemoryStore()
    taken(many.tree.store, alone, 'team/a/*', root='registry')
    assert objects(target) == objects(alone)


def test_a_layer_that_is_gzip_in_several_pieces_is_one(tree: TreeV1) -> None:
    plain = b'x' * 512 + bytes(1024)
    id = tree.image(layer=gzip.compress(plain[:700]) + gzip.compress(plain[700:]), packed='plain', sums='simple')
    tree.tag('a', 'v1', id)
    assert taken(tree.store, MemoryStore()).left == []
