"""Two nodes of a hub on one real store, asked for the same at the same time: nothing is given twice, nothing lost."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from objreg.auth.tokens import Tokens
from objreg.hub import keys
from objreg.hub.accounts import Taken
from objreg.hub.claims import Busy
from objreg.hub.hub import Hub
from objreg.hub.signing import Signing
from objreg.stores import load_store
from tests.functional.registries import STORES

NAMES, THREADS = int(os.environ.get('OBJREG_TEST_NAMES', '60')), 32
"""500 makes it the thousand sign-ups that docs/roadmap.md tells of.

Threads that take names mostly sleep, where the store needs a lock; many more make a small server slow."""
PATIENCE = 300.0
"""Seconds to try again: who finds the store slow leaves a lock, which ends by its age."""
Given = TypeVar('Given')
Got = TypeVar('Got')


@pytest.fixture(params=[
    pytest.param(kind, marks=pytest.mark.xdist_group(f'hub-races-{kind}')) for kind in ('file', 'ceph', 'swift')
])
def nodes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Hub]]:
    """Two of them, each with connections of its own."""
    path = tmp_path / 'stores.yml'
    path.write_text(yaml.safe_dump({'default': STORES[request.param](request.getfixturevalue, tmp_path)}))
    stores = [load_store(str(path), 'default') for _ in range(2)]
    stores[0].setup()
    yield [Hub(store) for store in stores]
    for store in stores:
        store.close()


def at_once(function: Callable[[Given], Got], given: Iterable[Given], threads: int = 16) -> list[Got]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, given))


def test_each_name_is_given_once(nodes: list[Hub]) -> None:
    """Two sign-ups for each: as many accounts, and as many clear refusals."""
    refused: Counter[str] = Counter()

    def sign_up(given: tuple[Hub, str]) -> str:
        hub, name = given
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                return hub.accounts.create(name, 'user').id
            except Taken:
                refused['taken'] += 1
                return ''
            except Busy:
                refused['busy'] += 1
                time.sleep(random.uniform(0.5, 2))
        raise AssertionError(f'{name}: busy for ever')

    wanted = [(hub, f'user{number}') for number in range(NAMES) for hub in nodes]
    began = time.monotonic()
    ids = at_once(sign_up, wanted, THREADS)
    print(f'{time.monotonic() - began:.1f} s; refused: {dict(refused)}')
    won = {name: id for (_, name), id in zip(wanted, ids, strict=True) if id}
    assert len(won) == len([id for id in ids if id]) == refused['taken'] == NAMES
    for hub in nodes:
        found = at_once(hub.accounts.find, won)
        assert {account.name: account.id for account in found if account} == won
    assert list(nodes[0].store.list('hub/locks/')) == []


def test_nothing_is_lost_of_what_two_change_at_once(nodes: list[Hub]) -> None:
    """Members, teams, grants and collaborators: each by both nodes, and some taken away meanwhile."""
    people = [f'user{number}' for number in range(16)]

    def change(number: int) -> None:
        organisations, user = nodes[number % 2].organisations, people[number // 4]
        if number % 4 < 2:  # both at once: who makes him an owner, and who makes him a member
            organisations.add('acme', user, 'owner' if number % 4 else 'member', by='test')
        else:
            organisations.join('acme', user, f'team{number % 4}', by='test')
            organisations.grant('acme', f'team{number % 4}', 'read', f'acme/{user}', by='test')
            nodes[number % 2].repositories.invite('acme/app', user, 'write', by='test')

    at_once(change, range(4 * len(people)))
    for hub in nodes:
        places = {user: hub.organisations.place('acme', user) for user in people}
        assert all(place.role in ('owner', 'member') for place in places.values()), places
        assert {place.teams for place in places.values()} == {frozenset({'team2', 'team3'})}
        assert len(hub.organisations.grants('acme')) == 2 * len(people)
        assert set(hub.repositories.collaborators('acme/app')) == set(people)

    def leave(number: int) -> None:
        organisations, user = nodes[number % 2].organisations, people[number // 2]
        if number % 2:
            organisations.leave('acme', user, 'team2')
        elif number % 4:
            organisations.remove('acme', user)

    at_once(leave, range(2 * len(people)))
    for hub in nodes:
        for number, user in enumerate(people):
            place = hub.organisations.place('acme', user)
            assert place.teams == (frozenset() if number % 2 else frozenset({'team3'})), (user, place)
            assert bool(place.role) is not bool(number % 2), (user, place)


def test_no_star_is_lost_and_none_counts_twice(nodes: list[Hub]) -> None:
    people = [f'user{number}' for number in range(30)]
    at_once(lambda given: given[0].stars.add('acme/app', given[1]), [(hub, user) for user in people for hub in nodes])
    assert [hub.stars.count('acme/app') for hub in nodes] == [30, 30]
    at_once(lambda number: nodes[number % 2].stars.remove('acme/app', people[number]), range(10))
    assert [hub.stars.count('acme/app') for hub in nodes] == [20, 20]


def test_nodes_that_begin_at_once_believe_each_other(nodes: list[Hub]) -> None:
    def token(number: int) -> str:
        return nodes[number % 2].signing.sign(_claims())

    tokens = at_once(token, range(16))
    for hub in nodes:
        verifier = Tokens(Signing(hub.store), 'objreg', 'registry', ['ES256'], 60)
        assert {verifier.verify(text).subject for text in tokens} == {'alice'}


def test_keys_that_both_replace_leave_one_that_both_use(nodes: list[Hub]) -> None:
    old = [hub.signing.sign(_claims()) for hub in nodes]
    at_once(lambda hub: hub.signing.rotate(), nodes * 3, threads=6)
    for hub in nodes:
        hub.signing.reload()
    new = [hub.signing.sign(_claims()) for hub in nodes]
    left = len(list(nodes[0].store.list(keys.SIGNING)))
    assert 1 <= left <= 2
    for hub in nodes:
        verifier = Tokens(Signing(hub.store), 'objreg', 'registry', ['ES256'], 60)
        assert [verifier.verify(text).subject for text in new] == ['alice', 'alice']
        for text in old:
            with pytest.raises(Exception, match='not one of a known key'):
                verifier.verify(text)


def _claims() -> dict[str, Any]:
    now = int(time.time())
    return {'iss': 'objreg', 'aud': 'registry', 'sub': 'alice', 'iat': now, 'exp': now + 300}
