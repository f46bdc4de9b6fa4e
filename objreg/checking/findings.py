"""What a check of a store found, for people and for scripts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any, NamedTuple

from objreg.store import Capabilities


class State(StrEnum):
    """How a probe ended."""

    OK = 'ok'
    LIMITED = 'limited'
    """As declared, and less than the best; objreg copes."""
    WRONG = 'wrong'
    """Something to mend."""
    SKIPPED = 'skipped'


class Found(NamedTuple):
    """What a probe found, and what objreg does about it, or what is to be mended."""

    state: State
    found: str
    meaning: str = ''


class Finding(NamedTuple):
    """The same, with the name of the probe."""

    probe: str
    state: State
    found: str
    meaning: str

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return self._asdict()


class Sample(NamedTuple):
    """One call: how many seconds it took, and how many bytes it moved (0: so few that they do not count)."""

    call: str
    seconds: float
    size: int = 0


class Timing(NamedTuple):
    """Calls of the same kind and size together; times in seconds."""

    call: str
    size: int
    times: int
    median: float
    max: float

    @property
    def rate(self) -> float | None:
        """Bytes a second; None where it is the time that counts."""
        return self.size / self.median if self.size and self.median else None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {**self._asdict(), 'bytes_per_second': None if self.rate is None else round(self.rate)}


def timings(samples: Iterable[Sample]) -> list[Timing]:
    """One for each kind and size of calls, in the order of their first ones."""
    grouped: dict[tuple[str, int], list[float]] = {}
    for sample in samples:
        grouped.setdefault((sample.call, sample.size), []).append(sample.seconds)
    return [
        Timing(call, size, len(times), round(median(times), 6), round(max(times), 6))
        for (call, size), times in grouped.items()
    ]


@dataclass
class Report:
    """All of it."""

    declared: Capabilities
    found: dict[str, bool] = field(default_factory=dict)
    """Capabilities as they were seen, by the names of `Capabilities`; what was not looked for is not there."""
    findings: list[Finding] = field(default_factory=list)
    calls: list[Timing] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.wrong

    @property
    def wrong(self) -> int:
        """How many findings are to be mended."""
        return sum(finding.state is State.WRONG for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            'ok': self.ok, 'declared': asdict(self.declared), 'found': self.found,
            'findings': [finding.as_json() for finding in self.findings],
            'calls': [timing.as_json() for timing in self.calls], 'seconds': round(self.seconds, 1),
        }


def late(seconds: float, patience: float) -> str:
    """A lag in words."""
    return f'more than {patience:.0f} s' if math.isinf(seconds) else f'{max(seconds, 0.01):.2g} s'
