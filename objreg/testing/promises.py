"""What the groups of the contract suite share: the fixtures, and what a driver's own test class may say otherwise."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pytest

from objreg.store import MAX_KEY, Store, Unavailable
from objreg.testing.ledger import Ledger

Result = TypeVar('Result')
_PATIENCE = 20.0
"""Seconds for which a race may make a store unavailable."""


def sample(size: int, seed: int = 0) -> bytes:
    """That many bytes, always the same, none of which could stand in another's place unnoticed."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - not a secret


def patient(call: Callable[[], Result]) -> Result:
    """What the call returns, made again while it raises `Unavailable`: that is no answer, and allowed in a race."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return call()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - not a secret


class Promises:
    """The base of all groups.  A driver's class gives the fixture `store`: an empty store of its own for each test."""

    listing_lag = 30.0
    """Seconds after which a listing must be right, for a store that does not declare `consistent_list`."""
    longest_key = MAX_KEY
    """Bytes of the longest key; less for a store that adds something to each."""
    takes: bool | None = None
    """Whether it takes an object of another store object on the same objects without moving its bytes; None: maybe."""
    racers = 12
    """How many threads race."""
    rounds = 5
    """How many times they do."""
    many = 1005
    """How many keys a long listing has: more than one page."""

    def another(self, store: Any) -> Store:
        """Another store object on the same objects, as another process would have it.  It is closed after the test.

        By default the same one, for stores that one object has for itself.
        """
        found: Store = store
        return found

    def leftovers(self, store: Any) -> Iterable[str]:
        """What the driver has left where no listing shows it: staging files, unfinished multipart uploads …

        Asked after each test, when all objects are deleted and all uploads finished or aborted.  Anything fails it.
        """
        return ()

    @pytest.fixture
    def objects(self, store: Store) -> Iterator[Ledger]:
        """The store under test.  What is left in it behind the test's back fails the test."""
        ledger = Ledger(store, lag=self.listing_lag)
        yield ledger
        ledger.settle()
        ledger.empty()
        assert list(self.leftovers(store)) == []

    @pytest.fixture
    def others(self, objects: Ledger) -> Iterator[Ledger]:
        """The same objects, seen by another process."""
        inner = self.another(objects.inner)
        yield objects.beside(inner)
        if inner is not objects.inner:
            inner.close()

    @staticmethod
    def part_size(objects: Store) -> int:
        """A good size for all parts of an upload but the last."""
        return objects.capabilities.min_part or 70_001
