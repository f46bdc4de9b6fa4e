"""Lists of files of layers, and what images change."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg.drivers.memory import MemoryStore
from objreg.store import Body, Refused
from objreg.testing.v1_client import V1Image
from objreg.v1 import diff as diffs
from objreg.v1 import files
from objreg.v1.files import File
from objreg.v1.image import EMPTY_LAYER
from objreg.v1.tar_reader import NotTar
from tests.unit.v1.registries import Both, images, layer, packed

TYPES = {
    'f': tarfile.REGTYPE, 'l': tarfile.LNKTYPE, 's': tarfile.SYMTYPE, 'c': tarfile.CHRTYPE, 'b': tarfile.BLKTYPE,
    'd': tarfile.DIRTYPE, 'i': tarfile.FIFOTYPE, 't': tarfile.CONTTYPE, 'u': b'V',
}
KINDS = ('deleted', 'changed', 'created')


def entry(name: str, **fields: Any) -> tarfile.TarInfo:
    """A member of an archive."""
    made = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def archive(*members: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w', format=tarfile.PAX_FORMAT) as made:
        for member in members:
            made.addfile(member, io.BytesIO(bytes(member.size)))
    return file.getvalue()


def listed(data: bytes) -> list[File]:
    return list(files.files_of([data[at:at + 700] for at in range(0, len(data), 700)]))


@pytest.mark.parametrize(('letter', 'type'), TYPES.items())
def test_each_type_has_its_letter(letter: str, type: bytes) -> None:
    (found,) = listed(archive(entry('etc/x', type=type, mode=0o640, uid=1, gid=2, mtime=1_400_000_000)))
    assert found == ('/etc/x', letter, False, 0, 1_400_000_000, 0o640, 1, 2)


@pytest.mark.parametrize(('name', 'path', 'is_deleted'), [
    ('./etc/motd', '/etc/motd', False), ('etc/motd', '/etc/motd', False), ('/etc/motd', '/etc/motd', False),
    ('./', '/', False), ('etc/', '/etc', False), ('../../etc', '/etc', False), ('a/./b//c', '/a/b/c', False),
    ('.wh.gone', '/gone', True), ('etc/.wh.gone', '/etc/gone', True), ('./etc/.wh..hidden', '/etc/.hidden', True),
    ('etc/.wh..wh..opq', '/etc/.wh..wh..opq', True), ('etc/.wh.', '/etc/.wh.', False),
    ('日本/é', '/日本/é', False), ('etc/.wh.opq', '/etc/opq', True),
])
def test_paths(name: str, path: str, is_deleted: bool) -> None:
    (found,) = listed(archive(entry(name)))
    assert (found.path, found.is_deleted) == (path, is_deleted)


def test_what_a_driver_of_dockers_kept_for_itself_is_no_file() -> None:
    assert listed(archive(entry('.wh..wh.plnk/7.8'), entry('.wh..wh.aufs'), entry('etc/x')))[-1].path == '/etc/x'
    assert [one.path for one in listed(archive(entry('.wh..wh.aufs'), entry('.wh..wh.orph')))] == []


def test_a_path_of_any_bytes_is_told_as_json() -> None:
    made = archive(entry('etc/x')).replace(b'etc/x', b'et\xff/x')
    broken = made[:148] + b'        ' + made[156:512]
    data = made[:148] + b'%06o\0 ' % sum(broken) + made[156:]
    lines = b''.join(files.dump(files.files_of([data])))
    assert json.loads(lines)[0][0] == '/et\udcff/x'
    assert list(files.load(lines.splitlines())) == listed(data)


def test_nothing_is_an_empty_list() -> None:
    assert b''.join(files.dump([])) == b'[]\n'
    assert list(files.load([b'[]', b''])) == []


def test_what_is_too_much_is_refused() -> None:
    with pytest.raises(NotTar):
        listed(archive(entry('a' * 4097)))
    with patch.object(files, 'MOST_FILES', 3), pytest.raises(NotTar):
        listed(layer('a', 'b', 'c', 'd'))
    gone = [file(f'/{number}', deleted=True) for number in range(4)]
    with patch.object(diffs, 'MOST_DELETED', 3), pytest.raises(NotTar):
        list(diffs.diff([], [gone]))


def file(path: str, *, deleted: bool = False, size: int = 0) -> File:
    return File(path, 'f', deleted, size, 0, 0o644, 0, 0)


def changes(own: list[File], *ancestors: list[File]) -> dict[str, list[str]]:
    document = json.loads(b''.join(diffs.diff(own, ancestors)))
    assert tuple(document) == KINDS
    return {kind: list(document[kind]) for kind in KINDS if document[kind]}


def test_what_no_ancestor_has_is_created_and_what_one_has_is_changed() -> None:
    own = [file('/new'), file('/old'), file('/older')]
    assert changes(own, [file('/old')], [file('/older'), file('/old')]) == {
        'created': ['/new'], 'changed': ['/old', '/older']}
    assert changes(own) == {'created': ['/new', '/old', '/older']}


def test_what_was_deleted_between_is_created_again() -> None:
    assert changes([file('/a')], [file('/a', deleted=True)], [file('/a')]) == {'created': ['/a']}
    assert changes([file('/a/b')], [file('/a', deleted=True)], [file('/a/b')]) == {'created': ['/a/b']}
    assert changes([file('/a/b')], [file('/a/.wh..wh..opq', deleted=True)], [file('/a/b')]) == {'created': ['/a/b']}
    assert changes([file('/a')], [file('/a'), file('/b', deleted=True)], [file('/a')]) == {'changed': ['/a']}


def test_what_a_cleared_folder_had_is_deleted() -> None:
    own = [file('/a/.wh..wh..opq', deleted=True), file('/a/kept')]
    before = [file('/a/kept'), file('/a/b'), file('/a/gone', deleted=True), file('/ab')]
    assert changes(own, before, [file('/a/gone'), file('/a/c/d')]) == {
        'deleted': ['/a/b', '/a/c/d'], 'changed': ['/a/kept']}
    assert changes([file('/.wh..wh..opq', deleted=True)], [file('/x')]) == {'deleted': ['/x']}


def test_a_deleted_file_is_told_with_what_is_known_of_it() -> None:
    document = json.loads(b''.join(diffs.diff([file('/a', deleted=True)], [[file('/a', size=5)]])))
    assert document['deleted'] == {'/a': ['f', True, 0, 0, 0o644, 0, 0]}


PATHS = st.sampled_from(['/a', '/b', '/a/x', '/a/y', '/b/x'])
LAYERS = st.lists(st.builds(lambda path, deleted: file(path, deleted=deleted), PATHS, st.booleans()), max_size=5)


def after(layers: list[list[File]]) -> set[str]:
    """The paths that are there when these were unpacked upon each other, the root first: slow, and obvious."""
    there: set[str] = set()
    for one in layers:
        gone = {entry.path for entry in one if entry.is_deleted}
        there = {path for path in there if not any(path == base or path.startswith(f'{base}/') for base in gone)}
        there |= {entry.path for entry in one if not entry.is_deleted}
    return there


@given(st.lists(LAYERS, max_size=4), LAYERS)
def test_what_is_changed_was_there_before(ancestors: list[list[File]], own: list[File]) -> None:
    own = list({entry.path: entry for entry in own}.values())
    ancestors = [list({entry.path: entry for entry in one}.values()) for one in ancestors]
    told, before = changes(own, *reversed(ancestors)), after(ancestors)
    assert set(told.get('changed', [])) == {entry.path for entry in own if not entry.is_deleted} & before
    assert set(told.get('created', [])) == {entry.path for entry in own if not entry.is_deleted} - before
    assert set(told.get('deleted', [])) == {entry.path for entry in own if entry.is_deleted}


# By the API

def pushed(*layers: bytes, store: MemoryStore | None = None) -> tuple[Both, list[V1Image]]:
    registry, chain = Both(store), images(*layers)
    registry.v1().push('team/app', chain, {'latest': chain[-1].id})
    return registry, chain


def ask(registry: Both, image: V1Image, what: str, **headers: str) -> Any:
    return registry.call_v1('GET', f'/v1/images/{image.id}/{what}', headers=headers)


@pytest.mark.parametrize('pack', [bytes, packed, lzma.compress])
def test_a_layer_is_listed_however_it_is_packed(pack: Any) -> None:
    registry, (image,) = pushed(pack(layer('a', './b/c')))
    found = ask(registry, image, 'files')
    assert [(one[0], one[3]) for one in found.json()] == [('/a', 8), ('/b/c', 8)]
    assert found['Content-Length'] == str(len(found.body)) and found['ETag'] == f'"{image.id}"'
    assert ask(registry, image, 'files', **{'If-None-Match': found['ETag']}).status == 304
    head = registry.call_v1('HEAD', f'/v1/images/{image.id}/files')
    assert (head.status, head.body, head['Content-Length']) == (200, b'', found['Content-Length'])


def test_what_an_image_changes_is_told() -> None:
    registry, chain = pushed(packed(layer('a', 'b')), packed(layer('b', 'c', '.wh.a')))
    assert {kind: list(told) for kind, told in ask(registry, chain[1], 'diff').json().items()} == {
        'deleted': ['/a'], 'changed': ['/b'], 'created': ['/c']}
    assert list(ask(registry, chain[0], 'diff').json()['created']) == ['/a', '/b']


def test_a_layer_is_read_once() -> None:
    store = MemoryStore()
    registry, chain = pushed(packed(layer('a')), packed(layer('b')), store=store)
    answers = [ask(registry, image, what).body for image in chain for what in ('files', 'diff')]
    with patch('objreg.v1.file_lists.files_of', side_effect=AssertionError):
        assert [ask(registry, image, what).body for image in chain for what in ('files', 'diff')] == answers
        other = Both(store)
        assert ask(other, chain[1], 'diff').body == answers[3]
    store.delete([entry.key for entry in store.list('caches/')])
    assert ask(registry, chain[1], 'diff').body == answers[3], 'it is made again'


@pytest.mark.parametrize('data', [b'no tar at all', packed(b'neither'), packed(layer('a')[:600])])
def test_what_is_no_tar_has_no_files_and_is_not_read_again(data: bytes) -> None:
    registry, (root, top) = pushed(data, packed(layer('a')))
    for _ in range(2):
        for image, what in ((root, 'files'), (root, 'diff'), (top, 'diff')):
            found = ask(registry, image, what)
            assert (found.status, found.json()) == (400, {'error': 'Layer format not supported'})
        with patch('objreg.v1.file_lists.files_of', side_effect=AssertionError):
            assert ask(registry, root, 'files').status == 400
    assert ask(registry, top, 'files').status == 200


def test_a_store_that_cannot_be_written_lists_too() -> None:
    class Full(MemoryStore):
        def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
            if key.startswith('caches/'):
                raise Refused('full')
            super().put(key, body, size, if_absent=if_absent)

    registry, (root, top) = pushed(packed(layer('a')), packed(layer('a')), store=Full())
    assert list(ask(registry, top, 'diff').json()['changed']) == ['/a']


def test_an_empty_layer_has_no_files() -> None:
    registry, chain = pushed(packed(layer('a')), EMPTY_LAYER)
    assert [len(ask(registry, image, 'files').json()) for image in chain] == [1, 0]
    assert ask(registry, chain[1], 'diff').json() == {'deleted': {}, 'changed': {}, 'created': {}}


def test_one_layer_is_read_at_a_time() -> None:
    registry, (image,) = pushed(packed(layer('a')))
    lists = registry.app._view.file_lists  # type: ignore[attr-defined]
    with patch('objreg.v1.file_lists._PATIENCE', 0.01), patch.object(lists, '_turn') as turn:
        turn.acquire.return_value = False
        found = ask(registry, image, 'files')
    assert (found.status, found['Retry-After']) == (503, '30')
    assert ask(registry, image, 'files').status == 200
