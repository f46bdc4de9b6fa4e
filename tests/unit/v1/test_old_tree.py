"""Old clients before what the first registry left in a store, of which nothing was imported."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.middleware.old_v1 import OldV1
from objreg.store import Store
from objreg.testing.faults import Fault, FaultyStore
from objreg.testing.v1_client import Failed, V1Image
from tests.inprocess import Answer, User
from tests.trees.docker_registry_v1 import Filled, TreeV1, filled
from tests.unit.v1.registries import Both, images, layer, packed


class DropIn(Both):
    """objreg in the place of the registry that wrote `old`."""

    def __init__(self, old: Store, root: str = '') -> None:
        super().__init__()
        with patch('objreg.middleware.old_v1.load_store', return_value=old):
            self.app = OldV1(self.app, registry=self.registry, old='old', root=root)  # type: ignore[assignment]

    def token(self, name: str, user: User | None = None) -> dict[str, str]:
        found = self.call_v1('GET', f'/v1/repositories/{name}/images', headers={'X-Docker-Token': 'true'}, user=user)
        assert found.status == 200, found
        return {'Authorization': f'Token {found["X-Docker-Token"]}'}

    def image(self, id: str, what: str, headers: dict[str, str], method: str = 'GET') -> Answer:
        return self.call_v1(method, f'/v1/images/{id}/{what}', headers=headers)


@pytest.fixture(scope='module')
def old() -> Filled:
    return filled(MemoryStore(), 'registry')


@pytest.fixture
def registry(old: Filled) -> DropIn:
    return DropIn(old.tree.store, 'registry')


def test_every_public_tag_is_pulled_and_nothing_is_written_there(old: Filled, registry: DropIn) -> None:
    before = {entry.key: old.tree.store.read(entry.key) for entry in old.tree.store.list('')}
    for name, tags in old.tags.items():
        for tag, ids in tags.items():
            if name in old.private:
                with pytest.raises(Failed):
                    registry.v1().pull(name, tag)
            else:
                assert registry.v1().pull(name, tag) == [V1Image(*old.tree.images[id]) for id in ids]
    assert {entry.key: old.tree.store.read(entry.key) for entry in old.tree.store.list('')} == before
    assert list(registry.store.list('images/')) == list(registry.store.list('blobs/')) == []


def test_what_is_pushed_comes_first(old: Filled, registry: DropIn) -> None:
    name, tag = next((name, tag) for name, tags in old.tags.items() for tag in tags if name not in old.private)
    new = images(packed(layer('new')), id='f' * 64)  # the others are by the chance that made the tree's
    registry.v1().push(name, new, {tag: new[0].id})
    assert registry.v1().pull(name, tag) == new
    another = next(other for other in old.tags[name] if other != tag and old.tags[name][other] != old.tags[name][tag])
    assert len(registry.v1().pull(name, another)) == len(old.tags[name][another])
    old_id = old.tags[name][another][-1]
    with pytest.raises(Failed):  # its parent is not here
        registry.v1().push(name, images(packed(layer('child')), parent=old_id, id='e' * 64), {'child': new[0].id})


def test_an_id_opens_only_what_its_repository_has() -> None:
    tree = TreeV1(MemoryStore())
    mine, secret = tree.image(), tree.image()
    tree.tag('team/mine', 'latest', mine)
    tree.tag('team/secret', 'latest', secret)
    tree.hide('team/secret')
    registry = DropIn(tree.store)
    token = registry.token('team/mine')
    assert registry.image(mine, 'json', token).status == 200
    for what in ('json', 'layer', 'ancestry'):
        assert registry.image(secret, what, token).status == 404
        assert registry.image(mine, what, {}).status == 404, 'nothing says of which repository'
    for path in ('images', 'tags', 'tags/latest'):
        assert registry.call_v1('GET', f'/v1/repositories/team/secret/{path}').status == 404
    alice = User('alice', {'pull': ['team/secret']})
    assert registry.call_v1('GET', '/v1/repositories/team/secret/tags', user=alice).json() == {'latest': secret}
    assert registry.call_v1('GET', '/v1/repositories/team/mine/tags', user=alice).status == 404


def test_a_layer_is_resumed(registry: DropIn, old: Filled) -> None:
    name, ids = next((name, tags['latest']) for name, tags in old.tags.items()
                     if name not in old.private and 'latest' in tags)
    token, data = registry.token(name), old.tree.images[ids[0]][1]
    found = registry.image(ids[0], 'layer', {**token, 'Range': f'bytes=5-{len(data)}'})
    assert (found.status, found.body, found['Content-Range']) == (206, data[5:], f'bytes 5-{len(data) - 1}/{len(data)}')
    assert registry.image(ids[0], 'layer', {**token, 'Range': f'bytes={len(data)}-'}).status == 416
    head = registry.image(ids[0], 'layer', token, 'HEAD')
    assert (head.status, head.body, head['Content-Length']) == (200, b'', str(len(data)))
    whole = registry.image(ids[0], 'layer', token)
    assert registry.image(ids[0], 'layer', {**token, 'If-None-Match': whole['ETag']}).status == 304


@pytest.mark.parametrize(('break_', 'status'), [
    (lambda tree, id: tree.store.put(tree.of_image(id, '_inprogress'), b'true'), 400),
    (lambda tree, id: tree.store.delete([tree.of_image(id, 'json')]), 404),
    (lambda tree, id: tree.store.delete([tree.of_image(id, 'layer')]), 404),
    (lambda tree, id: tree.store.put(tree.of_image(id, 'ancestry'), b'[' * 5000), 404),
    (lambda tree, id: tree.store.put(tree.of_image(id, 'ancestry'), json.dumps(['../x', id]).encode()), 404),
    (lambda tree, id: tree.store.put(tree.of_image(id, 'json'), b'x' * (1024**2 + 1)), 400),
])
def test_what_is_broken_is_said(break_: Any, status: int) -> None:
    tree = TreeV1(MemoryStore())
    id = tree.image()
    tree.tag('team/app', 'latest', id)
    break_(tree, id)
    registry = DropIn(tree.store)
    answers = [registry.image(id, what, registry.token('team/app')).status for what in ('json', 'layer', 'ancestry')]
    assert status in answers and set(answers) <= {200, status}


def test_a_tag_that_is_no_id_names_nothing() -> None:
    tree = TreeV1(MemoryStore())
    tree.tag('team/app', 'latest', '../../etc/passwd')
    registry = DropIn(tree.store)
    assert registry.call_v1('GET', '/v1/repositories/team/app/tags').status == 404
    assert registry.call_v1('GET', '/v1/repositories/none/at-all/images').json() == {'error': 'images not found'}


def test_an_old_store_that_is_away_is_not_an_empty_one() -> None:
    tree = TreeV1(MemoryStore())
    tree.tag('team/app', 'latest', tree.image())
    registry = DropIn(FaultyStore(tree.store, lambda call: Fault.UNAVAILABLE))
    found = registry.call_v1('GET', '/v1/repositories/team/app/tags')
    assert found.status == 503 and int(found['Retry-After']) > 0
