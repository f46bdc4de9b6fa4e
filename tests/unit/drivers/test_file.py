"""The `file` driver keeps every promise of a store, and those that a folder needs besides."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from objreg.drivers.file import FileStore
from objreg.store import NotFound, Refused, Store, Unavailable
from objreg.testing.contract import StoreContract
from objreg.testing.promises_keys import HOSTILE
from tests.unit.drivers.system import tree

MIB = 1024**2


class TestContract(StoreContract):
    """The contract of every store."""

    takes = True

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[FileStore]:
        store = FileStore(str(tmp_path / 'root'), sync=False)
        yield store
        store.close()

    def another(self, store: FileStore) -> FileStore:
        return FileStore(store.root, sync=False)

    def leftovers(self, store: FileStore) -> list[str]:
        return [name for name in tree(store.root) if name != '.staging']


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """A store in the folder `root`."""
    return FileStore(str(tmp_path / 'root'), sync=False)


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.list('')]


def test_a_key_is_the_path_of_its_file(store: FileStore) -> None:
    for key in ('catalog/a', 'catalog/a/b', 'blobs/sha256/ab/abcd', 'x.d', '.hidden', '50%'):
        store.put(key, key.encode())
    assert tree(store.root) == [
        '%2Ehidden', '.staging', '50%25', 'blobs.d', 'blobs.d/sha256.d', 'blobs.d/sha256.d/ab.d',
        'blobs.d/sha256.d/ab.d/abcd', 'catalog.d', 'catalog.d/a', 'catalog.d/a.d', 'catalog.d/a.d/b', 'x%2Ed',
    ]


def test_nothing_is_made_before_the_first_write(store: FileStore) -> None:
    assert keys(store) == []
    store.delete(['k'])
    with pytest.raises(NotFound):
        store.read('k')
    store.resume('0' * 32).abort()
    assert not os.path.exists(store.root)


def test_a_path_is_needed() -> None:
    with pytest.raises(ValueError, match='path: needed'):
        FileStore('')


# Nothing leads out of the folder


def test_hostile_keys_reach_nothing_outside(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / 'secret').write_bytes(b'secret')
    store.put('a/b', b'x')
    before = tree(tmp_path)
    for key in (*HOSTILE, '../secret', 'a/../../secret', str(tmp_path / 'secret'), '.staging/../../secret'):
        for call in (store.read, store.stat, lambda key: store.put(key, b'x'), lambda key: store.delete([key])):
            with pytest.raises(Refused):
                call(key)
        assert not any('secret' in name for name in names_under(store, key))
    assert tree(tmp_path) == before
    assert (tmp_path / 'secret').read_bytes() == b'secret'


def names_under(store: Store, prefix: str) -> list[str]:
    return [entry.key for delimiter in ('', '/') for entry in store.list(prefix, delimiter=delimiter)]


def test_hostile_prefixes_list_nothing(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / 'secret.d').mkdir()
    (tmp_path / 'secret.d' / 'k').write_bytes(b'')
    store.put('k', b'')
    for prefix in ('../', '..', '../secret/', '.staging/', '/', '//', './', 'a\0', '\udc80/', 'x' * 5000, 'x/' * 5000):
        assert names_under(store, prefix) == [], prefix
    assert store.page('', '\udc80\0/../').entries == []


@pytest.mark.parametrize('name', ['link', 'inner/link', 'deep/inner/link'])
def test_a_link_that_leads_out_is_not_followed(name: str, store: FileStore, tmp_path: Path) -> None:
    outside = tmp_path / 'outside'
    outside.mkdir()
    (outside / 'k').write_bytes(b'secret')
    store.put(f'{name}/neighbour', b'x')
    folder = store.root + '/' + name.replace('/', '.d/') + '.d'
    shutil.rmtree(folder)
    os.symlink(outside, folder)
    calls: list[Callable[[str], object]] = [
        store.read, store.get, store.stat, lambda key: store.delete([key]), lambda key: list(store.list(name + '/')),
        lambda key: store.put(key, b'x'), lambda key: store.put(key + '2', b'x', if_absent=True),
        lambda key: store.copy(key, 'copy'),
    ]
    for call in calls:
        with pytest.raises(Refused, match='symbolic link'):
            call(f'{name}/k')
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [('k', b'secret')]


def test_an_object_that_is_a_link_is_not_read(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / 'secret').write_bytes(b'secret')
    store.put('k', b'x')
    os.symlink(tmp_path / 'secret', f'{store.root}/link')
    for call in (store.read, store.get, store.stat):
        with pytest.raises(Refused, match='symbolic link'):
            call('link')
    store.put('link', b'mine')
    assert (store.read('link'), (tmp_path / 'secret').read_bytes()) == (b'mine', b'secret')


def test_nothing_is_staged_elsewhere(store: FileStore, tmp_path: Path) -> None:
    outside = tmp_path / 'outside'
    outside.mkdir()
    store.put('k', b'x')
    os.rmdir(f'{store.root}/.staging')
    os.symlink(outside, f'{store.root}/.staging')
    for write in (lambda: store.put('k', b'y'), lambda: store.upload('k').part(1, b'y')):
        with pytest.raises(Refused, match='symbolic link'):
            write()
    assert tree(outside) in ([], [name for name in tree(outside) if os.path.isdir(outside / name)])
    assert store.read('k') == b'x'


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / 'disk').mkdir()
    os.symlink(tmp_path / 'disk', tmp_path / 'root')
    FileStore(str(tmp_path / 'root')).put('a/b', b'x')
    assert (tmp_path / 'disk/a.d/b').read_bytes() == b'x'


def test_what_is_not_ours_is_not_listed(store: FileStore) -> None:
    store.put('a/b', b'x')
    for name in ('.nfs0001', '.hidden', 'a.d/.nfs0002', os.fsdecode(b'a.d/\xff'), os.fsdecode(b'\xff')):
        Path(store.root, name).write_bytes(b'')
    os.mkdir(f'{store.root}/lost+found')
    assert keys(store) == ['a/b']


# The folder goes away


def test_an_unmounted_folder_is_unavailable_and_not_empty(store: FileStore, tmp_path: Path) -> None:
    store.put('k', b'x')
    (tmp_path / 'root').rename(tmp_path / 'elsewhere')
    for mounted in (False, True):
        if mounted:
            (tmp_path / 'root').mkdir()
        upload = store.upload('k')
        calls: list[Callable[[], object]] = [
            lambda: store.read('k'), lambda: store.stat('k'), lambda: store.page(''), lambda: store.page('a/'),
            lambda: store.put('k', b'y'), lambda: store.put('k', b'y', if_absent=True), lambda: store.delete(['a/b']),
            lambda upload=upload: upload.part(1, b'y'), lambda upload=upload: upload.abort(), store.check,  # type: ignore[misc]
        ]
        for call in calls:
            with pytest.raises(Unavailable, match='is gone'):
                call()
    assert tree(tmp_path / 'root') == []
    (tmp_path / 'root').rmdir()
    (tmp_path / 'elsewhere').rename(tmp_path / 'root')
    assert store.read('k') == b'x'


def test_a_folder_that_is_mounted_anew_is_used_again(store: FileStore, tmp_path: Path) -> None:
    store.put('k', b'x')
    shutil.copytree(tmp_path / 'root', tmp_path / 'copy')
    shutil.rmtree(tmp_path / 'root')
    (tmp_path / 'copy').rename(tmp_path / 'root')
    with pytest.raises(NotFound):
        store.read('missing')
    store.put('new', b'y')
    assert keys(store) == ['k', 'new']


def test_a_staging_folder_that_was_cleaned_away_is_made_again(store: FileStore) -> None:
    store.put('k', b'x')
    os.rmdir(f'{store.root}/.staging')
    with pytest.raises(NotFound):
        store.read('missing')
    store.put('k', b'y')
    assert store.read('k') == b'y'


def test_check_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / 'file').write_bytes(b'')
    with pytest.raises(Refused, match='a file or a symbolic link is in the way'):
        FileStore(str(tmp_path / 'file' / 'root')).check()
    store = FileStore(str(tmp_path / 'root'))
    store.check()
    assert tree(store.root) == ['.staging']


def test_a_sweep_takes_what_died_and_leaves_what_may_go_on(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path / 'store'), sync=False)
    assert store.sweep(-1) == 0
    store.put('k', b'kept')
    died, goes_on = store.upload('a'), store.upload('b')
    died.part(1, b'one')
    died.part(2, b'two')
    staging = tmp_path / 'store/.staging'
    (staging / 'put-0123').write_bytes(b'half')
    for path in (staging, *staging.rglob('*')):
        os.utime(path, (1, 1))
    part = goes_on.part(1, b'goes on')
    assert store.sweep(3600) == 3
    goes_on.finish([part], 'b')
    assert (store.read('k'), store.read('b'), [*staging.iterdir()]) == (b'kept', b'goes on', [])
    store.close()
