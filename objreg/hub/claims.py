"""How a name gets one owner, on any store and with any number of nodes.

Where the store declares that create-if-absent is atomic, that is all.  Elsewhere (Swift lets several of several racing
writers win) a name is taken under a timed lock, Fischer's: read the lock; if nobody holds it, write it with a random
mark, and give up if both took longer than `PATIENCE`; wait for `WAIT`, which is longer, since clocks run differently;
read it again; whoever reads his own mark then has won, and only he writes the record.  Taken means that the record is
there.  The lock is nothing but the lock: a late write may replace it, and it ends by its age.

What is assumed of such a store: that a read of the newest copy sees a write that was acknowledged, that the clocks of
nodes differ by less than `SKEW` seconds, and that a node that holds the lock writes the record within `HELD` seconds or
not at all.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time

from objreg.hub import keys
from objreg.hub.records import Account
from objreg.store import Exists, NotFound, Store, StoreError, Unavailable

PATIENCE, WAIT = 1.5, 2.0
HELD = 60.0
SKEW = 60.0


class Taken(Exception):
    """The name is somebody's."""


class Busy(Unavailable):
    """Somebody else is about to take it; worth another try."""


class Clock:
    """What time it is, and waiting: replaced by tests."""

    def time(self) -> float:
        """Seconds since the epoch, by this node's clock."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that pass."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


CLOCK = Clock()


def claim(store: Store, account: Account, *, clock: Clock = CLOCK) -> None:
    """Write the account under its name; raises `Taken`, or `Busy`."""
    create(store, keys.account(account.name), account.dump(), account.name, clock=clock)


def create(store: Store, key: str, data: bytes, name: str, *, clock: Clock = CLOCK) -> None:
    """Write what only one may write; raises `Taken`, or `Busy`.

    `data` has something in it that nobody else would write there; `name` says what is taken, and names the lock.
    """
    if store.capabilities.conditional_put:
        if not _create(store, key, data):
            raise Taken(name)
        return
    if _newest(store, key):
        raise Taken(name)
    began = clock.monotonic()
    _lock(store, name, clock, began)
    is_taken = bool(_newest(store, key))
    if not is_taken:
        # the lock's age is that of its writing, whatever took so long since
        if clock.monotonic() - began > HELD / 2:
            raise Busy(f'{name}: the store is slow')
        is_taken = not _create(store, key, data)
    # only now: of a write that failed nobody knows whether it arrives yet, and until then the name is nobody's
    with contextlib.suppress(StoreError):  # beside the record the lock means nothing, and it ends by its age
        store.delete([keys.lock(name)])
    if is_taken:
        raise Taken(name)


def _create(store: Store, key: str, data: bytes) -> bool:
    """Whether what lies under that key is this."""
    try:
        store.put(key, data, if_absent=True)
    except Exists:
        # a write that was tried again finds itself
        return store.newest(key) == data
    return True


def _lock(store: Store, name: str, clock: Clock, began: float) -> None:
    """Hold the lock of that name; raises `Busy`."""
    key, mark = keys.lock(name), secrets.token_hex(16)
    held = _newest(store, key)
    if held and _is_held(held, clock):
        raise Busy(f'{name}: somebody else is about to take it')
    store.put(key, json.dumps({'mark': mark, 'at': clock.time()}).encode())
    if clock.monotonic() - began > PATIENCE:
        raise Busy(f'{name}: the store is slow')
    clock.sleep(WAIT)
    found = _newest(store, key)
    if not found or _mark(found) != mark:
        raise Busy(f'{name}: somebody else is about to take it')


def _newest(store: Store, key: str) -> bytes:
    """The object, of the newest copy; b'' where there is none."""
    try:
        return store.newest(key)
    except NotFound:
        return b''


def _is_held(lock: bytes, clock: Clock) -> bool:
    try:
        at = float(json.loads(lock)['at'])
    except (ValueError, LookupError, TypeError):
        return False
    return -SKEW < clock.time() - at < HELD + SKEW


def _mark(lock: bytes) -> str:
    try:
        return str(json.loads(lock)['mark'])
    except (ValueError, LookupError, TypeError):
        return ''
