"""The commands of the hub, as they are called: on the bucket, and over HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import click
import pytest
from click.testing import CliRunner, Result

from objreg import keys, pipeline
from objreg.cli import main
from objreg.drivers.file import FileStore

ROOT = Path(__file__).parents[3]

@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a hub that alice, bob and acme are of, and two repositories."""
    folder = tmp_path_factory.mktemp('hub')
    (folder / 'stores.yml').write_text('default: {driver: file, path: "${here}/var", sync: false}\n')
    shutil.copy(ROOT / 'paste.ini', folder / 'paste.ini')
    config = ('--config', str(folder / 'paste.ini'))
    for name in ('alice', 'bob'):
        objreg('user', 'add', name, '--password-stdin', *config, given='correct horse\n')
    objreg('org', 'add', 'acme', '--owner', 'alice', *config)
    store = FileStore(str(folder / 'var'), sync=False)
    for name in ('acme/app', 'bob/tool'):
        store.put(keys.catalog(name), b'{}')
    store.close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the commands are called."""
    shutil.copytree(made, tmp_path / 'here')
    monkeypatch.chdir(tmp_path / 'here')
    monkeypatch.delenv('OBJREG_URL', raising=False)
    monkeypatch.delenv('OBJREG_TOKEN', raising=False)
    return tmp_path / 'here'


def objreg(*arguments: str, status: int = 0, given: str = '') -> Result:
    result = CliRunner().invoke(main, list(arguments), input=given)
    assert result.exit_code == status, result.output
    return result


def told(*arguments: str) -> Any:
    return json.loads(objreg(*arguments, '--json').output)


def commands(group: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, group
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, (*path, name))


def test_each_command_is_told_of_with_an_example() -> None:
    for name in ('audit', 'keys', 'org', 'quota', 'repo', 'robot', 'team', 'webhook'):
        for path, command in commands(main.commands[name], (name,)):
            shown = objreg(*path, '--help').output
            assert f'objreg {path[0]}' in shown.partition('Example')[2], path
            assert all(option.help for option in command.params if isinstance(option, click.Option)), path


def test_organisations(folder: Path) -> None:
    assert [one['name'] for one in told('org', 'list')] == ['acme']
    assert 'acme' in objreg('org', 'list').output
    assert told('org', 'member', 'acme', 'bob', '--role', 'owner')['role'] == 'owner'
    assert [one['user'] for one in told('org', 'members', 'acme')] == ['alice', 'bob']
    assert told('org', 'settings', 'acme', '--members', 'write')['members'] == 'write'
    assert told('org', 'settings', 'acme', '--visibility', 'public')['members'] == 'write'
    assert told('org', 'settings', 'acme', '--visibility', 'default')['visibility'] is None
    assert told('org', 'show', 'acme')['name'] == 'acme'
    objreg('org', 'remove', 'acme', 'bob', '--yes')
    refused = objreg('org', 'remove', 'acme', 'alice', '--yes', status=1)
    assert 'without alice there would be no owner' in refused.output
    assert 'there are repositories, such as acme/app' in objreg('org', 'delete', 'acme', '--yes', status=1).output
    objreg('org', 'delete', 'acme', '--keep-repositories', '--yes')
    assert told('org', 'list') == []


def test_what_cannot_be_undone_is_asked_for(folder: Path) -> None:
    for arguments in (
        ('org', 'delete', 'acme'), ('org', 'remove', 'acme', 'alice'), ('team', 'delete', 'acme', 'core'),
        ('robot', 'delete', 'acme+ci'), ('robot', 'revoke', 'acme+ci', 'x'), ('user', 'delete', 'bob'),
        ('keys', 'rotate'),
    ):
        assert 'nothing was done' in objreg(*arguments, status=1, given='n\n').output, arguments
        assert 'say --yes' in objreg(*arguments, status=1).output, arguments
    objreg('user', 'delete', 'bob', '--keep-repositories', given='y\n')
    assert [one['name'] for one in told('user', 'list')] == ['alice']


def test_teams(folder: Path) -> None:
    objreg('org', 'member', 'acme', 'bob')
    assert told('team', 'add', 'acme', 'core')['name'] == 'core'
    objreg('team', 'join', 'acme', 'core', 'bob')
    assert told('team', 'list', 'acme') == [{'name': 'core', 'members': ['bob']}]
    assert 'bob' in objreg('team', 'list', 'acme').output
    objreg('team', 'grant', 'acme', 'core', 'acme/**', '--role', 'write')
    assert told('team', 'grants', 'acme', 'core') == [{'pattern': 'acme/**', 'role': 'write'}]
    objreg('team', 'revoke', 'acme', 'core', 'acme/**')
    assert told('team', 'grants', 'acme', 'core') == []
    assert 'begin with "acme/"' in objreg('team', 'grant', 'acme', 'core', '**', status=1).output
    objreg('team', 'leave', 'acme', 'core', 'bob')
    objreg('team', 'delete', 'acme', 'core', '--yes')
    assert told('team', 'list', 'acme') == []


def test_robots(folder: Path) -> None:
    made = told('robot', 'add', 'acme+ci', '--allow', 'pull,push:acme/app', '--allow', 'pull:acme/base/**')
    assert made['login'] == 'acme+ci'
    secret = objreg('robot', 'token', 'acme+ci', '--label', '[bold]runner').output.strip()
    assert secret.startswith('objreg_robot_')
    token, = told('robot', 'tokens', 'acme+ci')
    assert '[bold]' in objreg('robot', 'tokens', 'acme+ci').output
    assert 'pull,push:acme/app' in objreg('robot', 'show', 'acme+ci').output
    assert secret not in objreg('robot', 'tokens', 'acme+ci').output
    objreg('robot', 'revoke', 'acme+ci', token['id'], '--yes')
    assert told('robot', 'tokens', 'acme+ci') == []
    assert [one['name'] for one in told('robot', 'list', 'acme')] == ['ci']
    objreg('robot', 'delete', 'acme+ci', '--yes')
    assert told('robot', 'list', 'acme') == []
    assert 'is not like acme+deploy' in objreg('robot', 'show', 'acme', status=1).output
    assert '--allow' in objreg('robot', 'add', 'acme+x', '--allow', 'pull', status=2).output


def test_repositories(folder: Path) -> None:
    assert [one['name'] for one in told('repo', 'list')] == ['acme/app', 'bob/tool']
    assert [one['name'] for one in told('repo', 'list', 'acme')] == ['acme/app']
    assert told('repo', 'visibility', 'acme/app', 'public')['visibility'] == 'public'
    assert told('repo', 'show', 'acme/app') == {'name': 'acme/app', 'visibility': 'public', 'role': 'admin'}
    assert told('repo', 'collaborator', 'acme/app', 'bob', '--role', 'write') == {'user': 'bob', 'role': 'write'}
    assert told('repo', 'collaborators', 'acme/app') == [{'user': 'bob', 'role': 'write'}]
    objreg('repo', 'dismiss', 'acme/app', 'bob')
    assert told('repo', 'collaborators', 'acme/app') == []
    assert 'no such repository' in objreg('repo', 'show', 'acme/other', status=1).output


def test_quotas(folder: Path) -> None:
    assert told('quota', 'set', 'acme', '50 GiB')['limit'] == 50 * 1024**3
    assert '50.0 GiB' in objreg('quota', 'show', 'acme').output
    assert 'is not like' in objreg('quota', 'set', 'acme', 'much', status=2).output
    objreg('quota', 'set', 'acme', '0')
    assert 'none' in objreg('quota', 'show', 'acme').output
    objreg('quota', 'clear', 'acme')
    assert told('quota', 'show', 'acme')['limit'] is None
    assert 'no namespace' in objreg('quota', 'show', 'nobody', status=1).output


def test_webhooks(folder: Path) -> None:
    made = told('webhook', 'add', 'acme', 'https://ci.example/hook', '--event', 'push', '--repository', 'acme/web/**')
    assert made['secret'].startswith('whsec_')
    assert made['events'] == ['push'] and made['repositories'] == ['acme/web/**']
    assert 'private address' in objreg('webhook', 'add', 'acme', 'https://10.0.0.1/', status=1).output
    assert made['id'] in objreg('webhook', 'list', 'acme').output
    objreg('webhook', 'test', 'acme', made['id'])
    assert told('webhook', 'attempts', 'acme', made['id']) == []
    assert 'nothing was done' in objreg('webhook', 'remove', 'acme', made['id'], status=1).output
    objreg('webhook', 'remove', 'acme', made['id'], '--yes')
    assert told('webhook', 'list', 'acme') == []


def test_a_job_that_nobody_believes_is_no_robot(folder: Path) -> None:
    objreg('robot', 'add', 'acme+ci', '--allow', 'pull:acme/app')
    trust = ('robot', 'trust', 'acme+ci', '--issuer', 'github', '--claim')
    assert 'no such service' in objreg(*trust, 'repository=acme/app', status=1).output
    assert 'is not like' in objreg(*trust, 'repository', status=2).output
    assert told('robot', 'trusts', 'acme+ci') == []
    objreg('robot', 'distrust', 'acme+ci', 'x', '--yes', status=1)


def test_audit_and_keys(folder: Path) -> None:
    assert [one['action'] for one in told('audit')] == ['user.add', 'user.add', 'organisation.add']
    assert [one['target'] for one in told('audit', '--namespace', 'acme')] == ['acme']
    assert len(told('audit', '--most', '2')) == 2
    assert 'operator' in objreg('audit', '--action', 'user').output
    assert 'since' in objreg('audit', '--since', 'long ago', status=1).output
    first, = told('keys', 'list')
    assert told('keys', 'rotate', '--yes')['id'] != first['id']
    assert 'ES256' in objreg('keys', 'list').output


def test_codes(folder: Path) -> None:
    assert objreg('user', 'invite', '--email', 'carol@example.org').output.startswith('objreg_code_')
    assert told('user', 'invite')['email'] == ''
    by_mail = objreg('user', 'invite', '--mail', 'carol@example.org')
    assert by_mail.stdout.startswith('objreg_code_') and 'sends no mail' in by_mail.stderr
    made = told('user', 'reset-link', 'bob', '--hours', '2')
    assert made['user'] == 'bob'
    assert objreg('user', 'reset-link', 'bob').output.startswith('objreg_code_')
    assert 'no user' in objreg('user', 'reset-link', 'nobody', status=1).output


class _Quiet(WSGIRequestHandler):
    def log_message(self, *given: Any) -> None:
        pass


def test_the_same_over_http_with_what_the_token_may(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = objreg('token', 'add', 'alice').output.strip()
    application = pipeline.load(str(folder / 'paste.ini'))
    pipeline.start(application)
    with make_server('127.0.0.1', 0, application, handler_class=_Quiet) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            monkeypatch.setenv('OBJREG_URL', f'http://127.0.0.1:{server.server_port}')
            monkeypatch.setenv('OBJREG_TOKEN', secret)
            assert [one['role'] for one in told('org', 'list')] == ['owner']
            assert told('repo', 'show', 'acme/app')['role'] == 'admin'
            assert [one['name'] for one in told('repo', 'list')] == ['acme/app']
            objreg('team', 'add', 'acme', 'core')
            objreg('team', 'grant', 'acme', 'core', 'acme/**')
            objreg('team', 'revoke', 'acme', 'core', 'acme/**')
            assert 'not yours' in objreg('user', 'list', status=1).output
            assert [one['action'] for one in told('audit', '--namespace', 'acme')][-1] == 'team.revoke'
        finally:
            server.shutdown()
            thread.join()


def test_an_administrator_says_who_logs_in_by_a_provider(folder: Path) -> None:
    (folder / 'logins.yml').write_text(json.dumps({'company': {
        'kind': 'oidc', 'issuer': 'https://id.example', 'client_id': 'objreg', 'url': 'https://hub.example',
    }}))
    text = (folder / 'paste.ini').read_text()
    (folder / 'paste.ini').write_text(text.replace('# logins =', 'logins = logins.yml'))
    assert 'company logs in as alice' in objreg('user', 'link', 'alice', 'company', '2482').output
    (link,) = told('user', 'links', 'alice')
    assert (link['provider'], link['subject'], link['by'], link['seen']) == ('company', '2482', 'operator', 0)
    assert '2482' in objreg('user', 'links', 'alice').output
    objreg('user', 'link', 'bob', 'company', '2482', status=1)
    objreg('user', 'link', 'bob', 'other', '2482', status=1)
    objreg('user', 'unlink', 'alice', 'company')
    objreg('user', 'unlink', 'alice', 'company', '2482', status=1)
    assert told('user', 'links', 'alice') == []
