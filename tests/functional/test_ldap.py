"""Logging in by a real directory (OpenLDAP), over TLS; and all that must not let anybody in."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import argon2
import pytest

from objreg.config import ConfigError
from tests.browsers import Browser
from tests.functional.clients.programs import run
from tests.hubs import Site, basic
from tests.servers.fixtures import absent
from tests.servers.ldap import BASE, Directory, password
from tests.servers.process import Missing
from tests.servers.registries import Objreg
from tests.servers.tls import certificate

pytestmark = pytest.mark.xdist_group('ldap')
PEOPLE = ['alice', 'bob', 'anna-maria', 'olga']


@pytest.fixture(scope='module')
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    try:
        server = Directory(tmp_path_factory.mktemp('ldap') / 'slapd', PEOPLE, {
            'platform': ['alice', 'bob'], 'root': ['alice'], 'staff': PEOPLE,
        })
    except Missing as error:
        absent(str(error))
    with server:
        yield server


def file_of(folder: Path, directory: Directory, **more: Any) -> str:
    """The option ``logins`` for a file with this directory."""
    path = folder / 'logins.yml'
    teams = {'platform': 'acme/core', 'staff': 'acme'}
    path.write_text(json.dumps({'office': {
        **directory.settings, 'teams': teams, 'administrators': 'root', **more,
    }}))
    return f'logins = {path}'


@pytest.fixture
def browser(tmp_path: Path, directory: Directory, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Olga is the hub's own, and owns acme; hashes of the hub cost as good as nothing."""
    monkeypatch.setattr(argon2, 'PasswordHasher', partial(argon2.PasswordHasher, 1, 8, 1))
    site = Site(tmp_path, hub=file_of(tmp_path, directory))
    site.user('olga')
    site.organisation('acme', 'olga')
    site.hub.organisations.add_team('acme', 'core', by='olga')
    return Browser(site)


def again(browser: Browser, folder: Path, directory: Directory, **more: Any) -> Browser:
    """Another browser, after the file has been read again."""
    file_of(folder, directory, **more)
    browser.site.layer('Hub').reload()
    return Browser(browser.site)


def test_somebody_logs_in_by_his_password_and_is_in_the_teams_of_his_groups(browser: Browser) -> None:
    hub = browser.site.hub
    assert browser.log_in('alice', password('alice')).status_code == 200
    assert browser.user == 'alice' and hub.accounts.is_administrator('alice')
    assert hub.organisations.place('acme', 'alice').teams == {'core'}
    assert hub.accounts.profile('alice').email == 'alice@example.net'
    (link,) = hub.links.of('alice')
    assert link.kind == 'ldap' and len(link.subject) == 36, 'entryUUID'
    other = Browser(browser.site)
    assert other.log_in('ANNA-Maria', password('anna-maria')).status_code == 200
    assert other.user == 'anna-maria' and hub.organisations.place('acme', 'anna-maria').teams == frozenset()


def test_what_is_not_the_password_of_that_name_lets_nobody_in(browser: Browser) -> None:
    """An empty one (RFC 4513 section 5.1.2), filters (CWE-90), names of nobody: one answer to all of them."""
    answers = {
        browser.log_in(name, secret).body for name, secret in [
            ('alice', 'wrong'), ('nobody', password('alice')), ('*', password('alice')), ('a*', password('alice')),
            ('alice)(uid=*', password('alice')), ('*)(uid=alice))(|(uid=*', password('alice')), ('alice', '\0'),
            ('alice\\', password('alice')), (f'uid=alice,ou=people,{BASE}', password('alice')), ('', password('alice')),
            ('alice', password('alice') + '\0x'), ('\u0430lice', password('alice')),
        ]
    }
    answers.add(browser.ask('POST', '/api/v1/session', {'name': 'alice', 'password': ''}).body)
    assert len(answers) == 1 and browser.cookies == {} and b'wrong name or password' in answers.pop()
    assert browser.site.hub.accounts.find('alice') is None


def test_an_account_of_the_hub_is_not_taken_over_by_an_entry_of_its_name(browser: Browser) -> None:
    assert browser.log_in('olga', password('olga')).status_code == 401
    assert browser.log_in('olga').status_code == 200
    site = browser.site
    site.user('bob')
    site.store.delete(['hub/people/bob/password'])
    answer = Browser(site).log_in('bob', password('bob'))
    assert answer.status_code == 403 and 'objreg user link NAME office' in answer.json['detail']


def test_docker_needs_a_token_unless_the_operator_lets_it_send_the_password(
    browser: Browser, tmp_path: Path, directory: Directory
) -> None:
    site = browser.site
    header = basic('alice', password('alice'))
    assert site.ask('GET', '/token', authorization=header).status_code == 401
    again(browser, tmp_path, directory, basic=True)
    answer = site.ask('GET', '/token?offline_token=true', authorization=header)
    assert answer.status_code == 200 and 'refresh_token' not in answer.json
    assert site.ask('GET', '/token', authorization=basic('alice', 'wrong')).status_code == 401


@pytest.mark.parametrize('way', ['starttls', 'a server that is away first'])
def test_other_ways_to_reach_it(browser: Browser, tmp_path: Path, directory: Directory, way: str) -> None:
    more: dict[str, Any] = {'url': f'ldap://127.0.0.1:{directory.port}', 'starttls': True}
    if way != 'starttls':
        more = {'url': ['ldaps://127.0.0.1:1', directory.settings['url']]}
    assert again(browser, tmp_path, directory, **more).log_in('alice', password('alice')).status_code == 200


@pytest.mark.parametrize(('more', 'ca'), [
    ({}, 'another'), ({'url': 'ldap', 'starttls': True}, 'another'), ({}, 'of another host'),
    ({'bind_password': 'wrong'}, ''), ({'url': ['ldaps://127.0.0.1:1', 'ldaps://127.0.0.1:2']}, ''),
])
def test_a_server_that_is_not_the_right_one_is_told_no_password(
    browser: Browser, tmp_path: Path, directory: Directory, more: dict[str, Any], ca: str
) -> None:
    (tmp_path / 'ca').mkdir()
    if ca:
        more = {**more, 'ca': str(certificate(tmp_path / 'ca'))}
    if more.get('url') == 'ldap':
        more = {**more, 'url': f'ldap://127.0.0.1:{directory.port}'}
    if ca == 'of another host':  # one that is trusted, for another name
        more = {'url': f'ldaps://localhost:{directory.port + 1}'}
    answer = again(browser, tmp_path, directory, **more).log_in('alice', password('alice'))
    assert answer.status_code == 503 and answer.headers['Retry-After']


def test_check_config_asks_each_server(browser: Browser, tmp_path: Path, directory: Directory) -> None:
    layer, good = browser.site.layer('Hub'), directory.settings['url']
    layer.check()
    for more, told in (
        ({'bind_password': 'wrong'}, f'office: url: {good}: it does not let in bind_dn'),
        ({'url': [good, 'ldaps://127.0.0.1:1']}, 'office: url: ldaps://127.0.0.1:1: .*refused'),
    ):
        again(browser, tmp_path, directory, **more)
        with pytest.raises(ConfigError, match=told):
            layer.check()


def test_a_server_that_says_nothing_is_given_up_in_time(
    browser: Browser, tmp_path: Path, directory: Directory
) -> None:
    with socket.create_server(('127.0.0.1', 0)) as mute:
        port = mute.getsockname()[1]
        for url, more in ((f'ldaps://127.0.0.1:{port}', {}), (f'ldap://127.0.0.1:{port}', {'starttls': True})):
            other = again(browser, tmp_path, directory, url=[url], timeout=1, **more)
            began = time.monotonic()
            assert other.log_in('alice', password('alice')).status_code == 503
            assert time.monotonic() - began < 6


def test_podman_logs_in_by_the_password_where_the_operator_lets_it(directory: Directory, tmp_path: Path) -> None:
    logins = file_of(tmp_path, directory, basic=True).partition(' = ')[2]
    options = {'filter:auth': {'open': 'no'}, 'filter:hub': {'logins': logins}}
    with Objreg(tmp_path / 'objreg', {'driver': 'file', 'path': str(tmp_path / 'store')}, options=options) as server:
        login = ['podman', 'login', '--authfile', str(tmp_path / 'auth.json'), '--tls-verify=false', '-u', 'alice']
        address = f'127.0.0.1:{server.port}'
        assert 'Login Succeeded' in run(*login, '-p', password('alice'), address)
        run(*login, '-p', 'wrong', address, fails=True)
