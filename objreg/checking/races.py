"""Probes of what several do at once, or one soon after another: who wins, and who sees what, when."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

from objreg.checking.findings import Found, State, late
from objreg.checking.probes import taken_key
from objreg.checking.scratch import Scratch
from objreg.store import CHUNK, Exists, NotFound


def conditional_put(scratch: Scratch) -> Found:
    """Of many that create a key at once, how many believe that they did."""
    if wrong := taken_key(scratch):
        scratch.found['conditional_put'] = False
        return wrong
    winners = [_winners(scratch) for _ in range(scratch.bounds.rounds)]
    if None in winners:
        return Found(State.WRONG, 'the object of a race is not of a writer that won', 'this store cannot be used')
    most = max(number or 0 for number in winners)
    is_declared = scratch.capabilities.conditional_put
    scratch.found['conditional_put'] = most == 1
    raced = f'of {scratch.bounds.racers} racing writers'
    if most == 1 and is_declared:
        return Found(State.OK, f'{raced} one won, {len(winners)} times', 'a name is claimed by one PUT')
    if most == 1:
        return Found(
            State.OK, f'{raced} one won, {len(winners)} times, though that is not declared',
            'it is not relied on: names are claimed by a timed lock',
        )
    if is_declared:
        return Found(
            State.WRONG, f'declared but not found: {raced} up to {most} won',
            'mend `preset`, or set `conditional_put: false`: names are then claimed by a timed lock',
        )
    return Found(
        State.LIMITED, f'conditional PUT is not atomic, as declared: {raced} up to {most} won',
        'names are claimed by a timed lock',
    )


def _winners(scratch: Scratch) -> int | None:
    """How many won a race; None when what is there is of none of them."""
    key, barrier = scratch.key(), Barrier(scratch.bounds.racers)

    def create(number: int) -> bool:
        barrier.wait()
        try:
            scratch.put(key, b'%d' % number, if_absent=True)
        except Exists:
            return False
        return True

    with ThreadPoolExecutor(scratch.bounds.racers) as pool:
        won = list(pool.map(create, range(scratch.bounds.racers)))
    winners = [b'%d' % number for number, wins in enumerate(won) if wins]
    return len(winners) if scratch.read(key) in winners else None


def replaced_objects(scratch: Scratch) -> Found:
    """What is replaced is seen at once, and never in parts."""
    key, slowest, torn = scratch.key(), 0.0, []
    values = [os.urandom(size) for size in (2 * CHUNK, 100, CHUNK, 1000)]
    scratch.put(key, values[0])
    done = Event()

    def look() -> None:
        while not done.is_set():
            seen = scratch.read(key)
            done.wait(0.003)
            if seen not in values:
                torn.append(len(seen))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            for number in range(2 * scratch.bounds.rounds):
                value = values[(number + 1) % len(values)]
                scratch.put(key, value)
                slowest = max(slowest, scratch.seconds_until(_holds(scratch, key, value)))
        finally:
            done.set()
        looking.result()
    if torn:
        return Found(State.WRONG, 'some reads saw neither the old object nor the new one', 'this store cannot be used')
    if slowest:
        return Found(
            State.WRONG, f'the old object is read for up to {late(slowest, scratch.bounds.patience)}',
            'a tag that was moved is pulled as it was: a cache lies before the store, or it is too old for objreg',
        )
    return Found(State.OK, 'whoever reads sees the old object or the new one, whole, and the new one at once')


def _holds(scratch: Scratch, key: str, value: bytes) -> Callable[[], bool]:
    return lambda: scratch.read(key) == value


def new_and_deleted_objects(scratch: Scratch) -> Found:
    """What is new is there at once, also for who asked before, and what is deleted is gone."""
    slowest = {'a new object is missing': 0.0, 'a deleted object is read': 0.0}
    for _ in range(scratch.bounds.rounds):
        key = scratch.key()
        _is_there(scratch, key)  # so that whoever remembers that it is missing shows it
        scratch.put(key, b'new')
        for said, happened in _after_put_and_delete(scratch, key).items():
            slowest[said] = max(slowest[said], happened)
    told = [f'{said} for up to {late(lag, scratch.bounds.patience)}' for said, lag in slowest.items() if lag]
    if told:
        return Found(
            State.WRONG, ', '.join(told),
            'what was pushed is unknown meanwhile: a cache lies before the store, or it is too old for objreg',
        )
    return Found(State.OK, 'what is new is there at once, what is deleted is gone at once')


def _after_put_and_delete(scratch: Scratch, key: str) -> dict[str, float]:
    new = scratch.seconds_until(lambda: _is_there(scratch, key))
    scratch.delete([key])
    return {
        'a new object is missing': new,
        'a deleted object is read': scratch.seconds_until(lambda: not _is_there(scratch, key)),
    }


def _is_there(scratch: Scratch, key: str) -> bool:
    try:
        scratch.read(key)
    except NotFound:
        return False
    return True


def listings(scratch: Scratch) -> Found:
    """How late a listing is with what was put and deleted."""
    folder, slowest = scratch.folder(), 0.0
    for number in range(scratch.bounds.rounds):
        key = f'{folder}{number}'
        scratch.put(key, b'x')
        slowest = max(slowest, scratch.seconds_until(_lists(scratch, folder, key, True)))
        scratch.delete([key])
        slowest = max(slowest, scratch.seconds_until(_lists(scratch, folder, key, False)))
        if math.isinf(slowest):
            break
    is_declared = scratch.capabilities.consistent_list
    scratch.found['consistent_list'] = not slowest
    lag = late(slowest, scratch.bounds.patience)
    if slowest and is_declared:
        return Found(
            State.WRONG, f'declared current but not found so: listings lag by up to {lag}',
            'mend `preset`; nothing depends on it, but pages of tags and of the catalog are late',
        )
    if slowest:
        return Found(
            State.LIMITED, f'listings lag by up to {lag}, as declared',
            'nothing depends on it, but pages of tags and of the catalog are late',
        )
    return Found(State.OK, 'none was late' + ('' if is_declared else ', though that may be; it is not relied on'))


def _lists(scratch: Scratch, folder: str, key: str, is_there: bool) -> Callable[[], bool]:
    return lambda: any(entry.key == key for entry in scratch.page(folder).entries) is is_there


def pages(scratch: Scratch) -> Found:
    """Pages follow one another in order, and folders are rolled up."""
    folder = scratch.folder()
    names = [folder + name for name in ('B', 'a', 'a/b', 'a0', 'z/1', 'z/2', 'é')]
    for name in names:
        scratch.put(name, b'')
    if scratch.seconds_until(lambda: bool(scratch.page(folder, names[-2]).entries)) == math.inf:
        return Found(State.SKIPPED, 'the listing is too late to tell')
    scratch.seconds_until(lambda: len(scratch.page(folder).entries) == len(names))
    found: list[str] = []
    more = True
    while more and len(found) <= len(names):
        entries, more = scratch.page(folder, found[-1] if found else '', limit=2)
        found += [entry.key for entry in entries]
        more = more and bool(entries)
    rolled = [entry.key for entry in scratch.page(folder, delimiter='/').entries]
    if found != names or rolled != [folder + name for name in ('B', 'a', 'a/', 'a0', 'z/', 'é')]:
        return Found(State.WRONG, 'keys are out of order, repeated or left out', 'pages of tags would be wrong')
    return Found(State.OK, 'in order, none repeated, none left out')
