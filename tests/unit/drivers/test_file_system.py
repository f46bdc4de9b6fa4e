"""How the `file` driver uses its operating system: bodies, errors, the disk, and a process that ends anywhere."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from objreg.drivers.file import FileStore
from objreg.store import CHUNK, Body, Exists, Refused, Store, StoreError, Unavailable
from tests.unit.drivers.system import system, tree

MIB = 1024**2


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """A store in the folder `root`."""
    return FileStore(str(tmp_path / 'root'), sync=False)


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.list('')]


# Bodies


def test_a_body_is_the_bytes_that_reading_it_gives(store: FileStore, tmp_path: Path) -> None:
    data = os.urandom(CHUNK + 5)
    with gzip.open(tmp_path / 'zipped', 'wb') as zipped:
        zipped.write(data)
    with (
        gzip.open(tmp_path / 'zipped') as unzipped, tempfile.NamedTemporaryFile() as named,
        tempfile.TemporaryFile() as file, tempfile.SpooledTemporaryFile(10) as spooled,
    ):
        for written in (named, file, spooled):
            written.write(b'before' + data)
            written.seek(6)
        bodies: list[Body] = [unzipped, named, file, spooled]
        for body in bodies:
            store.put('k', body, len(data))
            assert store.read('k') == data, body


def test_a_part_takes_a_file_to_its_end(store: FileStore) -> None:
    upload = store.upload('k')
    with tempfile.TemporaryFile() as file:
        file.write(bytes(3 * MIB))
        file.seek(MIB)
        part = upload.part(1, file)
        assert (part.size, file.tell()) == (2 * MIB, 3 * MIB)
    upload.abort()


@pytest.mark.parametrize('unable', [
    {'copy_file_range': OSError(18, 'EXDEV')},
    {'copy_file_range': OSError(38, 'ENOSYS'), 'sendfile': OSError(22, 'EINVAL')},
    {'copy_file_range': 0},
    {'copy_file_range': 0, 'sendfile': 0},
], ids=str)
def test_files_are_copied_where_the_kernel_cannot(
    unable: dict[str, OSError | int], store: FileStore, tmp_path: Path
) -> None:
    data = os.urandom(2 * CHUNK + 7)
    (tmp_path / 'body').write_bytes(data)
    with system() as calls, (tmp_path / 'body').open('rb') as file:
        calls.answers.update(unable)
        store.put('k', file, len(data))
        store.copy('k', 'copy')
    assert set(unable) <= set(calls.made)
    assert (store.read('k'), store.read('copy')) == (data, data)


def test_a_copy_is_made_by_the_kernel_and_is_as_young_as_it_is(store: FileStore) -> None:
    store.put('k', b'content')
    os.utime(f'{store.root}/k', (1, 1))
    with system() as calls:
        store.copy('k', 'copy')
    assert 'copy_file_range' in calls.made
    assert store.stat('copy').modified > 1


def test_bodies_are_not_held_in_memory(store: FileStore, tmp_path: Path) -> None:
    def work() -> None:
        store.put('k', (bytes(1000) for _ in range(32_000)), 32_000_000)
        upload = store.upload('k')
        parts = [upload.part(number, io.BytesIO(piece), MIB) for number in range(1, 9)]
        upload.finish(parts, 'k')
        with store.get('k') as content:
            assert sum(map(len, content)) == 8 * MIB

    piece = bytes(MIB)
    store.put('warm', b'')
    tracemalloc.start()
    try:
        work()
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


# What the operating system answers


@pytest.mark.parametrize(('code', 'expected'), [
    (28, Refused), (122, Refused), (30, Refused), (13, Refused), (5, Unavailable), (24, Unavailable),
    (116, Unavailable),
])
def test_an_error_of_the_system_is_one_of_the_store(
    code: int, expected: type[StoreError], store: FileStore
) -> None:
    store.put('k', b'old')
    for call in ('open', 'write', 'replace'):
        with system() as calls, pytest.raises(expected) as raised:
            calls.answers[call] = OSError(code, os.strerror(code))
            store.put('k', b'new')
        assert isinstance(raised.value.__cause__, OSError)
        assert store.read('k') == b'old'
        assert tree(f'{store.root}/.staging') == []


def test_a_link_that_nfs_made_twice_is_ours(store: FileStore) -> None:
    def link(real: Callable[..., None], *args: object, **named: object) -> None:
        real(*args, **named)
        raise FileExistsError(17, 'File exists')

    with system() as calls:
        calls.replaced['link'] = link
        store.put('k', b'mine', if_absent=True)
    with pytest.raises(Exists):
        store.put('k', b'late', if_absent=True)
    assert store.read('k') == b'mine'
    assert tree(f'{store.root}/.staging') == []


def test_a_directory_that_vanished_on_nfs_is_made_again(store: FileStore) -> None:
    failures = iter([OSError(116, 'Stale file handle'), FileNotFoundError(2, 'No such file'), None])

    def replace(real: Callable[..., None], *args: object, **named: object) -> None:
        if error := next(failures):
            raise error
        real(*args, **named)

    with system() as calls:
        calls.replaced['replace'] = replace
        store.put('a/b', b'x')
    assert store.read('a/b') == b'x'


def test_a_file_that_nfs_renamed_while_it_is_open_is_read(store: FileStore) -> None:
    store.put('a/b', b'x')
    with system() as calls:
        calls.replaced['readlink'] = lambda real, path: f'{store.root}/a.d/.nfs000012'
        assert store.read('a/b') == b'x'


@pytest.mark.parametrize('sync', [True, False])
def test_a_write_is_on_the_disk_before_it_is_acknowledged(sync: bool, tmp_path: Path) -> None:
    store = FileStore(str(tmp_path / 'root'), sync=sync)
    store.put('first', b'')
    with system() as calls:
        store.put('a/b/c', b'x')
    made = [name for name in calls.made if name in ('write', 'fsync', 'mkdir', 'replace')]
    wanted = ['write', 'fsync', 'mkdir', 'fsync', 'mkdir', 'fsync', 'replace', 'fsync']
    assert made == (wanted if sync else [name for name in wanted if name != 'fsync'])
    with system() as calls:
        upload = store.upload('k')
        upload.finish([upload.part(1, b'x'), upload.part(2, b'y')], 'a/b/k')
        store.delete(['a/b/k'])
    assert calls.made.count('fsync') == (5 if sync else 0)


# A process that ends anywhere


def _upload(store: Store) -> None:
    upload = store.upload('k')
    upload.finish([upload.part(1, b'new '), upload.part(2, b'content')], 'a/b/k')


OPERATIONS: dict[str, Callable[[Store], object]] = {
    'put': lambda store: store.put('a/b/k', b'new content'),
    'put if absent': lambda store: store.put('a/b/k', b'new content', if_absent=True),
    'upload': _upload,
    'copy': lambda store: store.copy('source', 'a/b/k'),
    'delete': lambda store: store.delete(['a/b/k', 'other']),
}


@pytest.mark.parametrize('had', [b'old', None])
@pytest.mark.parametrize('operation', OPERATIONS)
def test_a_process_that_ends_anywhere_leaves_the_old_or_the_new(
    operation: str, had: bytes | None, tmp_path: Path
) -> None:
    stops = 0
    while True:
        folder = tmp_path / str(stops)
        prepared(folder, had)
        with system(stop_at=stops + 1) as calls, contextlib.suppress(Exists):
            OPERATIONS[operation](FileStore(str(folder)))
        if not calls.is_stopped:
            break
        look_after(folder, operation, had)
        stops += 1
    assert stops > 3 or (operation, had) == ('put if absent', b'old')


def prepared(folder: Path, had: bytes | None) -> None:
    store = FileStore(str(folder), sync=False)
    store.put('source', b'new content')
    store.put('other', b'other')
    if had is not None:
        store.put('a/b/k', had)


def look_after(folder: Path, operation: str, had: bytes | None) -> None:
    """What a restarted process finds."""
    store = FileStore(str(folder), sync=False)
    found = store.read('a/b/k') if 'a/b/k' in keys(store) else None
    if operation == 'delete':
        assert found in (had, None)
    else:
        assert found in (had, b'new content')
    assert {'source', 'a/b/k', 'other'} >= set(keys(store))
    assert [entry.key for entry in store.list('a/', delimiter='/')] == ([] if found is None else ['a/b/'])
    with contextlib.suppress(Exists):
        OPERATIONS[operation](store)
    if operation == 'delete':
        assert keys(store) == ['source']
    elif operation != 'put if absent' or found is None:
        assert store.read('a/b/k') == b'new content'
