"""Programs that stop before each call to a store, so that a test chooses who goes on: every interleaving, one by one.

Time stands still while somebody works, and passes when the schedule says so: to when the next sleeper wakes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Semaphore, Thread, local
from typing import Any

from objreg.hub.claims import Clock
from objreg.store import Body, NotFound, Store
from objreg.testing.faults import InterceptedStore, Stop

TICK = -1
"""The choice to let time pass."""


@dataclass
class Program:
    """One of those that run at the same time."""

    function: Callable[[], Any]
    result: Any = None
    wakes: float = 0.0
    is_done: bool = False
    calls: int = 0
    go: Semaphore = field(default_factory=lambda: Semaphore(0))
    paused: Semaphore = field(default_factory=lambda: Semaphore(0))


class Stage(Clock):
    """Where programs run; also the clock that they look at."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.programs: list[Program] = []
        self._here = local()

    def time(self) -> float:
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self.pause(seconds)

    def pause(self, seconds: float = 0.0) -> None:
        """Wait to be chosen, no sooner than in so many seconds; outside a program time passes at once."""
        me: Program | None = getattr(self._here, 'program', None)
        if me is None:
            self.now += seconds
            return
        me.wakes = self.now + seconds
        me.paused.release()
        me.go.acquire()

    @property
    def me(self) -> int:
        """The number of the program that asks; -1 outside of any."""
        program = getattr(self._here, 'program', None)
        return -1 if program is None else next(n for n, one in enumerate(self.programs) if one is program)

    def add(self, function: Callable[[], Any]) -> None:
        """Another program; its result, or what it raised, is in `results`."""
        program = Program(function)
        self.programs.append(program)

        def work() -> None:
            self._here.program = program
            program.go.acquire()
            try:
                program.result = function()
            except BaseException as error:  # a program that was stopped has ended, too
                program.result = error
            program.is_done = True
            program.paused.release()

        Thread(target=work, daemon=True).start()

    def choices(self) -> list[int]:
        """Who can go on; `TICK` where somebody sleeps."""
        left = [number for number, one in enumerate(self.programs) if not one.is_done]
        awake = [number for number in left if self.programs[number].wakes <= self.now]
        return [*awake, TICK] if len(awake) < len(left) else awake

    def take(self, choice: int) -> None:
        """One step."""
        if choice == TICK:
            self.now = min(one.wakes for one in self.programs if not one.is_done and one.wakes > self.now)
            return
        program = self.programs[choice]
        program.go.release()
        program.paused.acquire()

    @property
    def results(self) -> list[Any]:
        """What became of each."""
        return [one.result for one in self.programs]


def schedules(run: Callable[[], Stage], preemptions: int) -> Iterator[Stage]:
    """A stage after each way to run it in which nobody is interrupted oftener than that; `run` sets the stage."""
    waiting: list[list[int]] = [[]]
    while waiting:
        prefix = waiting.pop()
        stage, taken, spent, last = run(), [], 0, TICK
        while choices := stage.choices():
            usual = last if last in choices else choices[0]
            if len(taken) < len(prefix):
                choice = prefix[len(taken)]
            else:
                choice = usual
                if spent < preemptions or usual != last:
                    waiting += [[*taken, other] for other in choices if other != usual]
            spent += choice != usual and usual == last
            stage.take(choice)
            taken.append(choice)
            last = choice
        yield stage


Rule = Callable[[int, str, str, Callable[[], Any]], Any]
"""Of a program, an operation, a key and the work: what becomes of it."""


class SteppedStore(InterceptedStore):
    """Stops before each call.  Create-if-absent is two steps, between which others may do the same, as in Swift."""

    def __init__(self, inner: Store, stage: Stage, rule: Rule | None = None) -> None:
        super().__init__(inner)
        self._stage = stage
        self._rule = rule

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        if if_absent:
            with contextlib.suppress(NotFound):
                self.stat(key)
                return self.intercept('put', key, lambda: self.inner.put(key, body, size, if_absent=True))
        return self.intercept('put', key, lambda: self.inner.put(key, body, size))

    def intercept(
        self, operation: str, key: str, work: Callable[[], Any], cut: Callable[[], Any] | None = None
    ) -> Any:
        self._stage.pause()
        if self._rule is None:
            return work()
        return self._rule(self._stage.me, operation, key, work)


class AtomicSteppedStore(SteppedStore):
    """The same, with a create-if-absent that is one step."""

    def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
        self.intercept('put', key, lambda: self.inner.put(key, body, size, if_absent=if_absent))


__all__ = ['TICK', 'AtomicSteppedStore', 'Stage', 'SteppedStore', 'Stop', 'schedules']
