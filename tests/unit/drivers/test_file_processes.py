"""The `file` driver shared by many processes, and what each remembers of listings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from objreg.drivers.file import FileStore
from objreg.store import Exists, Store
from tests.unit.drivers.system import system, tree

MIB = 1024**2


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """A store in the folder `root`."""
    return FileStore(str(tmp_path / 'root'), sync=False)


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.list('')]


def names_under(store: Store, prefix: str) -> list[str]:
    return [entry.key for delimiter in ('', '/') for entry in store.list(prefix, delimiter=delimiter)]


# Many processes


def _create(root: str, name: str) -> list[int]:
    store, won = FileStore(root, sync=False), []
    for number in range(60):
        try:
            store.put(f'race/{number}', f'{name} {number}'.encode() * 1000, if_absent=True)
        except Exists:
            continue
        won.append(number)
    return won


def _come_and_go(root: str, name: str) -> int:
    store, lost = FileStore(root, sync=False), 0
    for number in range(60):
        key = f'deep/er/still/{name}'
        store.put(key, b'x' * number)
        lost += store.read(key) != b'x' * number
        lost += key not in [entry.key for entry in store.list('deep/')]
        store.delete([key])
    return lost


@pytest.fixture(scope='module')
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(4, mp_context=get_context('spawn')) as pool:
        yield pool


def test_of_racing_processes_one_creates(processes: ProcessPoolExecutor, store: FileStore) -> None:
    names = ['a', 'b', 'c', 'd']
    won = list(processes.map(_create, [store.root] * 4, names))
    assert sorted(number for numbers in won for number in numbers) == list(range(60))
    for name, numbers in zip(names, won, strict=True):
        for number in numbers:
            assert store.read(f'race/{number}') == f'{name} {number}'.encode() * 1000
    assert tree(f'{store.root}/.staging') == []


def test_processes_that_delete_do_not_lose_what_others_write(processes: ProcessPoolExecutor, store: FileStore) -> None:
    assert list(processes.map(_come_and_go, [store.root] * 4, 'abcd')) == [0] * 4
    assert tree(store.root) == ['.staging']


def test_aborts_and_parts_at_once_leave_nothing(store: FileStore) -> None:
    for _ in range(20):
        upload = store.upload('k')
        upload.part(1, b'x')
        with ThreadPoolExecutor(6) as pool:
            writing = [pool.submit(upload.part, number, b'x' * number) for number in range(2, 5)]
            aborting = [pool.submit(store.resume(upload.id).abort) for _ in range(3)]
            assert [one.result().size for one in writing] == [2, 3, 4]
            assert [one.result() for one in aborting] == [None] * 3
        upload.abort()
        assert tree(f'{store.root}/.staging') == []


# Listings that are remembered


def rest(folder: str, seconds: int = 100) -> None:
    """Let it look as if a directory had been left alone for some time."""
    when = os.stat(folder).st_mtime_ns - seconds * 10**9
    os.utime(folder, ns=(when, when))


def test_a_directory_at_rest_is_read_once(store: FileStore) -> None:
    store.put('a/1', b'')
    rest(f'{store.root}/a.d')
    with system() as calls:
        assert [names_under(store, 'a/') for _ in range(3)] == [['a/1', 'a/1']] * 3
    assert calls.made.count('listdir') == 1


def test_a_directory_that_may_still_change_is_read_again(store: FileStore) -> None:
    store.put('a/1', b'')
    names_under(store, 'a/')
    when = os.stat(f'{store.root}/a.d').st_mtime_ns
    Path(store.root, 'a.d/2').write_bytes(b'')
    os.utime(f'{store.root}/a.d', ns=(when, when))  # a clock that is too coarse to tell
    assert [entry.key for entry in store.list('a/')] == ['a/1', 'a/2']


def test_what_others_change_shows_at_once(store: FileStore) -> None:
    other = FileStore(store.root, sync=False)
    for number in range(5):
        other.put(f'a/{number}', b'')
        rest(f'{store.root}/a.d', 100 - number)
        assert [entry.key for entry in store.list('a/')] == [f'a/{one}' for one in range(number + 1)]
    other.delete(['a/0'])
    assert [entry.key for entry in store.list('a/')] == ['a/1', 'a/2', 'a/3', 'a/4']
    other.delete([f'a/{number}' for number in range(5)])
    assert keys(store) == []


def test_pages_of_a_hundred_thousand_names_read_the_directory_once(store: FileStore) -> None:
    store.put('catalog/x', b'')
    rest(f'{store.root}/catalog.d')
    names = [f'name-{number:06}' for number in range(100_000)]
    with system() as calls:
        calls.replaced['listdir'] = lambda real, fd: names[::-1]
        page = store.page('catalog/', 'catalog/name-050000', limit=3)
        assert [entry.key for entry in page.entries] == [f'catalog/name-05000{number}' for number in (1, 2, 3)]
        assert page.more
        listed = [entry.key for entry in store.list('catalog/')]
    assert listed == [f'catalog/{name}' for name in names]
    assert calls.made.count('listdir') == 1
