"""What was read once is read from the disk, as long as it is right and there, and whatever the disk does."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from objreg import keys as layout
from objreg.drivers.file import FileStore
from objreg.drivers.memory import MemoryStore
from objreg.names import Digest
from objreg.store import CHUNK, Capabilities, Content, NotFound, Refused, Store, Unavailable
from objreg.stores import load_store
from objreg.testing.faults import CountingStore
from objreg.testing.promises import sample
from objreg.wrap import disk_cache, disk_fill, timing
from objreg.wrap.disk_cache import DiskCacheStore
from objreg.wrap.disk_folder import Folder
from tests.inprocess import Client

MIB = 1024**2
SIZE = 3 * CHUNK + 7

Make = Callable[..., DiskCacheStore]


def added(store: Store, seed: int = 0, size: int = SIZE, algorithm: str = 'sha256') -> tuple[str, bytes]:
    """A new content of the store around which the cache is, and its key."""
    data = sample(size, seed)
    key = layout.content(Digest.of(data, algorithm))
    store.put(key, data)
    return key, data


@pytest.fixture
def inner() -> CountingStore:
    """The store that is far away."""
    return CountingStore(MemoryStore())


@pytest.fixture
def make(inner: CountingStore, tmp_path: Path) -> Iterator[Make]:
    """Makes caches of it, all in one folder."""
    made: list[DiskCacheStore] = []

    def make(**options: Any) -> DiskCacheStore:
        made.append(DiskCacheStore(**{'store': inner, 'path': str(tmp_path / 'cache'), **options}))
        made[-1].name = 'cached'
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is counted: operation and outcome."""
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(timing, 'observers', [lambda name, operation, _, outcome: told.append((operation, outcome))])
    return told


def kept(store: DiskCacheStore) -> list[str]:
    """The files that are there, without those that are not complete, once nothing more waits to be written."""
    deadline = time.monotonic() + 10
    while store._filler._fills and time.monotonic() < deadline:
        time.sleep(0.002)
    with contextlib.suppress(FileNotFoundError):
        return sorted(name for name in os.listdir(store._folder.path) if not name.startswith('.'))
    return []


def parts(store: DiskCacheStore) -> list[str]:
    """What was not written to its end and lies there still, after all."""
    store.close()
    with contextlib.suppress(FileNotFoundError):
        return [name for name in os.listdir(store._folder.path) if name.startswith('.part-')]
    return []


def file_of(store: DiskCacheStore, key: str) -> Path:
    return Path(store._folder.path, disk_cache._name_of(key))


# What is kept, and what is asked

@pytest.mark.parametrize('algorithm', ['sha256', 'sha512'])
def test_what_was_read_once_is_not_asked_for_again(algorithm: str, make: Make, inner: CountingStore) -> None:
    store = make()
    key, data = added(inner, algorithm=algorithm)
    assert store.get(key).read() == data
    assert kept(store) == [disk_cache._name_of(key)]
    inner.reset()
    for start, end in ((0, None), (0, 5), (CHUNK - 1, CHUNK + 1), (SIZE - 1, None), (7, 7), (3, SIZE + 99)):
        content = store.get(key, start, end)
        assert content.size == len(data[start:end])
        assert content.read() == data[start:end]
    with pytest.raises(Refused, match='beyond the end'):
        store.get(key, SIZE)
    assert store.read(key) == data
    assert make().read(key) == data, 'nor by another process'
    assert inner.total == 0


def test_a_kept_file_is_handed_over_to_the_server(make: Make, inner: CountingStore) -> None:
    store = make()
    key, data = added(inner)
    store.read(key)
    kept(store)
    with store.get(key, 5, 90) as content:
        assert content.file is not None
        assert content.file.read(content.size) == data[5:90]


def test_a_repeated_pull_asks_for_no_content(make: Make, inner: CountingStore) -> None:
    client = Client(store=make())
    data = sample(SIZE)
    client.push_blob('app', data)
    url = f'/v2/app/blobs/{Digest.of(data)}'
    assert client('GET', url).body == data
    kept(client.store)  # type: ignore[arg-type]
    inner.reset()
    assert client('GET', url).body == data
    assert not [call for call in inner.log if call.key.startswith('blobs/')]
    assert client('DELETE', url).status == 202
    assert client('GET', url).status == 404


def test_whether_something_is_there_is_asked_of_the_store(make: Make, inner: CountingStore) -> None:
    store = make()
    key, _ = added(inner)
    store.read(key)
    kept(store)
    inner.inner.delete([key])
    with pytest.raises(NotFound):
        store.stat(key)
    assert store.page('blobs/').entries == []


def test_what_was_deleted_is_gone(make: Make, inner: CountingStore) -> None:
    store = make()
    key, data = added(inner)
    store.read(key)
    assert kept(store)
    store.delete(iter([key, 'blobs/none']))
    with pytest.raises(NotFound):
        store.get(key)
    assert kept(store) == []
    added(inner)
    with store.get(key) as content:
        first = next(content)
        store.delete([key])
        assert first + b''.join(content) == data, 'who reads it already has it'
    assert kept(store) == [], 'nor is it kept when it was deleted while it came'


def test_only_content_that_was_read_to_its_end_is_kept(make: Make, inner: CountingStore) -> None:
    store = make(size=4 * MIB)
    key, data = added(inner, 1)
    large, _ = added(inner, 2, MIB + 1)
    empty, _ = added(inner, 3, 0)
    inner.put('repositories/a/_tags/t', b'x')
    inner.put('blobs/sha256/aa/aa', b'x')
    inner.put(key.replace('/sha256/', '/sha256/0/'), data)
    for other in (large, empty, 'repositories/a/_tags/t', 'blobs/sha256/aa/aa', key.replace('/sha256/', '/sha256/0/')):
        assert store.read(other) == inner.read(other)
    assert store.get(key, 0, SIZE).read() == data
    with store.get(key) as content:
        next(content)
    with pytest.raises(NotFound):
        store.get(layout.content(Digest.of(b'missing')))
    assert kept(store) == []
    assert parts(store) == []


def test_a_reader_who_takes_no_more_than_the_size_fills_it_all_the_same(make: Make, inner: CountingStore) -> None:
    store = make()
    key, _ = added(inner)
    with store.get(key) as content:
        left = content.size
        while left:
            left -= len(next(content))
    assert kept(store) == [disk_cache._name_of(key)]


def test_of_many_readers_one_fills(make: Make, inner: CountingStore, reports: list[tuple[str, str]]) -> None:
    store = make()
    key, data = added(inner)
    contents = [store.get(key) for _ in range(5)]
    assert [content.read() for content in contents] == [data] * 5
    assert kept(store) == [disk_cache._name_of(key)]
    store.read(key)
    store.close()
    assert sorted(reports) == [('cache-fill', 'ok'), ('cache-hit', 'ok'), *[('cache-miss', 'ok')] * 5]


def test_clients_are_not_sent_elsewhere(make: Make) -> None:
    class Signing(MemoryStore):
        capabilities = Capabilities(presign=True)

        def url(self, *_: object, **__: object) -> str:
            return 'https://store.example.net/'

    store = make(store=Signing())
    assert (store.url('k', 60), store.capabilities.presign) == (None, False)


# Nothing wrong is served

def damages(file: Path) -> Iterator[None]:
    """Each way to spoil a file, one after another."""
    right = file.read_bytes()
    for wrong in (right[:-1] + bytes([right[-1] ^ 1]), right[:-1], b'', right + b'x', bytes(len(right))):
        file.write_bytes(wrong)
        yield


def test_a_file_that_was_damaged_while_the_process_was_away_is_not_served(
    make: Make, inner: CountingStore, caplog: pytest.LogCaptureFixture, reports: list[tuple[str, str]]
) -> None:
    store = make()
    key, data = added(inner)
    store.read(key)
    kept(store)
    for _ in damages(file_of(store, key)):
        caplog.clear()
        reports.clear()
        again = make()
        assert again.get(key, 3, 9).read() == data[3:9]
        assert kept(again) == []
        assert again.read(key) == again.read(key) == data
        assert kept(again)
        assert f'cached: damaged: {file_of(store, key)} does not match its name' in caplog.text
        assert ('cache', 'Damaged') in reports


def test_a_file_that_changes_while_the_process_runs_is_looked_at_again(make: Make, inner: CountingStore) -> None:
    store = make()
    key, data = added(inner)
    store.read(key)
    kept(store)
    for _ in damages(file_of(store, key)):
        assert store.read(key) == data
        kept(store)


def test_a_file_is_hashed_again_after_a_time(make: Make, inner: CountingStore) -> None:
    key, data = added(inner)
    for verify, expected in ((0.0, data), (3600.0, b'\0' + data[1:])):
        store = make(verify=verify)
        store.read(key)
        kept(store)
        assert store.read(key) == data
        before = os.stat(file_of(store, key))
        with file_of(store, key).open('r+b') as file:
            file.write(b'\0')
        os.utime(file_of(store, key), ns=(before.st_atime_ns, before.st_mtime_ns))
        assert data[0] != 0
        assert store.read(key) == expected, 'a disk that changes bytes behind all backs is believed for that long'
        store.delete([key])
        added(inner)


def test_bytes_that_the_store_has_wrong_are_not_kept(
    make: Make, inner: CountingStore, caplog: pytest.LogCaptureFixture
) -> None:
    store = make()
    key, data = added(inner)
    inner.inner.put(key, b'!' + data[1:])
    store.read(key)
    assert kept(store) == []
    store.close()
    assert 'cached: damaged: the store has other bytes than sha256-' in caplog.text


def test_a_store_that_breaks_off_leaves_nothing(make: Make, inner: CountingStore) -> None:
    class Breaking(MemoryStore):
        def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
            whole = super().get(key, start, end)

            def chunks() -> Iterator[bytes]:
                yield next(whole)
                raise Unavailable('reset')

            return Content(chunks(), whole.size)

    store = make(store=Breaking())
    key, _ = added(store)
    with pytest.raises(Unavailable, match='reset'):
        store.read(key)
    assert kept(store) == []


# Bounds

def taken(folder: str) -> int:
    """Bytes of all that lies there."""
    with os.scandir(folder) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.name != '.lock')


def test_it_never_takes_more_than_its_size_whoever_fills_it(make: Make, inner: CountingStore) -> None:
    stores = [make(size=2 * MIB) for _ in range(3)]
    random.seed(5)
    for seed in range(60):
        key, data = added(inner, seed, random.randint(1, MIB // 2))
        store = random.choice(stores)
        assert store.read(key) == data
        kept(store)
        assert taken(store._folder.path) <= 2 * MIB
    assert taken(store._folder.path) > MIB


def test_what_was_not_used_for_longest_goes_first(make: Make, inner: CountingStore) -> None:
    store = make(size=2 * MIB)
    keys = [added(inner, seed, MIB // 4)[0] for seed in range(9)]
    for age, key in enumerate(keys[:8]):
        store.read(key)
        kept(store)
        os.utime(file_of(store, key), (time.time() - 10_000 + age, file_of(store, key).stat().st_mtime))
    store.read(keys[0])
    store.read(keys[8])
    names = kept(store)
    assert file_of(store, keys[0]).name in names
    assert file_of(store, keys[8]).name in names
    assert not {file_of(store, key).name for key in keys[1:3]} & {*names}
    assert file_of(store, keys[7]).name in names


def test_what_belongs_to_others_stays(make: Make, inner: CountingStore) -> None:
    store = make(size=2 * MIB)
    os.makedirs(store._folder.path)
    Path(store._folder.path, 'README').write_bytes(bytes(3 * MIB))
    for seed in range(12):
        store.read(added(inner, seed, MIB // 3)[0])
        kept(store)
    assert len(Path(store._folder.path, 'README').read_bytes()) == 3 * MIB


def test_more_at_a_time_than_fits_is_not_kept(make: Make, inner: CountingStore) -> None:
    store = make(size=MIB)
    contents = [store.get(added(inner, seed, MIB // 4)[0]) for seed in range(6)]
    for content in contents:
        next(content)
    for content in contents:
        list(content)
        content.close()
    assert 0 < len(kept(store)) <= 4
    assert taken(store._folder.path) <= MIB


# Crashes, processes

def _dies_while_it_writes(path: str) -> None:
    folder = Folder(path, 8 * MIB, 60)
    room = folder.reserve(3 * MIB)
    assert room is not None
    room.file.write(b'half')
    os._exit(1)


def test_what_a_dead_process_left_goes_when_room_is_needed(make: Make, inner: CountingStore) -> None:
    store = make(size=8 * MIB)
    for _ in range(2):
        process = get_context('fork').Process(target=_dies_while_it_writes, args=(store._folder.path,))
        process.start()
        process.join()
        assert process.exitcode == 1
    assert len([name for name in os.listdir(store._folder.path) if name.startswith('.part-')]) == 2
    alive = store._folder.reserve(MIB)
    assert alive is not None
    for seed in range(4):
        store.read(added(inner, seed, 2 * MIB)[0])
    assert kept(store)
    assert [name for name in os.listdir(store._folder.path) if name.startswith('.part-')] == [Path(alive.path).name]
    store._folder.drop(alive)


def test_a_count_that_was_lost_is_made_anew(make: Make, inner: CountingStore) -> None:
    store = make(size=2 * MIB)
    for seed in range(12):
        Path(store._folder.path, '.lock').unlink(missing_ok=True)
        store.read(added(inner, seed, MIB // 3)[0])
        kept(store)
        assert taken(store._folder.path) <= 2 * MIB


def _reads(path: str, root: str, keys: list[str], seed: int) -> None:
    store = DiskCacheStore(store=FileStore(root, sync=False), path=path, size=2 * MIB)
    choose = random.Random(seed)  # noqa: S311
    for _ in range(60):
        key = choose.choice(keys)
        assert Digest.of(store.read(key)).hex == key.rpartition('/')[2]
    store.close()


def test_processes_share_a_folder(tmp_path: Path) -> None:
    origin = FileStore(str(tmp_path / 'origin'), sync=False)
    keys = [added(origin, seed, 40_000 * (seed + 1))[0] for seed in range(12)]
    processes = [
        get_context('fork').Process(target=_reads, args=(str(tmp_path / 'cache'), origin.root, keys, seed))
        for seed in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert 0 < taken(str(tmp_path / 'cache')) <= 2 * MIB
    assert [name for name in os.listdir(tmp_path / 'cache') if name.startswith('.part-')] == []


# A disk that is full, broken or slow

def test_a_disk_that_fails_is_one_line_and_no_error(
    make: Make, inner: CountingStore, caplog: pytest.LogCaptureFixture, reports: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = make()
    folder = Path(store._folder.path)
    folder.write_text('not a folder')
    with caplog.at_level(logging.INFO):
        for seed in range(5):
            key, data = added(inner, seed)
            assert store.read(key) == data
        assert [record.getMessage() for record in caplog.records] == [
            f'cached: nothing is kept in {folder} for a while: [Errno 20] Not a directory: '
            f'\'{file_of(store, added(inner, 0)[0])}\'',
        ]
        assert ('cache', 'NotADirectoryError') in reports
        folder.unlink()
        monkeypatch.setattr(disk_cache, '_PAUSE', 0.0)
        store._off_until = 0.0
        store.read(key)
        assert kept(store), 'it is tried again after a while'


def test_a_full_disk_is_one_line_and_no_error(
    make: Make, inner: CountingStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.truncate

    def truncate(fd: int, size: int) -> None:
        real(fd, size)
        full = os.open('/dev/full', os.O_WRONLY)
        os.dup2(full, fd)  # every write says that there is no room
        os.close(full)

    monkeypatch.setattr(os, 'truncate', truncate)
    store = make()
    for seed in range(5):
        key, data = added(inner, seed)
        assert store.read(key) == data
        assert kept(store) == []
    assert len(caplog.records) == 1
    assert 'No space left on device' in caplog.text
    assert parts(store) == []


def test_a_disk_that_fails_in_the_middle_is_no_error(
    make: Make, inner: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    key, data = added(inner)
    store.read(key)
    kept(store)
    for cut in (0, CHUNK + 5):
        content = store.get(key, 2)
        first = next(content)
        os.truncate(file_of(store, key), cut)
        assert first + b''.join(content) == data[2:]
        content.close()
        store._off_until = 0.0
        store.read(key)
        kept(store)


def test_a_client_is_not_held_by_a_slow_disk(
    make: Make, inner: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_fill, '_WAITING', 2 * CHUNK)
    monkeypatch.setattr(disk_fill, '_PATIENCE', 0.2)
    store = make()
    stuck = threading.Event()
    reserve = store._folder.reserve

    def slow(size: int) -> Any:
        stuck.wait(30)
        return reserve(size)

    monkeypatch.setattr(store._folder, 'reserve', slow)
    key, data = added(inner, 1, 20 * CHUNK)
    began = time.monotonic()
    assert store.read(key) == data
    assert time.monotonic() - began < 10
    stuck.set()
    assert kept(store) == []
    assert store.read(key) == data
    assert kept(store), 'and the next one is written as ever'


def test_closing_gives_up_what_is_not_written(make: Make, inner: CountingStore) -> None:
    store = make()
    content = store.get(added(inner)[0])
    next(content)
    store.close()
    content.close()
    assert parts(store) == []
    assert store._filler._thread is not None and not store._filler._thread.is_alive()


def test_a_file_that_waits_to_be_verified_holds_nobody(make: Make, inner: CountingStore) -> None:
    store = make()
    key, data = added(inner)
    store.read(key)
    kept(store)
    again = make()
    inner.reset()
    with again._folder._verifying:
        assert again.read(key) == data
    assert inner.calls == {'get': 1}
    assert again.read(key) == data
    assert inner.calls == {'get': 1}


# Set up

def test_it_is_set_up_in_stores_yml(tmp_path: Path) -> None:
    (tmp_path / 'stores.yml').write_text('''
far: {driver: file, path: "${here}/data"}
default: {driver: disk-cache, store: far, path: "${here}/cache", size: 1 GiB, verify: 5 min}
''')
    store = load_store(str(tmp_path / 'stores.yml'), 'default')
    key, data = added(store)
    assert store.read(key) == data
    assert kept(store)  # type: ignore[arg-type]
    assert (tmp_path / 'cache').stat().st_mode & 0o777 == 0o700
    store.close()


@pytest.mark.parametrize(('options', 'match'), [({'path': ''}, '^path: '), ({'path': 'x', 'size': 1000}, '^size: ')])
def test_options_that_cannot_be_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        DiskCacheStore(store=MemoryStore(), **options)


def test_files_are_locked_while_they_are_written(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path), MIB, 60)
    room = folder.reserve(10)
    assert room is not None
    with open(room.path, 'rb') as file, pytest.raises(BlockingIOError):
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    folder.drop(room)
    assert os.listdir(tmp_path) == ['.lock']
