"""``objreg store``: set a store up, try it, look into it, measure it, copy it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from rich import progress
from rich.console import Console
from rich.table import Table

from objreg.commands.failure import Failed
from objreg.commands.named import JSON, NAME, STORES, complete, opened
from objreg.commands.shown import console, printable, size_of
from objreg.config import ConfigError, as_seconds
from objreg.copying import Copying, Summary
from objreg.logs import configure
from objreg.store import Entry, NotFound
from objreg.usage import measure


@click.group()
def store() -> None:
    """Set stores up, try them, look into them, measure and copy them.

    \b
    Examples:
      objreg store setup default
      objreg store check default
      objreg store ls default repositories/
      objreg store du default
      objreg store copy old new
    """
    configure(None, quiet=True)


@store.command()
@NAME
@STORES
@click.option('--rotate', is_flag=True, help='Replace what signs URLs; those of before stay valid until the next time.')
def setup(name: str, stores_yml: str | None, rotate: bool) -> None:
    """Make what the store NAME needs before its first use, and check that it can be used.

    \b
    Examples:
      objreg store setup
      objreg store setup swift --rotate
    """
    with opened(stores_yml, name) as found:
        for line in found.setup(rotate=rotate):
            click.echo(line)
        click.echo(f'{name}: ready')


def _age(_: click.Context, __: click.Parameter, value: str) -> float:
    try:
        return as_seconds(value)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from error


@store.command()
@NAME
@STORES
@click.option('--older-than', default='8 days', show_default=True, callback=_age, metavar='AGE',
              help='More than an upload may take: "8 days", "12 h".')
@JSON
def sweep(name: str, stores_yml: str | None, older_than: float, as_json: bool) -> None:
    """Delete what no listing of the store NAME shows and nobody can use any more: parts of uploads that were left.

    Most stores clear such parts away by themselves; then there is nothing to delete.

    \b
    Examples:
      objreg store sweep
      objreg store sweep swift --older-than '2 days'
    """
    with opened(stores_yml, name) as found, _working('looking'):
        count = found.sweep(older_than)
    click.echo(json.dumps({'deleted': count}) if as_json else f'{name}: {count} pieces deleted')


@store.command('ls')
@NAME
@click.argument('prefix', default='')
@STORES
@click.option('-l', '--long', 'detail', is_flag=True, help='With size and time.')
@click.option('-r', '--recursive', is_flag=True, help='All keys, not only as far as the next slash.')
@JSON
def list_keys(
    name: str, prefix: str, *, stores_yml: str | None, detail: bool, recursive: bool, as_json: bool
) -> None:
    """List the keys of the store NAME that begin with PREFIX.

    \b
    Examples:
      objreg store ls default catalog/ -r
      objreg store ls default repositories/team/app/ -l
      objreg store ls default --json -r | jq .key
    """
    with opened(stores_yml, name) as found:
        for entry in found.list(prefix, delimiter='' if recursive else '/', detail=detail or as_json):
            click.echo(_line(entry, detail, as_json))


def _line(entry: Entry, detail: bool, as_json: bool) -> str:
    if as_json:
        return json.dumps({'key': entry.key, 'size': entry.size, 'modified': entry.modified})
    if not detail:
        return printable(entry.key)
    size = '-' if entry.size is None else str(entry.size)
    time = '-' if entry.modified is None else f'{datetime.fromtimestamp(entry.modified, UTC):%Y-%m-%dT%H:%M:%SZ}'
    return f'{size:>14} {time:>20} {printable(entry.key)}'


@store.command()
@click.argument('name', shell_complete=complete)
@click.argument('key')
@STORES
def cat(name: str, key: str, stores_yml: str | None) -> None:
    """Write the object KEY of the store NAME to standard output, as it is.

    \b
    Examples:
      objreg store cat default system/format
      objreg store cat default repositories/team/app/_tags/latest | jq -r .data | base64 -d
    """
    with opened(stores_yml, name) as found:
        try:
            content = found.get(key)
        except NotFound as error:
            raise Failed(f'{name}: there is no {printable(key)}') from error
        with content:
            for chunk in content:
                sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


@store.command()
@NAME
@click.argument('repositories', nargs=-1)
@STORES
@JSON
def du(name: str, repositories: tuple[str, ...], stores_yml: str | None, as_json: bool) -> None:
    """How many bytes each repository of the store NAME holds, shared ones told apart.

    A blob that several repositories have is stored once; it is in the line `shared` of each, and once in the total.

    \b
    Examples:
      objreg store du
      objreg store du default team/app team/web
      objreg store du --json | jq .total
    """
    with opened(stores_yml, name) as found, _working('listing'):
        usages, total = measure(found)
    if missing := set(repositories) - {usage.repository for usage in usages}:
        raise Failed(f'{name}: there is no repository {min(missing)!r}')
    usages = [usage for usage in usages if not repositories or usage.repository in repositories]
    if as_json:
        click.echo(json.dumps({'repositories': [usage.as_json() for usage in usages], 'total': total.as_json()}))
        return
    table = Table('repository', box=None)
    for heading in ('blobs', 'own', 'shared', 'names'):
        table.add_column(heading, justify='right')
    for usage in usages:
        table.add_row(usage.repository, str(usage.blobs), *map(size_of, (usage.own, usage.shared, usage.names)))
    Console(highlight=False, soft_wrap=True).print(table)
    click.echo(
        f'{total.blobs} blobs, {size_of(total.size)}, of which {size_of(total.unreferenced)} belong to no repository;'
        f' {size_of(total.names)} of names'
    )


@store.command()
@click.argument('source', shell_complete=complete)
@click.argument('target', shell_complete=complete)
@STORES
@click.option('--jobs', type=click.IntRange(1, 64), default=8, show_default=True, help='Objects copied at a time.')
@click.option('--passes', type=click.IntRange(1, 100), default=3, show_default=True,
              help='How often to look for what came meanwhile; fewer when a pass finds nothing.')
@click.option('--delete', is_flag=True, help='Delete from TARGET the names that SOURCE does not have (never content).')
@click.option('--verify', is_flag=True, help='Read and hash all content, also what the stores can copy by themselves.')
@click.option('--dry-run', is_flag=True, help='Only say what would be copied.')
@JSON
def copy(
    source: str, target: str, *, stores_yml: str | None, jobs: int, passes: int, delete: bool, verify: bool,
    dry_run: bool, as_json: bool,
) -> None:
    """Copy the registry in the store SOURCE to the store TARGET, while it is in use.

    What TARGET has is not copied again, so a copy that was interrupted is simply started again.  Where both stores are
    on one server with the same credentials, the server copies content by itself.  What passes here, and with --verify
    all of it, is verified by its digest; what is damaged is told, and the rest copied.  Unfinished uploads are not
    copied.  Exit status 1: something was damaged, or it failed.

    \b
    Examples:
      objreg store copy old new --dry-run
      objreg store copy old new
      objreg store copy old new --verify
      objreg store copy old new --passes 1 --delete --json
    """
    if source == target:
        raise click.UsageError('SOURCE and TARGET are the same store.')
    with opened(stores_yml, source) as one, opened(stores_yml, target) as other, _bar() as bar:
        task = bar.add_task('copying', total=0, objects=0)
        found = {'objects': 0, 'bytes': 0, 'done': 0}

        def tell(objects: int, size: int) -> None:
            if objects > 0:
                found['objects'] += objects
                found['bytes'] += size
                bar.update(task, total=found['bytes'])
            else:
                found['done'] -= objects
                bar.update(task, advance=-size, objects=found['done'])

        copying = Copying(one, other, jobs=jobs, delete=delete, dry_run=dry_run, verify=verify, progress=tell)
        summary = copying.run(passes)
    if as_json:
        click.echo(json.dumps(summary.as_json()))
    else:
        _tell(summary, source, target)
    sys.exit(1 if summary.damaged else 0)


def _tell(summary: Summary, source: str, target: str) -> None:
    done = 'would be copied' if summary.dry_run else 'copied'
    click.echo(
        f'{source} -> {target}: {summary.copied} objects {done}, {size_of(summary.bytes)}'
        f' ({size_of(summary.on_server)} by the server itself), in {summary.seconds:.0f} s and {summary.passes} passes;'
        f' {summary.present} were there, {summary.deleted} deleted,'
        f' {summary.waiting} tags wait for another pass, {summary.vanished} were deleted meanwhile,'
        f' {len(summary.damaged)} are damaged'
    )
    for line in summary.damaged:
        click.echo(f'damaged, not copied: {printable(line)}', err=True)


def _bar() -> progress.Progress:
    """What is done of what was found so far, and how fast; nothing where nobody looks."""
    screen = console()
    return progress.Progress(
        progress.TextColumn('{task.description}'), progress.BarColumn(), progress.DownloadColumn(binary_units=True),
        progress.TextColumn('{task.fields[objects]} objects'), progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(), console=screen, disable=not screen.is_terminal,
    )


@contextmanager
def _working(what: str) -> Iterator[None]:
    screen = console()
    if not screen.is_terminal:
        yield
        return
    with screen.status(what):
        yield

