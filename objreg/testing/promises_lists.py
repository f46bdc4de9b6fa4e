"""What a store promises of listings: order, pages, prefixes, rolled-up entries, and that they are right at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event

import pytest

from objreg.store import Page, Store
from objreg.testing.ledger import Ledger
from objreg.testing.promises import Promises

KEYS = (
    'a', 'a!', 'a-b', 'a.b', 'a/1', 'a/1/x', 'a/10', 'a/2', 'a/2/y/z', 'a/é', 'a0', 'ab', 'b/1', 'b/\U0010ffffx', 'c',
    'd/d/d/d', 'z/\uffee', 'z/\U0001f600', 'é/1', 'é/2',
)
"""Where orders differ: around the slash, beyond ASCII, and beyond what UTF-16 writes as one unit; sorted."""
PREFIXES = ('', 'a', 'a/', 'a/1', 'a/2/', 'b', 'b/', 'd/d', 'é', 'z/', 'missing', 'missing/', '/', '..', 'a//', 'a/../')
AFTERS = (
    '', '!', 'a', 'a!', 'a/', 'a/1', 'a/1/', 'a/1/x', 'a/1/zz', 'a/2/y/z', 'a/zz', 'a/é', 'a0', 'b', 'b/', 'b/1',
    'b/\U0010ffffx', 'd/d/', 'é/', 'zz', 'éé', '\U0010ffff', '../', '//',
)


def names(page: Page) -> list[str]:
    """The keys of a page."""
    return [entry.key for entry in page.entries]


def expected(keys: tuple[str, ...], prefix: str, after: str, delimiter: str) -> list[str]:
    """What a listing must give, in the words of `objreg.store`."""
    rolled = set()
    for key in keys:
        if key.startswith(prefix):
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            rolled.add(key if cut < 0 else key[:cut + 1])
    return sorted((key for key in rolled if key.encode() > after.encode()), key=str.encode)


def walk(store: Store, prefix: str, after: str, delimiter: str, limit: int) -> list[str]:
    """All that a listing gives, by pages, each checked for what a page may be."""
    found: list[str] = []
    while True:
        page = store.page(prefix, after, delimiter=delimiter, limit=limit)
        assert len(page.entries) <= limit
        found += names(page)
        if not page.more:
            return found
        if not page.entries:
            assert store.page(prefix, after, delimiter=delimiter, limit=limit).entries == []
            return found
        after = page.entries[-1].key


class ListPromises(Promises):
    """The tests."""

    @pytest.fixture
    def filled(self, objects: Ledger) -> Ledger:
        """The store with `KEYS` in it, written in no order."""
        for key in sorted(KEYS, key=lambda key: key[::-1]):
            objects.put(key, key.encode())
        objects.settle()
        return objects

    def test_keys_are_listed_in_the_order_of_their_bytes(self, filled: Ledger, others: Ledger) -> None:
        assert [entry.key for entry in others.list('')] == list(KEYS)
        assert names(filled.page('')) == list(KEYS)

    @pytest.mark.parametrize('delimiter', ['', '/', '-'])
    def test_a_listing_is_what_begins_with_the_prefix_and_comes_after(self, delimiter: str, filled: Ledger) -> None:
        for prefix in PREFIXES:
            for after in AFTERS if prefix in ('', 'a/') else AFTERS[::5]:
                found = [entry.key for entry in filled.list(prefix, after, delimiter=delimiter)]
                assert found == expected(KEYS, prefix, after, delimiter), (prefix, after)

    @pytest.mark.parametrize('limit', [1, 2, 7])
    @pytest.mark.parametrize('delimiter', ['', '/', '-'])
    def test_pages_neither_repeat_nor_drop(self, delimiter: str, limit: int, filled: Ledger) -> None:
        for prefix, after in (('', ''), ('a', ''), ('a/', 'a/1'), ('', 'a/1/zz'), ('b/', ''), ('', 'b/\U0010ffffx')):
            found = walk(filled, prefix, after, delimiter, limit)
            assert found == expected(KEYS, prefix, after, delimiter), (prefix, after)

    def test_a_page_that_says_it_is_the_last_is(self, filled: Ledger) -> None:
        for limit in (len(KEYS) - 1, len(KEYS), len(KEYS) + 1, 1000):
            page = filled.page('', limit=limit)
            assert names(page) == list(KEYS[:limit])
            assert page.more or limit >= len(KEYS)
        assert filled.page('', 'é/2') == Page([], False)
        assert filled.page('missing/') == Page([], False)

    def test_details_are_sizes_and_times_of_objects(self, filled: Ledger) -> None:
        for key, size, modified in filled.list('', detail=True):
            found = filled.stat(key)
            assert size == found.size == len(key.encode())
            assert modified is not None
            assert abs(modified - found.modified) < 2
        rolled = filled.page('', delimiter='/', detail=True).entries
        assert [entry.key for entry in rolled] == expected(KEYS, '', '', '/')
        assert all((size is None) == key.endswith('/') for key, size, _ in rolled)

    def test_a_listing_shows_what_was_written_and_deleted_before(self, objects: Ledger, others: Ledger) -> None:
        for number in range(10):
            objects.put(f'list/{number}/x', b'x')
            others.settle()
            if number % 2:
                others.delete([f'list/{number - 1}/x'])
                objects.settle()
        others.settle()
        assert names(others.page('list/', delimiter='/')) == [f'list/{number}/' for number in (1, 3, 5, 7, 9)]

    def test_a_prefix_whose_last_key_went_is_not_rolled_up(self, objects: Ledger) -> None:
        objects.put('a/b/c/d', b'x')
        objects.put('a/e', b'x')
        objects.delete(['a/b/c/d'])
        objects.settle()
        assert names(objects.page('a/', delimiter='/')) == ['a/e']
        assert names(objects.page('a', delimiter='/')) == ['a/']
        objects.delete(['a/e'])
        objects.settle()
        assert names(objects.page('', delimiter='/')) == []

    def test_any_number_of_keys_is_listed_and_deleted(self, objects: Ledger) -> None:
        keys = [f'many/{number:04}' for number in range(self.many)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: objects.put(key, b''), keys))
        objects.settle()
        assert walk(objects, 'many/', '', '', 1000) == keys
        middle = self.many // 2
        assert names(objects.page('many/', keys[middle], limit=3)) == keys[middle + 1:middle + 4]
        objects.delete(iter([*keys, 'many/missing']))
        objects.settle()
        assert objects.page('many/').entries == []

    def test_what_stays_is_listed_once_and_in_order_while_others_come_and_go(self, objects: Ledger) -> None:
        steady = [f'k/{number:02}' for number in range(0, 40, 2)]
        for key in steady:
            objects.put(key, b'')
        objects.settle()
        done = Event()

        def disturb(offset: int) -> None:
            number = offset
            while not done.is_set():
                key = f'k/{number % 40:02}/x' if number % 3 else f'k/{(number % 40) | 1:02}'
                objects.put(key, b'')
                objects.delete([key])
                number += 1

        with ThreadPoolExecutor(3) as pool:
            disturbing = [pool.submit(disturb, offset) for offset in (0, 13, 26)]
            try:
                for limit in (3, 7, 1000) * self.rounds:
                    found = walk(objects, 'k/', '', '', limit)
                    assert all(one < two for one, two in pairwise(found))
                    assert [key for key in found if key in steady] == steady
            finally:
                done.set()
            for one in disturbing:
                one.result()
