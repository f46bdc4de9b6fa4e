"""The `folder` driver shows the files of others under their own paths, in the order of keys, and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from objreg.drivers.file import FileStore
from objreg.drivers.folder import FolderStore
from objreg.store import NotFound, Origin, Refused, Store, Unavailable
from objreg.transfer import bring

FILES = (
    'docker/registry/v2/blobs/sha256/aa/aabb/data', 'docker/registry/v2/repositories/a/_layers/x/link',
    'docker/registry/v2/repositories/a-b/_layers/x/link', 'docker/registry/v2/repositories/a.d/link',
    'repositories/library/a%252Fb/tag_.latest', '.hidden/x', 'é/1', 'top',
)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """Some files, empty directories, and what is none of both."""
    for name in FILES:
        path = tmp_path / 'tree' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / 'tree' / 'empty' / 'below').mkdir(parents=True)
    (tmp_path / 'secret').write_text('secret')
    os.symlink(tmp_path / 'secret', tmp_path / 'tree' / 'linked')
    os.symlink(tmp_path, tmp_path / 'tree' / 'linked-folder')
    os.mkfifo(tmp_path / 'tree' / 'pipe')
    (tmp_path / 'tree' / os.fsdecode(b'\xff')).write_text('no key')
    return FolderStore(str(tmp_path / 'tree'))


def keys(store: Store, *given: str, **named: str) -> list[str]:
    return [entry.key for entry in store.list(*given, **named)]


def test_a_key_is_the_path_of_a_file(store: FolderStore) -> None:
    assert keys(store, '') == sorted(FILES)
    assert {key: store.read(key).decode() for key in FILES} == {key: key for key in FILES}
    assert store.stat('top').size == 3
    assert store.get('top', 1, 2).read() == b'o'


def test_it_is_listed_in_the_order_of_keys_page_by_page(store: FolderStore) -> None:
    under = 'docker/registry/v2/repositories/'
    found: list[str] = []
    more = True
    while more:
        entries, more = store.page(under, found[-1] if found else '', limit=1, detail=True)
        found += [entry.key for entry in entries]
        assert all(entry.size == len(entry.key.encode()) for entry in entries)
    assert found == [key for key in sorted(FILES) if key.startswith(under)]
    assert keys(store, under, delimiter='/') == [f'{under}{name}/' for name in ('a-b', 'a.d', 'a')]
    assert keys(store, 'top/') == keys(store, 'missing/') == keys(store, 'empty/') == []
    assert 'empty/' not in keys(store, '', delimiter='/')


@pytest.mark.parametrize('key', [
    'missing', 'docker', 'docker/registry', 'top/below', 'pipe', 'x' * 300,
])
def test_what_is_no_file_is_not_found(key: str, store: FolderStore) -> None:
    calls: tuple[Callable[[str], object], ...] = (store.read, store.get, store.stat)
    for call in calls:
        with pytest.raises(NotFound):
            call(key)


@pytest.mark.parametrize('key', ['linked', 'linked-folder/secret', '../secret', '/etc/passwd', ''])
def test_nothing_outside_is_read(key: str, store: FolderStore) -> None:
    with pytest.raises((Refused, NotFound, Unavailable)):
        store.read(key)


@pytest.mark.parametrize('call', [
    lambda store: store.put('k', b'x'), lambda store: store.delete(['top']), lambda store: store.copy('top', 'k'),
    lambda store: store.upload('k'), lambda store: store.resume('k'),
    lambda store: store.take(Origin(store, 'top'), 'k'),
])
def test_nothing_is_written(call: Callable[[Store], object], store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(Refused, match='only read'):
        call(store)
    store.check()
    assert store.sweep(0) == 0
    assert (store.spool, keys(store, '')) == ('', sorted(FILES))
    assert not (tmp_path / 'tree' / '.staging').exists()


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match='mend path'):
        FolderStore(str(tmp_path / 'missing')).check()


def test_the_kernel_copies_its_files_into_a_store_of_objreg(store: FolderStore, tmp_path: Path) -> None:
    target = FileStore(str(tmp_path / 'target'), sync=False)
    assert bring(store, FILES[0], target, 'blobs/sha256/aa/aabb')
    written = Path(target.root, 'blobs.d/sha256.d/aa.d/aabb')
    with Path(store.root, FILES[0]).open('r+') as changed:
        changed.write('changed in place')
    assert written.read_text() == FILES[0]
