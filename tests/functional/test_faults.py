"""A real store fails at every kind of request of a push and a pull, below the driver.

With its retries the client sees nothing of it.  Without them it gets a 503 with ``Retry-After``, what was acknowledged
is there, nothing dangles, and the same push then succeeds.

Every fault is tried on each server; of the Swift API of Ceph, whose driver is Swift's, a token that ends and an answer
that is lost.  Of S3, Azure and Qiniu no token ends: there a 401 is told.  Glance takes a body as it comes, which cannot
be sent twice, so that the client may have to come again; neither Keystone nor the store of its names fails.  For Qiniu
stands our own server, which follows what is published; each of its services fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Self

import pytest

from objreg.store import Store, StoreError
from objreg.stores import load_store
from objreg.wrap.prefix import PrefixStore
from objreg.wrap.retry import Policy, RetryingStore
from tests import documents
from tests.functional.registries import STORES, WITH_KEYSTONE
from tests.pushes import GivenUp, Pusher, look, node
from tests.servers.faulty import Fault, FaultyProxy, kind_of
from tests.unit.drivers.kodo import Kodo, kodo

MIB = 1024**2
STREAMED, LARGE = os.urandom(1000), os.urandom(5 * MIB + 1000)
IMAGE = documents.image(STREAMED, LARGE)
AT_ONCE = 5
"""Pushes, since much of their time is the server's."""
COMES_AGAIN = {'glance': 9}
"""How often a client may have to."""
TIMEOUT = {Fault.LATE: 0.5}
"""Seconds to wait for an answer, where waiting is the point; a busy machine may make it fail once more than once."""

OPTIONS: dict[str, dict[str, Any]] = {
    's3': {'part_size': 5 * MIB}, 'swift': {'part_size': 5 * MIB, 'large': '.*'}, 'gcs': {'part_size': 5 * MIB},
    'azure': {'part_size': 5 * MIB}, 'qiniu': {'part_size': 5 * MIB},
    'glance': {'inline': 0, 'large': '(.*/)?(blobs/.*|uploads/[^/]*/data.*)'},
}
"""What a driver is told, so that a part of an upload is large enough, under any prefix, and all content is there."""
PLACES = {'swift': ['auth_url'], 'qiniu': ['up_endpoint', 'rs_endpoint', 'rsf_endpoint', 'domain']}
"""The options that tell a driver where its servers are, if not ``endpoint``."""
KINDS = {'ceph': 25, 'swift': 25, 'ceph-swift': 25, 'gcs': 25, 'azure': 25, 'qiniu': 25, 'glance': 10}
"""The servers, and how many requests a push and a pull take at least; many of Glance's go to the store of its names."""

_PASSING = [fault for fault in Fault if fault not in (Fault.FULL, Fault.BEHEADED)]
_TOLD = [Fault.FULL, Fault.RESET, Fault.LOST, Fault.CUT, Fault.BEHEADED]


def _but(*faults: Fault) -> list[Fault]:
    return [fault for fault in _PASSING if fault not in faults]


HIDDEN = {
    'ceph': _but(Fault.UNAUTHORIZED), 'swift': _PASSING, 'ceph-swift': [Fault.UNAUTHORIZED, Fault.LOST],
    'gcs': _PASSING, 'azure': _but(Fault.UNAUTHORIZED), 'qiniu': _but(Fault.UNAUTHORIZED), 'glance': _PASSING,
}
"""What another try mends, and is seen to need one."""
TOLD = {
    'ceph': _TOLD, 'swift': _TOLD, 'gcs': _TOLD, 'azure': [Fault.UNAUTHORIZED, *_TOLD],
    'qiniu': [Fault.UNAUTHORIZED, *_TOLD], 'glance': _TOLD,
}
"""What leaves different things behind: nothing, a piece, all; and answers of which a part came."""


def cases(faults: dict[str, list[Fault]]) -> list[Any]:
    """Each fault of each store; a worker takes one."""
    return [
        pytest.param(kind, fault, id=f'{kind}-{fault.name}', marks=pytest.mark.xdist_group(f'{kind}-{fault.name}'))
        for kind in KINDS for fault in faults.get(kind, ())
    ]


@pytest.fixture
def qiniu() -> Iterator[Kodo]:
    """A Kodo of this test's own."""
    with kodo() as server:
        yield server


def _qiniu(fixture: Callable[[str], Any], _: Path) -> dict[str, Any]:
    return {'driver': 'qiniu', **fixture('qiniu').options()}


@pytest.fixture
def section(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """An empty store of that kind."""
    section = {**STORES, **WITH_KEYSTONE, 'qiniu': _qiniu}[kind](request.getfixturevalue, tmp_path)
    if kind == 'glance':
        section['endpoint'] = request.getfixturevalue('images').settings['GLANCE']
    return {**section, **OPTIONS[section['driver']], 'retry': False, 'cache': False}


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
        places = PLACES.get(section['driver'], ['endpoint'])
        self.proxy = FaultyProxy(*(section[place] for place in places), streams=section['driver'] == 'glance')
        self._fault = fault
        self._file = Path(mkdtemp(dir=folder), 'stores.yml')
        self._file.write_text(json.dumps({  # JSON is YAML
            'names': {'driver': 'file', 'path': str(self._file.with_suffix(''))},
            'straight': section,
            'faulty': {
                **section, **{place: self.proxy.instead_of(section[place]) for place in places},
                'read_timeout': TIMEOUT.get(fault, 60),
            },
        }))
        self._faulty = load_store(str(self._file), 'faulty')

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
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
        store = PrefixStore(store=load_store(str(self._file), 'straight'), path=prefix)
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
def test_every_kind_of_request_fails_once_and_the_client_sees_nothing(
    kind: str, section: dict[str, Any], fault: Fault, tmp_path: Path
) -> None:
    seen: set[str] = set()

    def is_new(_: int, request: str) -> bool:
        name = kind_of(request)
        fresh = name not in seen and not (fault is Fault.UNAUTHORIZED and '/auth/' in name)
        seen.add(name)
        return fresh

    with Site(section, fault, tmp_path) as site:
        site.proxy.fail(fault, is_new)
        push, is_done = site.push('app')
        for _ in range(COMES_AGAIN.get(kind, 0)):
            if is_done:
                break
            site.look('app', push, is_whole=False)
            push, is_done = site.push('app')
        assert is_done
        assert len(site.proxy.failed) > KINDS[kind]
        site.look('app', push, is_whole=True)


@pytest.mark.parametrize(('kind', 'fault'), cases(TOLD))
def test_whatever_request_fails_nothing_dangles(
    kind: str, section: dict[str, Any], fault: Fault, tmp_path: Path
) -> None:
    def some(first: int) -> int:
        with Site(section, fault, tmp_path) as site:
            site.push('whole')  # which asks for what is asked once, like a token
            return next(number for number in count(first, AT_ONCE) if not site.one_fails(number))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        beyond = list(pool.map(some, range(1, AT_ONCE + 1)))
    assert KINDS[kind] < min(beyond) <= max(beyond) < min(beyond) + AT_ONCE
