"""Stores around others find where the bytes lie, and have the inner one take them; what is sealed is never taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from objreg.drivers.file import FileStore
from objreg.drivers.memory import MemoryStore
from objreg.store import NotFound, Origin, Store
from objreg.testing.faults import CountingStore
from objreg.transfer import bring
from objreg.wrap.cache import CachedStore
from objreg.wrap.disk_cache import DiskCacheStore
from objreg.wrap.encrypt import EncryptStore
from objreg.wrap.mirror import MirrorReadStore
from objreg.wrap.prefix import PrefixStore
from objreg.wrap.retry import RetryingStore
from objreg.wrap.split import SplitStore
from objreg.wrap.timing import TimedStore

KEY = 'blobs/sha256/aa/a'
Around = Callable[[Store, str], Store]
AROUND: dict[str, Around] = {
    'timing': lambda inner, _: TimedStore(inner),
    'retry': lambda inner, _: RetryingStore(inner),
    'cache': lambda inner, _: CachedStore(inner),
    'disk-cache': lambda inner, folder: DiskCacheStore(store=inner, path=folder),
    'prefix': lambda inner, _: PrefixStore(store=inner, path='team/a'),
    'mirror-read': lambda inner, _: MirrorReadStore(store=inner, second=MemoryStore()),
    'split': lambda inner, _: SplitStore(names=MemoryStore(), blobs=inner),
}


@pytest.fixture(params=AROUND)
def around(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Store], Store]:
    """Puts one of them around a store."""
    maker = AROUND[request.param]
    return lambda inner: maker(inner, str(tmp_path / 'cache'))


def test_bytes_move_between_drivers_whatever_is_around_them(around: Callable[[Store], Store]) -> None:
    one, other = CountingStore(MemoryStore()), CountingStore(MemoryStore())
    source, target = around(one), around(other)
    source.put(KEY, b'x' * 1000)
    one.reset()
    assert bring(source, KEY, target, 'blobs/sha256/bb/b')
    assert target.read('blobs/sha256/bb/b') == b'x' * 1000
    assert 'get' not in one.calls
    assert other.calls.get('put') is None
    source.close()
    target.close()


def test_what_is_missing_is_not_found(around: Callable[[Store], Store]) -> None:
    source, target = around(MemoryStore()), around(MemoryStore())
    with pytest.raises(NotFound):
        bring(source, 'blobs/missing', target, KEY)
    assert not target.has(KEY)
    source.close()
    target.close()


@pytest.mark.parametrize('is_source', [True, False])
def test_what_is_sealed_on_either_side_passes_here(is_source: bool, around: Callable[[Store], Store]) -> None:
    one, other = CountingStore(MemoryStore()), CountingStore(MemoryStore())
    seal: Callable[[Store], Store] = lambda inner: EncryptStore(store=inner, key='a1' * 32)  # noqa: E731
    source = around(seal(one)) if is_source else one
    target = other if is_source else around(seal(other))
    source.put(KEY, b'x' * 1000)
    assert not bring(source, KEY, target, KEY)
    assert target.read(KEY) == b'x' * 1000
    sealed = one if is_source else other
    assert all(b'xxx' not in sealed.inner.read(entry.key) for entry in sealed.inner.list(''))


def test_between_stores_of_the_same_key_it_is_sealed_anew() -> None:
    one, other = MemoryStore(), MemoryStore()
    source, target = (EncryptStore(store=store, key='a1' * 32) for store in (one, other))
    source.put(KEY, b'x')
    assert not bring(source, KEY, target, KEY)
    assert target.read(KEY) == b'x'
    assert one.read(KEY) != other.read(KEY)


def test_it_lies_in_the_second_store_where_the_first_lacks_it() -> None:
    first, second = MemoryStore(), MemoryStore()
    second.put(KEY, b'old')
    mirror = MirrorReadStore(store=first, second=second)
    assert mirror.origin(KEY) == Origin(second, KEY)
    first.put(KEY, b'new')
    assert mirror.origin(KEY) == Origin(first, KEY)


def test_between_drivers_of_two_kinds_it_passes_here(tmp_path: Path) -> None:
    folder, memory = FileStore(str(tmp_path), sync=False), MemoryStore()
    memory.put(KEY, b'x' * 1000)
    assert not bring(memory, KEY, folder, KEY)
    assert not bring(folder, KEY, memory, 'copy')
    assert memory.read('copy') == b'x' * 1000
