"""Single sign-on at a real OpenID provider, as a browser does it; and what docker's clients do with it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from objreg.drivers.file import FileStore
from objreg.hub.hub import Hub
from tests.functional.clients.programs import GO, run, two_platforms
from tests.servers.fixtures import absent
from tests.servers.openid import CLIENT, SECRET, OpenIdProvider, log_in
from tests.servers.process import Missing, free_ports
from tests.servers.registries import Objreg

ALICE = {'preferred_username': 'alice', 'name': 'Alice A.', 'email': 'alice@example.org', 'groups': ['platform']}
BOB = {'preferred_username': 'Bob', 'groups': []}


class Site:
    """A hub on two nodes over one bucket, and the provider by which people log in."""

    def __init__(self, folder: Path, provider: OpenIdProvider, ports: tuple[int, int]) -> None:
        self.provider = provider
        self.url = f'http://127.0.0.1:{ports[0]}'
        logins = folder / 'logins.yml'
        logins.write_text(json.dumps({'company': {
            'kind': 'oidc', 'issuer': provider.issuer, 'client_id': CLIENT, 'client_secret': SECRET, 'url': self.url,
            'scopes': ['openid', 'profile', 'email', 'groups'], 'teams': {'platform': 'acme/core'}, 'create': True,
            'administrators': 'root', 'networks': ['127.0.0.0/8'],
        }}))
        options = {'filter:auth': {'open': 'no'}, 'filter:hub': {'logins': str(logins)}}
        store = {'driver': 'file', 'path': str(folder / 'store')}
        self.nodes = [Objreg(folder / f'node-{port}', store, options=options, port=port) for port in ports]

    def command(self, *words: str) -> str:
        """``objreg …`` on the bucket."""
        done = subprocess.run(
            [sys.executable, '-m', 'objreg', *words, '--config', str(self.nodes[0].configure())],
            capture_output=True, text=True, check=True,
        )
        return done.stdout.strip()

    def log_in(self, subject: str) -> requests.Session:
        """A browser in which somebody has gone through it all; it is led to what says who is logged in."""
        browser = requests.Session()
        self.last = log_in(browser, f'{self.url}/auth/company?next=/api/v1/session', subject)
        return browser

    def me(self, browser: requests.Session) -> dict[str, Any]:
        found: dict[str, Any] = browser.get(f'{self.url}/api/v1/me', timeout=30).json()
        return found


def begin(bucket: Path) -> None:
    """Olga, her acme, and a team that may push."""
    store = FileStore(str(bucket))
    hub = Hub(store)
    hub.accounts.create('olga', 'user')
    hub.accounts.create('acme', 'organisation')
    hub.organisations.add('acme', 'olga', 'owner', by='')
    hub.organisations.add_team('acme', 'core', by='')
    hub.organisations.grant('acme', 'core', 'write', 'acme/**', by='')
    store.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    first = free_ports(2)
    callback = f'http://127.0.0.1:{first}/auth/company/callback'
    provider = OpenIdProvider(tmp_path / 'openid', callback)
    provider.know({'1': ALICE, '2': BOB})
    made = Site(tmp_path, provider, (first, first + 1))
    begin(tmp_path / 'store')
    try:
        with provider, made.nodes[0], made.nodes[1]:
            yield made
    except Missing as error:
        absent(str(error))


def test_somebody_logs_in_by_a_browser_and_pushes_with_a_token_of_his(site: Site, tmp_path: Path) -> None:
    browser = site.log_in('1')
    assert site.last.url == f'{site.url}/api/v1/session' and site.last.json()['user'] == 'alice'
    assert not any('login' in cookie.name for cookie in browser.cookies), 'and what it took on the way is gone'
    origin = {'Origin': site.url}
    made = browser.post(f'{site.url}/api/v1/users/alice/tokens', json={'label': 'crane'}, headers=origin, timeout=30)
    address, env = site.url.removeprefix('http://'), {**os.environ, 'DOCKER_CONFIG': str(tmp_path / 'docker')}

    def crane(*words: str, fails: bool = False) -> str:
        return run(GO / 'crane', *words, env=env, fails=fails)

    layout, _ = two_platforms(tmp_path / 'layout')
    token = made.json()['token']
    login = ['podman', 'login', '--authfile', str(tmp_path / 'auth.json'), '--tls-verify=false', '-u', 'alice']
    assert 'Login Succeeded' in run(*login, '-p', token, address)
    run(*login, '-p', 'her password at the provider', address, fails=True)
    crane('auth', 'login', '-u', 'alice', '-p', token, address)
    crane('push', '--insecure', '--index', str(layout.path), f'{address}/acme/app:1')
    assert crane('ls', '--insecure', f'{address}/acme/app').split() == ['1']
    assert '401' in crane('copy', '--insecure', f'{address}/acme/app:1', f'{address}/olga/app:1', fails=True)
    # the group goes, and with it what it gave; what she has by herself stays
    site.provider.know({'1': {**ALICE, 'groups': []}})
    browser = site.log_in('1')
    assert site.me(browser)['name'] == 'alice'
    told = crane('push', '--insecure', '--index', str(layout.path), f'{address}/acme/app:2', fails=True)
    assert '401' in told or 'denied' in told
    crane('push', '--insecure', '--index', str(layout.path), f'{address}/alice/app:1')
    assert browser.delete(f'{site.url}/api/v1/session', json={}, headers=origin, timeout=30).status_code == 204
    assert site.me(browser)['name'] == ''


def test_another_node_ends_a_login_and_a_name_that_is_taken_is_given_by_an_administrator(site: Site) -> None:
    site.provider.know({'2': {**BOB, 'groups': ['root']}, '3': {'preferred_username': 'olga'}})
    browser = requests.Session()
    other = f'http://127.0.0.1:{site.nodes[1].port}'
    last = log_in(browser, f'{other}/auth/company?next=/api/v1/session', '2')  # begun there, and back at the first
    assert last.url == f'{site.url}/api/v1/session' and last.json()['user'] == 'bob'
    assert site.me(browser) == {'name': 'bob', 'administrator': True, 'kind': 'user'}
    refused = site.log_in('3')
    assert site.last.status_code == 403 and 'objreg user link NAME company 3' in site.last.json()['detail']
    assert site.me(refused)['name'] == ''
    site.command('user', 'link', 'olga', 'company', '3')
    assert site.me(site.log_in('3'))['name'] == 'olga'
    site.command('user', 'unlink', 'olga', 'company')
    site.log_in('3')
    assert site.last.status_code == 403
