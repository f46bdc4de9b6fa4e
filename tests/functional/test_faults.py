"""A real store fails at every single request of a push and a pull, below the driver.

With its retries the client sees nothing of it.  Without them it gets a 503 with ``Retry-After``, what was acknowledged
is there, nothing dangles, and the same push then succeeds.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from objreg.store import Store, StoreError
from objreg.stores import load_store
from objreg.wrap.prefix import PrefixStore
from objreg.wrap.retry import Policy, RetryingStore
from tests import documents
from tests.functional.registries import STORES
from tests.pushes import GivenUp, Pusher, look, node
from tests.servers.faulty import Fault, FaultyProxy

MIB = 1024**2
STREAMED, LARGE = os.urandom(1000), os.urandom(5 * MIB + 1000)
IMAGE = documents.image(STREAMED, LARGE)
ENDPOINTS = {'s3': 'endpoint', 'swift': 'auth_url'}
"""The option that says where a server is, by driver."""
MARK = re.compile(r'-[0-9a-f]{16}\b')
"""What tells the names of one part from those of the next attempt to write it."""
AT_ONCE = 5
"""Pushes, since much of their time is the server's."""

HIDDEN = [fault for fault in Fault if fault not in (Fault.FULL, Fault.BEHEADED)]
"""What another try mends, and is seen to need one."""
TOLD = [Fault.FULL, Fault.RESET, Fault.LOST, Fault.CUT, Fault.BEHEADED]
"""What leaves different things behind: nothing, a piece, all; and answers of which a part came."""
TIMEOUT = {Fault.LATE: 0.5}
"""Seconds to wait for an answer, where waiting is the point; a busy machine may make it fail once more than once."""


def cases(faults: list[Fault]) -> list[Any]:
    """Each fault on each store; a worker takes one."""
    return [
        pytest.param(kind, fault, id=f'{kind}-{fault.name}', marks=pytest.mark.xdist_group(f'{kind}-{fault.name}'))
        for kind in ('ceph', 'swift') for fault in faults
        if not (kind == 'ceph' and fault is Fault.UNAUTHORIZED)  # S3 has no tokens that end
    ]


@pytest.fixture
def section(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """An empty store of that kind, which takes large objects under any prefix."""
    section = STORES[kind](request.getfixturevalue, tmp_path)
    return {**section, 'large': '.*'} if section['driver'] == 'swift' else section


def program(push: Pusher) -> None:
    """Each way by which bytes reach a store, and leave it."""
    push.blob('app', documents.CONFIG, 'patch')
    push.blob('app', STREAMED, 'stream')
    push.blob('app', LARGE, 'pieces', cuts=(5,))
    push.manifest('app', 'v1', IMAGE)
    push.pull()
    assert push.ask('GET', '/v2/app/tags/list').json()['tags'] == ['v1']


class Site:
    """A bucket that is reached through a proxy, and straight by those who look at it."""

    def __init__(self, section: dict[str, Any], fault: Fault, folder: Path) -> None:
        endpoint = ENDPOINTS[section['driver']]
        scheme, _, place = section[endpoint].partition('://')
        host, slash, path = place.partition('/')
        self.proxy, self._fault = FaultyProxy(f'{scheme}://{host}'), fault
        file = folder / f'{self.proxy.url.rpartition(":")[2]}.yml'
        common = {**section, 'part_size': 5 * MIB, 'retry': False, 'cache': False}
        file.write_text(json.dumps({  # JSON is YAML
            'straight': common,
            'faulty': {
                **common, endpoint: f'{self.proxy.url}{slash}{path}', 'read_timeout': TIMEOUT.get(fault, 60),
            },
        }))
        self._straight, self._faulty = load_store(str(file), 'straight'), load_store(str(file), 'faulty')

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._straight.close()
        self._faulty.close()
        self.proxy.__exit__(None, None, None)

    def push(self, prefix: str, *, attempts: int = 8) -> tuple[Pusher | None, bool]:
        """By a node that has just started: what was acknowledged (None: it did not start), and whether all was."""
        store: Store = PrefixStore(store=self._faulty, path=prefix)
        if attempts > 1:
            store = RetryingStore(store, Policy(attempts=attempts, pause=0.01, longest_pause=0.02))
        push = None
        try:
            push = Pusher(node(store, part_size=5 * MIB))
            program(push)
        except (GivenUp, StoreError):  # no start, a 503, or a download that the server cuts
            return push, False
        return push, True

    def look(self, prefix: str, push: Pusher | None, *, is_whole: bool) -> None:
        """Straight at what lies in the bucket."""
        store = PrefixStore(store=self._straight, path=prefix)
        look(store, push or Pusher(node(store)), is_whole=is_whole)

    def one_fails(self, number: int) -> bool:
        """One request of a push fails, nobody tries it again, and the client comes back later; False: it has fewer."""
        prefix = f'fails-{number}'
        self.proxy.fail(self._fault, lambda at, _: at == number)
        first, is_done = self.push(prefix, attempts=1)
        if not self.proxy.failed:
            assert is_done, f'{self.proxy.requests[-1]} failed by itself'
            return False
        self.proxy.work()
        self.look(prefix, first, is_whole=is_done)
        if not is_done:
            again, is_done = self.push(prefix)
            assert is_done
            self.look(prefix, again, is_whole=True)
        return True


@pytest.mark.parametrize(('kind', 'fault'), cases(HIDDEN))
def test_every_request_fails_once_and_the_client_sees_nothing(
    section: dict[str, Any], fault: Fault, tmp_path: Path
) -> None:
    seen: set[str] = set()

    def is_new(_: int, request: str) -> bool:
        name = MARK.sub('', request)
        fresh = name not in seen and not (fault is Fault.UNAUTHORIZED and '/auth/' in name)
        seen.add(name)
        return fresh

    with Site(section, fault, tmp_path) as site:
        site.proxy.fail(fault, is_new)
        push, is_done = site.push('app')
        assert is_done
        assert len(site.proxy.failed) > 25
        site.look('app', push, is_whole=True)


@pytest.mark.parametrize(('kind', 'fault'), cases(TOLD))
def test_whatever_request_fails_nothing_dangles(
    section: dict[str, Any], fault: Fault, tmp_path: Path
) -> None:
    def some(first: int) -> int:
        with Site(section, fault, tmp_path) as site:
            site.push('whole')  # which asks for what is asked once, like a token
            return next(number for number in count(first, AT_ONCE) if not site.one_fails(number))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        beyond = list(pool.map(some, range(1, AT_ONCE + 1)))
    assert 25 < min(beyond) <= max(beyond) < min(beyond) + AT_ONCE
