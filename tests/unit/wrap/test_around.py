"""Stores around others: what each promises beyond the contract, which `tests.functional.drivers.test_wrapped` tries."""

from __future__ import annotations

import os
from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.store import CHUNK, Exists, NotFound, Refused, Store
from objreg.wrap.mirror import MirrorReadStore
from objreg.wrap.prefix import PrefixStore
from objreg.wrap.split import SplitStore
from tests.unit.wrap.equal import EqualParts


def keys(store: Store, *given: Any, **named: Any) -> list[str]:
    return [entry.key for entry in store.list(*given, **named)]


def filled(**objects: bytes) -> MemoryStore:
    store = MemoryStore()
    for key, data in objects.items():
        store.put(key.replace('_', '/'), data)
    return store


@pytest.mark.parametrize('path', ['', '/', '../x', 'a//b', 'a/./b', '\0'])
def test_what_begins_no_key_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match='^path: '):
        PrefixStore(store=MemoryStore(), path=path)


def test_stores_with_other_paths_see_nothing_of_each_other() -> None:
    shared = MemoryStore()
    one, other = PrefixStore(store=shared, path='one'), PrefixStore(store=shared, path='/one-more/')
    one.put('k', b'1')
    other.put('k', b'2')
    assert (one.read('k'), other.read('k'), keys(one, ''), keys(other, 'k')) == (b'1', b'2', ['k'], ['k'])
    one.delete(['k', 'x'])
    assert keys(shared, '') == ['one-more/k']


def test_what_the_first_store_lacks_is_read_from_the_second() -> None:
    store = MirrorReadStore(store=filled(b=b'new', c=b'new'), second=filled(a=b'old', b=b'old', d_x=b'old'))
    assert [store.read(key) for key in ('a', 'b', 'c', 'd/x')] == [b'old', b'new', b'new', b'old']
    assert store.get('a', 1, 2).read() == b'l'
    assert store.stat('a').size == 3
    assert keys(store, '', delimiter='/') == ['a', 'b', 'c', 'd/']
    store.copy('a', 'copy')
    assert store.inner.read('copy') == b'old'
    with pytest.raises(Exists):
        store.put('a', b'x', if_absent=True)
    store.put('a', b'newer')
    assert (store.read('a'), store.second.read('a')) == (b'newer', b'old')


def test_what_is_deleted_is_not_seen_again() -> None:
    store = MirrorReadStore(store=filled(a=b'new'), second=filled(a=b'old', b=b'old'))
    store.delete(['a', 'b', 'c'])
    assert keys(store, '') == []
    with pytest.raises(NotFound):
        store.read('a')


def test_a_second_store_that_is_to_stay_as_it_is_forbids_deletes_of_what_it_has() -> None:
    store = MirrorReadStore(store=filled(a=b'new', c=b'new'), second=filled(a=b'old'), delete_second=False)
    with pytest.raises(Refused, match='delete_second'):
        store.delete(['a'])
    store.delete(['c'])
    assert (store.read('a'), keys(store, '')) == (b'new', ['a'])


def test_pages_of_two_stores_neither_repeat_nor_drop() -> None:
    both = [f'{number:03}' for number in range(200)]
    one, two = MemoryStore(), MemoryStore()
    for number, key in enumerate(both):
        for at, store in enumerate((one, two)):
            if number % 3 in (at, 2):
                store.put(key, str(at).encode())
    mirror = MirrorReadStore(store=one, second=two)
    for limit in (1, 3, 7, 199, 200, 1000):
        found: list[str] = []
        more = True
        while more:
            entries, more = mirror.page('', found[-1] if found else '', limit=limit)
            assert len(entries) <= limit
            found += [entry.key for entry in entries]
        assert found == both


def test_layers_lie_in_one_store_and_names_in_the_other() -> None:
    names, blobs = MemoryStore(), EqualParts()
    store = SplitStore(names=names, blobs=blobs)
    for key in ('blobs/sha256/aa/a', 'uploads/u/0', 'system/x', 'repositories/a/_tags/t', 'blobsy', 'blob'):
        store.put(key, b'x')
    assert keys(blobs, '') == ['blobs/sha256/aa/a', 'uploads/u/0']
    assert keys(names, '') == ['blob', 'blobsy', 'repositories/a/_tags/t', 'system/x']
    assert keys(store, '') == sorted(keys(names, '') + keys(blobs, ''))
    assert keys(store, 'blob', delimiter='/') == ['blob', 'blobs/', 'blobsy']


def test_an_upload_that_ends_in_the_other_store_goes_there_whole() -> None:
    names, blobs = MemoryStore(), EqualParts()
    store = SplitStore(names=names, blobs=blobs)
    data = os.urandom(2 * CHUNK + 5)
    upload = store.upload('uploads/u/data')
    parts = [upload.part(1, data[:CHUNK]), upload.part(2, data[CHUNK:2 * CHUNK]), upload.part(3, data[2 * CHUNK:])]
    store.resume(upload.id).finish(parts, 'somewhere/else')
    assert names.read('somewhere/else') == data
    assert keys(blobs, '') == []
