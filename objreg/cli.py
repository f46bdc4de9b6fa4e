"""The command ``objreg``.  Exit status: 0 all is well, 1 it failed, 2 the command line is wrong."""

from __future__ import annotations

import json
import logging
import sys
from functools import partial
from importlib.metadata import version
from typing import Any

import click
from click.shell_completion import ShellComplete, get_completion_class
from rich.console import Console

from objreg import check, pipeline, server
from objreg.commands.audit import audit
from objreg.commands.failure import Failed
from objreg.commands.hub_keys import hub_keys
from objreg.commands.imports import import_
from objreg.commands.named import paste_file
from objreg.commands.org import org
from objreg.commands.quota import quota
from objreg.commands.repo import repo
from objreg.commands.robot import robot
from objreg.commands.store import store
from objreg.commands.store_check import check as check_store
from objreg.commands.team import team
from objreg.commands.token import token
from objreg.commands.user import user
from objreg.commands.webhook import webhook
from objreg.config import ConfigError
from objreg.logs import configure
from objreg.server.metrics import counted_together
from objreg.store import StoreError

PASTE = click.argument('paste_ini', required=False, type=click.Path(dir_okay=False), metavar='[PASTE.INI]')


@click.group(context_settings={'help_option_names': ['-h', '--help'], 'max_content_width': 100})
@click.version_option(version('objreg'), prog_name='objreg')
def main() -> None:
    """A container registry on an object store.

    \b
    Examples:
      objreg serve                          a registry on 127.0.0.1:5000, in the folder ./var
      objreg check-config /etc/objreg/paste.ini
      objreg store check                    whether the store is good enough
      objreg store du                       what each repository holds
      objreg import distribution old        what another registry holds
      objreg user add alice --admin         somebody who may do everything
      objreg org add acme --owner alice     a name that several people own
      eval "$(objreg completion bash)"
    """


@main.command()
@PASTE
@click.option('--host', help='Listen on this address.  [server:main] host, else 127.0.0.1')
@click.option('--port', help='Listen on this port.  [server:main] port, else 5000')
@click.option('--unix', help='Listen on this path instead.')
@click.option('--workers', help='How many processes, or auto.')
@click.option('--threads', help='How many requests a process works on at a time, or auto.')
@click.option('--quiet', is_flag=True, help='Print no more than warnings.')
def serve(paste_ini: str | None, quiet: bool, **given: str | None) -> None:
    """Serve the pipeline of PASTE.INI: ./paste.ini, or else the one that comes with objreg.

    \b
    Examples:
      objreg serve
      DATA=/srv/registry objreg serve --host 0.0.0.0 --port 80
      objreg serve /etc/objreg/paste.ini --workers 4

    SIGTERM ends it when its transfers have ended, SIGHUP makes it read secrets and keys again.
    """
    path = paste_file(paste_ini)
    try:
        configure(path, quiet=quiet)
        with counted_together():
            application = pipeline.load(path)
            options = pipeline.server_options(path) | {name: text for name, text in given.items() if text is not None}
            wanted = server.settings(application, **options)
            pipeline.start(application)
            status = server.serve(application, wanted, partial(_greet, path, application, wanted, quiet))
    except (ConfigError, StoreError) as error:
        raise Failed(str(error)) from error
    sys.exit(status)


def _greet(path: str, application: Any, wanted: server.Settings, quiet: bool, sockets: list[Any]) -> None:
    """Where it serves, what, and what to try first."""
    if quiet:
        return
    port = wanted.port or (0 if wanted.unix else sockets[0].getsockname()[1])
    names = ' > '.join(getattr(layer, 'name', type(layer).__name__.lower()) for layer in pipeline.layers(application))
    local = f'localhost:{port}'
    lines = [f'[bold]objreg {version("objreg")}[/bold] serves {server.address(wanted, port)}']
    for registry in pipeline.registries(application):
        lines.append(f'  store     {registry.store.name}: {registry.where}')
    for layer in pipeline.layers(application):
        if who := getattr(layer, 'who', ''):
            lines.append(f'  open to   {who}')
        hint = getattr(layer, 'hint', None)
        if hint is not None and (told := hint(server.reached(wanted, port))):
            lines.append(f'  accounts  {told}')
    lines += [
        f'  pipeline  {names} ({path})',
        f'  process   {wanted.workers} of {wanted.threads} threads',
        f'  try       docker pull busybox && docker tag busybox {local}/busybox && docker push {local}/busybox',
    ]
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line)


@main.command('check-config')
@PASTE
@click.option('--offline', is_flag=True, help='Ask no store and no other server.')
@click.option('--json', 'as_json', is_flag=True, help='Print {"ok": …, "problems": […], "checked": […]}.')
def check_config(paste_ini: str | None, offline: bool, as_json: bool) -> None:
    """Check each section, option and store of PASTE.INI and of its stores.yml; a line for each problem.

    \b
    Examples:
      objreg check-config
      objreg check-config /etc/objreg/paste.ini --offline
      objreg check-config --json | jq .problems
    """
    configure(None, quiet=True)
    logging.disable(logging.WARNING)
    found = check.check(paste_file(paste_ini), offline=offline)
    if as_json:
        click.echo(json.dumps({'ok': not found.problems, 'problems': found.problems, 'checked': found.checked}))
    else:
        for line in found.problems:
            click.echo(line, err=True)
        for line in found.checked:
            click.echo(f'ok: {line}')
    sys.exit(1 if found.problems else 0)


@main.command()
@click.argument('shell', type=click.Choice(['bash', 'zsh', 'fish']))
def completion(shell: str) -> None:
    """Print what makes SHELL complete the options of objreg.

    \b
    Examples:
      eval "$(objreg completion bash)"
      objreg completion fish > ~/.config/fish/completions/objreg.fish
    """
    kind = get_completion_class(shell) or ShellComplete
    click.echo(kind(main, {}, 'objreg', '_OBJREG_COMPLETE').source())


for command in (audit, hub_keys, import_, org, quota, repo, robot, store, team, token, user, webhook):
    main.add_command(command)
store.add_command(check_store)
