"""Runs the contract suite of `objreg.testing` on a store, each promise under a prefix of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import pytest

from objreg.checking.findings import Finding, State
from objreg.checking.run import left_by
from objreg.checking.scratch import Bounds, Scratch
from objreg.store import Store
from objreg.testing import of_a_store
from objreg.wrap.prefix import PrefixStore

_WITHOUT = ('cacheprovider', 'randomly', 'terminal', 'xdist')
_ALONE = ('-c', os.devnull, '--noconftest', '-s', *(f'-pno:{plugin}' for plugin in _WITHOUT))
"""Without the configuration and the plugins of whatever lies around, and without a word."""


def run(store: Store, seconds: float, progress: Callable[[str], None]) -> list[Finding]:
    """What became of each promise; after so many seconds, and by Ctrl-C, it ends early, with a finding that says so."""
    scratch = Scratch(store, Bounds(seconds=float('inf'), calls=sys.maxsize))
    plugin = _Plugin(scratch, time.monotonic() + seconds, progress)
    try:
        status = pytest.main([*_ALONE, of_a_store.__file__], plugins=[plugin])
    except Exception:
        if not plugin.ended:  # what an interrupted test leaves is an error to its fixtures
            raise
    else:
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            plugin.ended = plugin.ended or f'pytest ended with {status}'
    finally:
        plugin.findings += left_by(scratch)
    if plugin.ended:
        plugin.findings.append(Finding('contract: the rest', State.WRONG, plugin.ended, 'nothing is known of it'))
    return plugin.findings


class _Plugin:
    """What pytest is told, and what it tells."""

    def __init__(self, scratch: Scratch, until: float, progress: Callable[[str], None]) -> None:
        self.findings: list[Finding] = []
        self.ended = ''
        self._scratch = scratch
        self._until = until
        self._progress = progress

    @pytest.fixture(name='store')
    def empty(self) -> Store:
        """A prefix of the store, where the content of an unfinished upload would lie."""
        return PrefixStore(store=self._scratch, path=self._scratch.content())

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._progress(_title(nodeid))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Whether there is time for it."""
        if time.monotonic() > self._until:
            self.ended = 'the time was not enough; allow more by --seconds'
            item.session.shouldstop = self.ended
            pytest.skip(self.ended)

    def pytest_keyboard_interrupt(self) -> None:
        """It was ended by Ctrl-C, or by itself."""
        self.ended = self.ended or 'interrupted'

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test ended, or what comes before or after it."""
        if report.failed:
            self.findings.append(Finding(_title(report.nodeid), State.WRONG, _reason(report), 'a promise is broken'))
        elif report.when == 'call' and report.passed:
            self.findings.append(Finding(_title(report.nodeid), State.OK, 'it is kept', ''))


def _title(nodeid: str) -> str:
    return f'contract: {nodeid.rpartition("::test_")[2].replace("_", " ")}'


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, 'reprcrash', None)
    return ' '.join(str(crash.message if crash else report.longrepr).split())[:300]
