"""Names of files for keys, and the listings that are remembered within bounds."""

from __future__ import annotations

import os

import pytest

from objreg.drivers.file_names import Listings, folder_of, names_of, path_of
from objreg.store import Refused
from objreg.testing.promises_keys import HOSTILE, ODD


def test_each_key_has_a_file_of_its_own_that_is_safe() -> None:
    paths = {path_of(key) for key in ODD}
    assert len(paths) == len(ODD)
    for path in paths:
        *folders, file = path.split('/')
        assert all(folder.endswith('.d') for folder in folders)
        assert not file.endswith('.d')
        assert not any(name.startswith('.') for name in (*folders, file))


def test_what_is_no_key_has_no_file() -> None:
    for key in HOSTILE:
        with pytest.raises(Refused):
            path_of(key)


def test_names_of_files_are_those_of_keys_again() -> None:
    for key in ODD:
        file = path_of(key).rpartition('/')[2]
        assert names_of([file]) == [key.rpartition('/')[2]]
        assert names_of([folder_of(key).rpartition('/')[2]]) == [key.rpartition('/')[2] + '/']


def test_names_are_sorted_as_keys_are() -> None:
    assert names_of(['b', 'a.d', 'a0', 'a-b', 'a', 'a%2Ed', '.nfs1', 'é', '\U0001f600', '\uffee', '\udcff']) == [
        'a', 'a-b', 'a.d', 'a/', 'a0', 'b', 'é', '\uffee', '\U0001f600',
    ]


def status(modified: float, inode: int = 1) -> os.stat_result:
    times = (int(modified),) * 3
    return os.stat_result((0, inode, 0, 0, 0, 0, 0, *times), {'st_mtime_ns': int(modified * 10**9)})


def kept(listings: Listings, *paths: str) -> list[str]:
    return [path for path in paths if listings.get(path, status(100)) is not None]


def remember(listings: Listings, path: str, count: int) -> None:
    listings.keep(path, status(100), [str(number) for number in range(count)], 200 * 10**9)


def test_the_listing_that_was_not_used_for_longest_makes_room() -> None:
    listings = Listings(100, 2)
    for path in ('a', 'b', 'c'):
        remember(listings, path, 30)
    assert kept(listings, 'b', 'c', 'a') == ['b', 'c', 'a']
    remember(listings, 'd', 60)
    assert kept(listings, 'a', 'b', 'c', 'd') == ['a', 'd']
    remember(listings, 'd', 5)
    remember(listings, 'e', 50)
    assert kept(listings, 'a', 'd', 'e') == ['a', 'd', 'e']


def test_a_listing_beyond_all_bounds_is_not_kept() -> None:
    listings = Listings(100, 2)
    remember(listings, 'a', 10)
    remember(listings, 'b', 100)
    assert kept(listings, 'a', 'b') == ['a']
    none = Listings(0, 2)
    remember(none, 'a', 0)
    assert kept(none, 'a') == []


def test_a_listing_that_was_read_too_soon_is_not_kept() -> None:
    listings = Listings(100, 2)
    listings.keep('a', status(100), ['x'], int(101.9 * 10**9))
    assert listings.get('a', status(100)) is None
    listings.keep('a', status(100), ['x'], 102 * 10**9)
    assert listings.get('a', status(100)) == ['x']
    assert listings.get('a', status(101)) is None
    assert listings.get('a', status(100, inode=2)) is None
