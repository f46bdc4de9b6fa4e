"""An import: repository after repository of the second version of the API, as a push writes them.

Nothing is written down about an import.  What is here is not taken again (`objreg.imports.taking`); so one that was
interrupted goes on where it was, and one that is repeated takes what came since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

from objreg.imports.bounded import Bounded
from objreg.imports.contents import Contents
from objreg.imports.report import Report
from objreg.imports.taking import OldRepository, Taking, With
from objreg.names import check_name
from objreg.registry import Registry

Given = TypeVar('Given')
Got = TypeVar('Got')


@dataclass(frozen=True)
class Wanted:
    """What is to be taken, and how."""

    patterns: tuple[str, ...] = ()
    """Names of repositories, with ``*`` and ``?``; none: all."""
    sparse: bool = False
    """Whether an index is taken without manifests that are not there."""
    jobs: int = 8

    def wants(self, name: str) -> bool:
        """Whether that repository is."""
        return not self.patterns or any(fnmatchcase(name, pattern) for pattern in self.patterns)


class Importing:
    """An import into a registry."""

    def __init__(self, registry: Registry, wanted: Wanted, report: Report) -> None:
        self.registry, self.wanted, self.report = registry, wanted, report
        self._with = With(Contents(registry.store, report), report, self.each, wanted.sparse)
        self._manifests = ThreadPoolExecutor(wanted.jobs, 'objreg-manifests')

    def run(self, repositories: Iterator[OldRepository]) -> Report:
        """Take them all."""
        began = time.monotonic()
        if not self.report.dry_run:
            self.registry.start()
        wanted = (one for one in repositories if self.wanted.wants(one.name))
        try:
            with ThreadPoolExecutor(self.wanted.jobs, 'objreg-repositories') as pool:
                waiting = Bounded(pool, 2 * self.wanted.jobs)
                for old in wanted:
                    waiting.submit(lambda old=old: self._take(old))  # type: ignore[misc]
                waiting.finish()
        finally:
            self._manifests.shutdown(cancel_futures=True)
            self.report.seconds = time.monotonic() - began
        return self.report

    def _take(self, old: OldRepository) -> None:
        with self.report.taking(old.name):
            check_name(old.name)
            Taking(old, self.registry.repository(old.name), self._with).run()
            self.report.count(repositories=1)

    def each(self, function: Callable[[Given], Got], items: Iterable[Given]) -> list[Got]:
        """`function` of each item, some at a time."""
        return list(self._manifests.map(function, items))
