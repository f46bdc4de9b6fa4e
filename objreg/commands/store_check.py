"""``objreg store check``: whether a store is good enough, and what objreg makes of it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich import progress

from objreg import stores
from objreg.checking.findings import Finding, Report, State, Timing
from objreg.checking.run import PROBES, is_writable
from objreg.checking.run import check as check_store
from objreg.checking.scratch import Bounds
from objreg.commands.failure import Misconfigured
from objreg.commands.named import JSON, NAME, STORES, opened, stores_file
from objreg.commands.shown import console, printable, size_of
from objreg.config import ConfigError, as_seconds, as_size
from objreg.store import Store

_STYLES = {State.OK: 'green', State.LIMITED: 'yellow', State.WRONG: 'red', State.SKIPPED: 'bright_black'}


def _size(context: click.Context, parameter: click.Parameter, text: str) -> int:
    try:
        size = as_size(text)
    except ConfigError as error:
        raise click.BadParameter(str(error), context, parameter) from error
    if not 1 <= size <= 5 * 1024**3:
        raise click.BadParameter('is between 1 B and 5 GiB', context, parameter)
    return size


def _seconds(context: click.Context, parameter: click.Parameter, text: str) -> float:
    try:
        return as_seconds(text)
    except ConfigError as error:
        raise click.BadParameter(str(error), context, parameter) from error


@click.command('check')
@NAME
@STORES
@click.option('--read-only', is_flag=True, help='Write nothing: try only what needs no writing.')
@click.option('--contract', is_flag=True, help="Also run the tests of drivers; needs 'objreg[testing]'.")
@click.option('--size', default='20 MiB', show_default=True, callback=_size, help='The largest object.')
@click.option('--rounds', type=click.IntRange(1, 1000), default=5, show_default=True, help='How often each is tried.')
@click.option('--racers', type=click.IntRange(2, 64), default=8, show_default=True,
              help='Writers that race for a key.')
@click.option('--seconds', default='2 min', show_default=True, callback=_seconds, help='How long it may take.')
@click.option('--calls', type=click.IntRange(1), default=5000, show_default=True, help='How many calls it may make.')
@JSON
def check(
    name: str, *, stores_yml: str | None, read_only: bool, contract: bool, size: int, rounds: int, racers: int,
    seconds: float, calls: int, as_json: bool,
) -> None:
    """Try the store NAME: what it keeps of the promises, what its driver declares, how fast it is.

    It writes under `system/scratch/` and `uploads/` only, and deletes what it wrote, also when Ctrl-C ends it.  Exit
    status 0: all is as declared; 1: something differs or fails; 2: the command line or the configuration is wrong.

    \b
    Examples:
      objreg store check
      objreg store check new --size 200MiB --rounds 20
      objreg store check production --read-only
      objreg store check new --contract --seconds 20min
      objreg store check --json | jq '.findings[] | select(.state == "wrong")'
    """
    if contract and read_only:
        raise click.UsageError('--contract writes, and --read-only does not.')
    bounds = Bounds(size=size, rounds=rounds, racers=racers, seconds=seconds, calls=calls)
    with opened(stores_yml, name, misconfigured=Misconfigured) as store:
        what = stores.describe(stores_file(stores_yml), name)
        promises = _contract() if contract else None
        with _shown(len(PROBES) + 1) as tell:
            report = check_store(store, bounds, read_only=read_only, progress=tell)
            if promises is not None and is_writable(report):
                began = time.monotonic()
                report.findings += promises(store, seconds - report.seconds, tell)
                report.seconds += time.monotonic() - began
    if as_json:
        click.echo(json.dumps({'store': name, 'what': what, **report.as_json()}))
    else:
        _tell(report, name, what)
    sys.exit(0 if report.ok else 1)


def _contract() -> Callable[[Store, float, Callable[[str], None]], list[Finding]]:
    try:
        from objreg.checking.contract import run
    except ImportError as error:
        raise Misconfigured("--contract needs what is not installed: pip install 'objreg[testing]'") from error
    return run


def _tell(report: Report, name: str, what: str) -> None:
    click.echo(f'{name}: {printable(what)}\n')
    width = min(48, max(len(finding.probe) for finding in report.findings)) + 2
    for finding in report.findings:
        _tell_finding(finding, width)
    click.echo(f'\n{"calls":<24}{"times":>7}{"median":>12}{"max":>12}{"rate":>14}')
    for timing in report.calls:
        click.echo(_line(timing))
    verdict = 'good enough' if report.ok else f'{report.wrong} to mend'
    click.echo(f'\n{name}: {verdict} ({report.seconds:.0f} s)')


def _tell_finding(finding: Finding, width: int) -> None:
    state = click.style(f'{finding.state:<9}', fg=_STYLES[finding.state])
    click.echo(f'{state}{finding.probe:<{width - 1}} {printable(finding.found)}')
    if finding.meaning:
        click.echo(f'{"":{9 + width}}{printable(finding.meaning)}')


def _line(timing: Timing) -> str:
    call = f'{timing.call} of {size_of(timing.size)}' if timing.size else timing.call
    rate = '' if timing.rate is None else f'{size_of(timing.rate)}/s'
    return f'{call:<24}{timing.times:>7}{_milliseconds(timing.median):>12}{_milliseconds(timing.max):>12}{rate:>14}'


def _milliseconds(seconds: float) -> str:
    return f'{seconds * 1000:.{1 if seconds >= 0.001 else 3}f} ms'


@contextmanager
def _shown(steps: int) -> Iterator[Callable[[str], None]]:
    """A bar, moved by each call with the name of what comes next; nothing where nobody looks."""
    screen = console()
    columns = (progress.BarColumn(), progress.TextColumn('{task.description}'), progress.TimeElapsedColumn())
    with progress.Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True) as bar:
        task = bar.add_task('', total=steps)

        def tell(title: str) -> None:
            bar.update(task, description=title, advance=1)

        yield tell
