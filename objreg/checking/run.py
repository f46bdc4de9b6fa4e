"""The list of all probes, and their running."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from objreg.checking import layers, probes, races
from objreg.checking.findings import Finding, Found, Report, State, timings
from objreg.checking.scratch import Bounds, OverBounds, Scratch
from objreg.store import Store, StoreError
from objreg.wrap import timing


class Probe(NamedTuple):
    """One thing to be tried."""

    title: str
    run: Callable[[Scratch], Found]
    writes: bool
    if_it_fails: str
    """What it means when the store raises an error."""


_UNUSABLE = 'objreg cannot serve from it: mend what the message names'
REACHED = Probe('reached', probes.reached, False, _UNUSABLE)
WRITTEN = Probe('writing', probes.written, True, 'nothing can be pushed, and no node can start on an empty store')
PROBES = (
    REACHED,
    Probe('missing keys', probes.missing_keys, False,
          'whoever asks for what is not there gets an error; on S3 allow s3:ListBucket'),
    Probe('what is there', probes.present, False, 'pulls fail'),
    WRITTEN,
    Probe('small objects', probes.small_objects, True, 'pushes or pulls fail'),
    Probe('odd keys', probes.odd_keys, True, 'something between here and the store does not let them through'),
    Probe('conditional PUT', races.conditional_put, True, 'nothing can be claimed'),
    Probe('replaced objects', races.replaced_objects, True, 'tags cannot be moved'),
    Probe('new and deleted objects', races.new_and_deleted_objects, True, 'pushes or deletions fail'),
    Probe('listings', races.listings, True, 'tags, the catalog and referrers cannot be listed'),
    Probe('pages of listings', races.pages, True, 'tags, the catalog and referrers cannot be listed'),
    Probe('large objects', layers.large_objects, True, 'layers cannot be pushed or pulled'),
    Probe('uploads', layers.uploads, True, 'large layers, and those of unknown length, cannot be pushed'),
    Probe('signed URLs', probes.signed_urls, False, 'pulls by redirect fail: set `redirect = never`'),
    Probe('clock', probes.clock, False, ''),
    Probe('checksums', probes.checksums, True, ''),
)


def check(
    store: Store, bounds: Bounds, *, read_only: bool = False, progress: Callable[[str], None] = lambda title: None,
) -> Report:
    """Try them all, one after another; whatever ends it, nothing is left in the store.

    Ctrl-C ends it early, with a finding that says so.
    """
    began, scratch, report = time.monotonic(), Scratch(store, bounds), Report(store.capabilities)
    try:
        with _failures() as failures:
            for probe in PROBES:
                progress(probe.title)
                if probe.title == 'checksums':
                    report.findings.append(_tried_again(failures))
                state, found, meaning = _blocked(probe, report, read_only) or _run(probe, scratch)
                report.findings.append(Finding(probe.title, state, found, meaning))
    except KeyboardInterrupt:
        report.findings.append(Finding('the rest', State.WRONG, 'interrupted', 'nothing is known of it'))
    finally:
        progress('tidying up')
        report.findings += left_by(scratch)
    report.found, report.calls = scratch.found, timings(scratch.samples)
    report.seconds = time.monotonic() - began
    return report


def is_writable(report: Report) -> bool:
    """Whether anything could be written."""
    return any(finding.probe == WRITTEN.title and finding.state is State.OK for finding in report.findings)


def _blocked(probe: Probe, report: Report, read_only: bool) -> Found | None:
    """Why it need not be tried."""
    failed = {finding.probe for finding in report.findings if finding.state is State.WRONG}
    if REACHED.title in failed:
        return Found(State.SKIPPED, 'it cannot be reached')
    if probe.writes and read_only:
        return Found(State.SKIPPED, 'it would write')
    if probe.writes and WRITTEN.title in failed:
        return Found(State.SKIPPED, 'it cannot be written')
    return None


def _run(probe: Probe, scratch: Scratch) -> Found:
    try:
        return probe.run(scratch)
    except StoreError as error:
        return Found(State.WRONG, ' '.join(str(error).split()) or type(error).__name__, probe.if_it_fails)
    except OverBounds as error:
        return Found(State.WRONG, f'not tried to its end: {error}', 'nothing is known of it')
    except Exception as error:  # it breaks a promise; the other probes are run all the same
        return Found(State.WRONG, f'{type(error).__name__}, which no driver may raise', 'requests would end with a 500')


@contextmanager
def _failures() -> Iterator[Counter[str]]:
    """How calls to drivers end meanwhile, each attempt for itself."""
    outcomes: Counter[str] = Counter()

    def observe(store: str, operation: str, seconds: float, outcome: str) -> None:
        outcomes[outcome] += 1

    timing.observers.append(observe)
    try:
        yield outcomes
    finally:
        timing.observers.remove(observe)


def _tried_again(outcomes: Counter[str]) -> Finding:
    failed, total = outcomes['Unavailable'], outcomes.total()
    if not failed:
        return Finding('failures', State.OK, f'none of {total} calls failed', '')
    return Finding(
        'failures', State.LIMITED, f'{failed} of {total} calls failed',
        'they are tried again (`retry`), which takes its time: look at the log of the store',
    )


def left_by(scratch: Scratch) -> Iterator[Finding]:
    """Tidy up; a finding where that fails."""
    try:
        left = scratch.tidy()
    except KeyboardInterrupt:
        left = scratch.tidy()  # who insists presses it again
    if left:
        yield Finding(
            'tidying up', State.WRONG, f'left behind: {", ".join(left[:3])}{" …" if left[3:] else ""}',
            'delete what begins with the same id; nothing reads it',
        )
