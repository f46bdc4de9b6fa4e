"""Stores around others: each keeps the contract of every store, over a folder and over one that wants equal parts.

They are here and not among the unit tests because of their number: two thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from objreg.drivers.file import FileStore
from objreg.store import MAX_KEY, Store
from objreg.testing.contract import StoreContract
from objreg.wrap.cache import CachedStore
from objreg.wrap.disk_cache import DiskCacheStore
from objreg.wrap.encrypt import EncryptStore
from objreg.wrap.mirror import MirrorReadStore
from objreg.wrap.prefix import PrefixStore
from objreg.wrap.retry import RetryingStore
from objreg.wrap.split import SplitStore
from objreg.wrap.timing import TimedStore
from tests.unit.wrap.equal import EqualParts

PATH = 'team/a'
MAKERS: dict[str, Callable[[Callable[[], Store], str], Store]] = {
    'timing': lambda inner, _: TimedStore(inner()),
    'retry': lambda inner, _: RetryingStore(inner()),
    'cache': lambda inner, _: CachedStore(inner(), tag_seconds=60),
    'encrypt': lambda inner, _: EncryptStore(store=inner(), key='a1' * 32),
    'disk-cache': lambda inner, folder: DiskCacheStore(store=inner(), path=folder),
    'prefix': lambda inner, _: PrefixStore(store=inner(), path=PATH),
    'mirror-read': lambda inner, _: MirrorReadStore(store=inner(), second=inner()),
    'split': lambda inner, _: SplitStore(names=inner(), blobs=inner()),
}


class Wrapped(StoreContract):
    """The contract, of keys to which a path can still be added."""

    longest_key = MAX_KEY - len(f'{PATH}/')


class TestOverFolders(Wrapped):
    """Over the local disk."""

    @pytest.fixture(params=MAKERS)
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
        number = iter(range(9))
        made = MAKERS[request.param](
            lambda: FileStore(str(tmp_path / str(next(number))), sync=False), str(tmp_path / 'cache')
        )
        yield made
        made.close()

    def leftovers(self, store: Store) -> list[str]:
        """What would stay in the folders where parts and bodies wait."""
        return [str(path) for root in self.roots(store) for path in Path(root, '.staging').rglob('*') if path.is_file()]

    @staticmethod
    def roots(store: Any) -> list[str]:
        """The folders below."""
        if isinstance(store, FileStore):
            return [store.root]
        below = (getattr(store, name, None) for name in ('inner', 'second', 'names', 'blobs'))
        return [root for one in below if one is not None for root in TestOverFolders.roots(one)]


class TestOverMemory(Wrapped):
    """Over a store that wants equal parts."""

    @pytest.fixture(params=['prefix', 'mirror-read', 'split', 'encrypt', 'disk-cache'])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
        made = MAKERS[request.param](EqualParts, str(tmp_path / 'cache'))
        yield made
        made.close()
