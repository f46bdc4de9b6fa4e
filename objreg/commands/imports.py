"""``objreg import``: takes what another registry holds."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from rich import progress

from objreg.commands.failure import Failed
from objreg.commands.named import JSON, STORES, complete, opened
from objreg.commands.shown import console, printable, size_of
from objreg.imports import distribution
from objreg.imports.credentials import Credentials
from objreg.imports.docker_v1 import ImportingV1
from objreg.imports.http import Http
from objreg.imports.remote import RemoteRegistry
from objreg.imports.report import NotTaken, Report
from objreg.imports.repositories import Importing, Wanted
from objreg.imports.tree_v1 import TreeV1
from objreg.logs import configure
from objreg.registry import Registry

Command = TypeVar('Command', bound=Callable[..., Any])
_MOST_LINES = 100
"""Of what was not taken, for people; ``--json`` tells all."""

INTO = click.option('--into', default='default', show_default=True, shell_complete=complete, metavar='STORE',
                    help='The store of the registry that takes it.')
REPOSITORY = click.option('--repository', 'patterns', multiple=True, metavar='PATTERN',
                          help='Only these, with * and ?; may be given several times.')
JOBS = click.option('--jobs', type=click.IntRange(1, 64), default=8, show_default=True,
                    help='Manifests that are taken at a time, with what they name.')
DRY_RUN = click.option('--dry-run', is_flag=True, help='Look at everything, and write nothing.')
VERIFY = click.option('--verify', type=click.Choice(['none', 'sample', 'all']), default='none', show_default=True,
                      help='Which blobs are read and hashed though the stores copy them by themselves.')
SPARSE = click.option('--sparse', is_flag=True, help='Take an index also without images that are not there.')


@click.group('import')
def import_() -> None:
    """Take what another registry holds into a store of objreg's, while both are in use.

    An import that was interrupted is simply started again, and one that is repeated takes what came since.

    \b
    Examples:
      objreg import distribution old --dry-run
      objreg import distribution old --into default
      objreg import docker-registry-v1 older --root registry
      objreg import registry https://registry.example.net
    """
    configure(None, quiet=True)


def common(command: Command) -> Command:
    """What all imports have."""
    for option in (JSON, DRY_RUN, JOBS, REPOSITORY, INTO, STORES):
        command = option(command)
    return command


@import_.command('distribution')
@click.argument('store', shell_complete=complete)
@click.option('--root', default=distribution.ROOT, show_default=True, metavar='PATH',
              help='Where its tree begins; above v2.')
@VERIFY
@SPARSE
@common
def import_distribution(
    store: str, *, root: str, verify: Any, sparse: bool, stores_yml: str | None, into: str, patterns: tuple[str, ...],
    jobs: int, dry_run: bool, as_json: bool,
) -> None:
    """Take a registry of the CNCF's (distribution, docker "registry:2" and ":3") from its store STORE.

    STORE is described in stores.yml; a folder of that registry is `driver: folder`.  Where it and the other store are
    on one server with the same credentials, the server copies the blobs, and only manifests pass here.  Manifests are
    always verified; so are blobs that pass here, and with --verify those that do not.  A tag that was pushed to objreg
    since stays as it is.  Exit status 1: something could not be taken, or it failed.

    \b
    Examples:
      objreg import distribution old --dry-run
      objreg import distribution old --jobs 32
      objreg import distribution old --repository 'team/*' --verify all
      objreg import distribution old --json | jq '.left'
    """
    _check_two(store, into)
    with opened(stores_yml, store) as source, opened(stores_yml, into) as target, told(dry_run, as_json) as report:
        source.check()
        tree = distribution.Tree(source, root, verify=verify)
        Importing(Registry(target), Wanted(patterns, sparse, jobs), report).run(tree.repositories())


@import_.command('docker-registry-v1')
@click.argument('store', shell_complete=complete)
@click.option('--root', default='', metavar='PATH', help='Where its tree begins; its storage_path.  [default: the top]')
@common
def import_docker_registry_v1(
    store: str, *, root: str, stores_yml: str | None, into: str, patterns: tuple[str, ...], jobs: int, dry_run: bool,
    as_json: bool,
) -> None:
    """Take a registry of the first version of the API (docker-registry 0.6 to 0.9, in Python) from its store STORE.

    Each tag becomes a manifest for clients of today, and old clients find their images by the same ids.  Every layer
    is read once, to hash it, and compared with the checksum that was kept; where the server can, it copies the bytes.
    Private repositories are private here where there is a hub, and named where there is none.  A tag that was pushed
    to objreg since stays as it is.  Exit status 1: something could not be taken, or it failed.

    \b
    Examples:
      objreg import docker-registry-v1 old --dry-run
      objreg import docker-registry-v1 old --root registry --jobs 16
      objreg import docker-registry-v1 old --repository 'team/*' --json | jq '.left'
    """
    _check_two(store, into)
    with opened(stores_yml, store) as source, opened(stores_yml, into) as target, told(dry_run, as_json) as report:
        source.check()
        ImportingV1(Registry(target), TreeV1(source, root, report), Wanted(patterns, jobs=jobs), report).run()


@import_.command('registry')
@click.argument('url')
@click.option('--user', default='', metavar='NAME', help='Log in as; the password is asked for.')
@click.option('--password-file', type=click.File(), metavar='FILE', help='Where the password is; - for standard input.')
@click.option('--ca-bundle', type=click.Path(exists=True, dir_okay=False), metavar='FILE',
              help='The certificates to trust.')
@SPARSE
@common
def import_registry(
    url: str, *, user: str, password_file: Any, ca_bundle: str | None, sparse: bool, stores_yml: str | None, into: str,
    patterns: tuple[str, ...], jobs: int, dry_run: bool, as_json: bool,
) -> None:
    """Take the registry at URL, whatever it is, by the API: its tags, what they name, and what refers to that.

    All of its catalog, or what --repository names where it shows none.  Everything passes here and is verified.  A
    manifest without a tag is taken only where an index or a referrer leads to it.  The password is best in a file or
    in the environment (OBJREG_IMPORT_PASSWORD).  Exit status 1: something could not be taken, or it failed.

    \b
    Examples:
      objreg import registry https://registry.example.net --dry-run
      objreg import registry https://registry.example.net --user alice --password-file /run/secrets/alice
      objreg import registry https://registry-1.docker.io --repository library/busybox
    """
    password = ''
    if user:
        given = password_file.read().rstrip('\r\n') if password_file else os.environ.get('OBJREG_IMPORT_PASSWORD')
        password = click.prompt('Password', hide_input=True, err=True) if given is None else given
    with opened(stores_yml, into) as target, told(dry_run, as_json) as report:
        http = Http(url, Credentials(user, password), ca_bundle=ca_bundle or '', pool=jobs)
        wanted = Wanted(patterns, sparse, jobs)
        try:
            found = RemoteRegistry(http, dry_run=dry_run).repositories(wanted)
            Importing(Registry(target), wanted, report).run(found)
        except NotTaken as error:
            raise Failed(str(error)) from error
        finally:
            http.close()


def _check_two(store: str, into: str) -> None:
    if store == into:
        raise click.UsageError('It would take a store into itself; say --into.')


@contextmanager
def told(dry_run: bool, as_json: bool) -> Iterator[Report]:
    """A report that is shown while it grows, and printed in the end, which is that of the command."""
    with _bar() as bar:
        task = bar.add_task('', total=None)
        report = Report(dry_run=dry_run, on_change=lambda now: bar.update(task, description=_line(now)))
        yield report
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        _tell(report)
    sys.exit(1 if report.left else 0)


def _line(report: Report) -> str:
    return (
        f'{report.repositories} repositories, {report.manifests} manifests, {report.tags} tags, {report.blobs} blobs'
        f' of {size_of(report.bytes)}'
    )


def _tell(report: Report) -> None:
    done = 'would be taken' if report.dry_run else 'taken'
    images = f', {report.images} images' if report.images else ''
    click.echo(
        f'{_line(report)}{images} {done} in {report.seconds:.0f} s; {size_of(report.on_server)} copied by the server;'
        f' {report.present} manifests were here, {len(report.kept)} tags stay as they are here'
    )
    for tag in sorted(report.kept)[:_MOST_LINES]:
        click.echo(f'stays: {printable(tag)}: it was pushed here since')
    for line in report.notes:
        click.echo(printable(line))
    for what, why in sorted(report.left)[:_MOST_LINES]:
        click.echo(f'not taken: {printable(what)}: {printable(why)}', err=True)
    if len(report.left) > _MOST_LINES:
        click.echo(f'not taken: {len(report.left) - _MOST_LINES} more; --json tells all', err=True)


def _bar() -> progress.Progress:
    screen = console()
    return progress.Progress(
        progress.SpinnerColumn(), progress.TextColumn('{task.description}'), progress.TimeElapsedColumn(),
        console=screen, disable=not screen.is_terminal, transient=True,
    )
