"""A process dies, or a call fails, at every single call of what clients do; then the same is done again.

What was acknowledged is there, byte for byte; nothing dangles; and the same push succeeds afterwards.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from objreg.drivers.file import FileStore
from objreg.drivers.memory import MemoryStore
from objreg.manifest import OCI_INDEX, OCI_MANIFEST
from objreg.names import Digest
from objreg.store import Capabilities, Store
from objreg.testing.faults import Call, CountingStore, Fault, FaultyStore, Stop
from objreg.wrap.retry import Policy, RetryingStore
from tests import documents
from tests.inprocess import Answer
from tests.pushes import GivenUp, Pusher, look, node

pytestmark = pytest.mark.exhaustive

LAYERS = (b'first layer', b'second layer, longer than a part of twelve bytes')
IMAGE = documents.image(*LAYERS)
OTHER = documents.image(LAYERS[1])
INDEX = documents.index(IMAGE, OTHER)
SIGNATURE = documents.image(LAYERS[0], subject=documents.named(IMAGE, OCI_MANIFEST))


class EqualParts(MemoryStore):
    """As S3: parts of a size, and no larger ones in one piece."""

    capabilities = Capabilities(min_part=12, max_put=40)


def new(push: Pusher) -> None:
    push.blob('app', documents.CONFIG)
    push.blob('app', LAYERS[0], 'patch')
    push.blob('app', LAYERS[1], 'pieces')
    push.manifest('app', 'v1', IMAGE)


def mounted(push: Pusher) -> None:
    for data in (documents.CONFIG, *LAYERS):
        push.mount('app', data, 'base')
    push.manifest('app', 'v1', IMAGE)


def several_platforms(push: Pusher) -> None:
    for data in (documents.CONFIG, *LAYERS):
        push.blob('app', data)
    push.manifest('app', str(Digest.of(IMAGE)), IMAGE)
    push.manifest('app', str(Digest.of(OTHER)), OTHER)
    push.manifest('app', 'v1', INDEX, OCI_INDEX)


def signed(push: Pusher) -> None:
    new(push)
    push.manifest('app', str(Digest.of(SIGNATURE)), SIGNATURE)


def moved_tag(push: Pusher) -> None:
    for data in (documents.CONFIG, LAYERS[1]):
        push.blob('base', data)
    push.manifest('base', 'v1', OTHER)


def deleted(push: Pusher) -> None:
    push.delete(f'/v2/base/manifests/{Digest.of(SIGNATURE)}')
    push.delete('/v2/base/manifests/v1')
    push.delete(f'/v2/base/manifests/{Digest.of(IMAGE)}')
    push.delete(f'/v2/base/blobs/{Digest.of(LAYERS[1])}')
    new(push)


def base(push: Pusher) -> None:
    """What is there before: an image with a signature in another repository."""
    for data in (documents.CONFIG, *LAYERS):
        push.blob('base', data)
    push.manifest('base', 'v1', IMAGE)
    push.manifest('base', str(Digest.of(SIGNATURE)), SIGNATURE)


Program = Callable[[Pusher], None]
BEFORE: dict[Program, list[Program]] = {new: [], mounted: [base], several_platforms: [], signed: [], moved_tag: [base],
                                        deleted: [base]}
PROGRAMS = [
    pytest.param(program, repeated, id=f'{program.__name__}{" again" * repeated}')
    for program in BEFORE for repeated in (False, True) if not (repeated and program is deleted)
]


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes an empty bucket."""
    folders = (tmp_path / str(number) for number in range(10**6))
    return {
        'memory': MemoryStore, 'equal parts': EqualParts, 'folder': lambda: FileStore(str(next(folders)), sync=False),
    }[request.param]


FAULTS = [
    pytest.param(kind, fault, id=f"{kind}-{fault.name}")
    for kind in ("memory", "equal parts", "folder") for fault in Fault
    # what a folder does after its calls is the same as what memory does; the calls are many, and slow
    if kind != 'folder' or fault in (Fault.STOP_AFTER, Fault.LOST_ANSWER)
]
PASSING = [found for found in FAULTS if found.values[1] in (Fault.UNAVAILABLE, Fault.LOST_ANSWER, Fault.CUT)]
KINDS = pytest.mark.parametrize('make', ['memory', 'equal parts', 'folder'], indirect=True)


def prepared(make: Callable[[], Store], program: Program, *, repeated: bool) -> Store:
    bucket = make()
    for earlier in [*BEFORE[program], *([program] if repeated else [])]:
        client = node(bucket)
        earlier(Pusher(client))
        client.registry.close()
    return bucket


def cases(make: Callable[[], Store], program: Program, *, repeated: bool) -> Iterator[int]:
    """The numbers of the calls of a program that meets no fault."""
    counting = CountingStore(prepared(make, program, repeated=repeated))
    client = node(counting)
    counting.reset()
    push = Pusher(client)
    program(push)
    look(counting.inner, push, is_whole=True)
    client.registry.close()
    assert counting.total >= 3
    yield from range(1, counting.total + 1)


class Once:
    """The rule that it happens to one call, counted from when the rule is set."""

    def __init__(self, number: int, fault: Fault) -> None:
        self._left, self._fault, self._lock = number, fault, threading.Lock()

    def __call__(self, call: Call) -> Fault | None:
        with self._lock:
            self._left -= 1
            return self._fault if self._left == 0 else None


def run(faulty: FaultyStore, wrap: Callable[[Store], Store], program: Program, rule: Once) -> tuple[Pusher, bool]:
    """Run a program until it ends or is ended; what was acknowledged, and whether it came to its end."""
    client = node(wrap(faulty))
    faulty.rule = rule
    push = Pusher(client)
    try:
        with contextlib.suppress(Stop, GivenUp):
            program(push)
            return push, True
        return push, False
    finally:
        faulty.rule = None
        client.registry.close()


@pytest.mark.parametrize(('program', 'repeated'), PROGRAMS)
@pytest.mark.parametrize(('make', 'fault'), FAULTS, indirect=['make'])
def test_whatever_ends_it_nothing_dangles(
    make: Callable[[], Store], program: Program, fault: Fault, repeated: bool
) -> None:
    for number in cases(make, program, repeated=repeated):
        faulty = FaultyStore(prepared(make, program, repeated=repeated))
        push, is_done = run(faulty, lambda store: store, program, Once(number, fault))
        assert len(faulty.happened) == 1, number
        look(faulty.inner, push, is_whole=is_done)
        client = node(faulty.inner)
        again = Pusher(client)
        (new if program is deleted else program)(again)
        client.registry.close()
        look(faulty.inner, again, is_whole=program is not deleted)
        faulty.inner.close()


@pytest.mark.parametrize('program', list(BEFORE), ids=lambda program: program.__name__)
@pytest.mark.parametrize(('make', 'fault'), PASSING, indirect=['make'])
def test_a_store_that_tries_again_hides_it(make: Callable[[], Store], program: Program, fault: Fault) -> None:
    policy = Policy(pause=0)
    for number in cases(make, program, repeated=False):
        faulty = FaultyStore(prepared(make, program, repeated=False))
        push, is_done = run(faulty, lambda store: RetryingStore(store, policy), program, Once(number, fault))
        assert len(faulty.happened) == 1, number
        look(faulty.inner, push, is_whole=is_done)
        # a part that streams through cannot be sent again; all else is
        assert is_done or faulty.happened[0][0].operation == 'part', faulty.happened
        faulty.inner.close()


# Two nodes


@KINDS
@pytest.mark.parametrize('how', ['patch', 'pieces'])
def test_two_nodes_take_turns_in_one_upload(make: Callable[[], Store], how: str) -> None:
    bucket = make()
    nodes = [node(bucket), node(bucket)]
    asked = 0

    class Balanced(Pusher):
        def ask(self, *request: Any, **more: Any) -> Answer:
            nonlocal asked
            self.client, asked = nodes[asked % 2], asked + 1
            return super().ask(*request, **more)

    push = Balanced(nodes[0])
    for data in (documents.CONFIG, *LAYERS):
        push.blob('app', data, how)
    push.manifest('app', 'v1', IMAGE)
    assert asked >= 10
    look(bucket, push, is_whole=True)
    for client in nodes:
        client.registry.close()


@KINDS
@pytest.mark.parametrize('program', [new, several_platforms, signed], ids=lambda program: program.__name__)
def test_a_push_on_another_node_at_every_call_of_this_one(make: Callable[[], Store], program: Program) -> None:
    """Both succeed, and both are there."""
    for number in cases(make, program, repeated=False):
        bucket = prepared(make, program, repeated=False)
        counting = CountingStore(bucket)
        first, second = node(counting), node(bucket)
        pushes = Pusher(first), Pusher(second)

        def meanwhile(
            operation: str, key: str, work: Callable[[], Any], cut: object = None, *,
            counting: CountingStore = counting, number: int = number, other: Pusher = pushes[1],
        ) -> Any:
            done = CountingStore.intercept(counting, operation, key, work)
            if counting.total == number:
                program(other)
            return done

        counting.reset()
        counting.intercept = meanwhile  # type: ignore[method-assign]
        program(pushes[0])
        for push in pushes:
            look(bucket, push, is_whole=True)
        first.registry.close()
        second.registry.close()
        bucket.close()
