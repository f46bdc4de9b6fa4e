"""Logging in by a directory that runs in the test: what it is asked, and what its answers are worth."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from objreg.config import ConfigError
from objreg.hub.audit import Wanted
from objreg.hub.sso import ldap_settings, ldap_tls
from objreg.hub.sso.ldap_login import Entry, escaped, filled, person_of
from objreg.hub.sso.ldap_settings import Ldap, Search
from objreg.hub.sso.person import ProviderFailed
from objreg.hub.sso.settings import read_logins
from tests.browsers import Browser
from tests.hubs import Site, basic, password
from tests.servers.tls import certificate

ALICE = 'uid=alice,ou=people'
SECRET = 'alice in the directory'
GIVEN: dict[str, Any] = {
    'kind': 'ldap', 'url': ['ldaps://one.example', 'ldaps://two.example'], 'bind_dn': 'cn=hub',
    'bind_password': 'sesame', 'users': {'base': 'ou=people', 'filter': '(uid={name})'},
    'groups': {'base': 'ou=groups', 'filter': '(member={dn})'},
    'teams': {'platform': 'acme/core'}, 'create': True,
}


class FakeDirectory:
    """Entries by filter, passwords by name, and who asked for what; servers of `away` do not answer."""

    def __init__(self) -> None:
        self.found: dict[str, list[Entry]] = {
            '(uid=alice)': [Entry(ALICE, {'entryuuid': [b'u-1'], 'uid': [b'alice'], 'mail': [b'a@example.org']})],
            '(member=uid\\3dalice\\2cou\\3dpeople)': [Entry('cn=platform', {'cn': [b'platform']})],
        }
        self.found['(uid=ALICE)'] = self.found['(uid=alice)']  # small and capital letters are the same there
        self.passwords = {'cn=hub': 'sesame', ALICE: SECRET}
        self.away: set[str] = set()
        self.asked: list[tuple[str, ...]] = []
        self.open = 0

    def connect(self, settings: Ldap, url: str) -> FakeDirectory:
        if url in self.away:
            raise ProviderFailed('SERVER_DOWN')
        self.open += 1
        self.asked.append(('connect', url))
        return self

    def bind(self, dn: str, secret: str) -> bool:
        self.asked.append(('bind', dn.partition(',')[0] if dn.startswith('cn=') else dn))
        return bool(secret) and self.passwords.get(dn) == secret

    def search(self, base: str, filter: str, attributes: list[str], most: int) -> list[Entry]:
        self.asked.append(('search', base, filter))
        return self.found.get(filter, [])

    def close(self) -> None:
        self.open -= 1


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> FakeDirectory:
    monkeypatch.setattr(ldap_settings, 'find_spec', lambda _: True)
    return FakeDirectory()


@pytest.fixture
def browser(tmp_path: Path, directory: FakeDirectory) -> Browser:
    site = Site(tmp_path, hub=logins(tmp_path))
    site.hub.authority._directories.connect = directory.connect
    site.user('olga')
    site.organisation('acme', 'olga')
    site.hub.organisations.add_team('acme', 'core', by='')
    return Browser(site)


def logins(folder: Path, **more: Any) -> str:
    (folder / 'logins.yml').write_text(json.dumps({'office': {**GIVEN, **more}}))
    return f'logins = {folder}/logins.yml'


def settings(**more: Any) -> Ldap:
    return Ldap(**{
        **{name: value for name, value in GIVEN.items() if name != 'kind'}, 'url': tuple(GIVEN['url']),
        'users': Search('ou=people', '(uid={name})'), 'groups': Search('ou=groups', '(member={dn})'), **more,
    })


def ask(directory: FakeDirectory, name: str = 'alice', secret: str = SECRET, **more: Any) -> Any:
    return person_of(settings(**more), 'office', name, secret, connect=directory.connect)


# What is asked


def test_the_entry_is_searched_for_and_the_password_tried_on_it(directory: FakeDirectory) -> None:
    person = ask(directory)
    assert (person.subject, person.name, person.email, person.groups) == (
        'u-1', 'alice', 'a@example.org', frozenset({'platform'}))
    assert person.issuer == 'ldap:office'
    assert [one[:2] for one in directory.asked] == [
        ('connect', 'ldaps://one.example'), ('bind', 'cn=hub'), ('search', 'ou=people'), ('bind', ALICE),
        ('bind', 'cn=hub'), ('search', 'ou=groups'),
    ]
    assert directory.open == 0


def test_a_wrong_password_and_nobodys_name_take_the_same_steps(directory: FakeDirectory) -> None:
    steps = []
    directory.found['(uid=two)'] = directory.found['(uid=alice)'] * 2
    for name, secret in (('alice', 'wrong'), ('nobody', SECRET), ('two', SECRET)):
        directory.asked = []
        assert ask(directory, name, secret) is None and directory.open == 0
        steps.append([one[0] for one in directory.asked])
    assert steps == [['connect', 'bind', 'search', 'bind']] * 3


@pytest.mark.parametrize(('name', 'secret'), [
    ('alice', ''), ('', SECRET), ('alice', '\0'), ('alice', f'{SECRET}\0'), ('x' * 257, 'x'), ('alice', 'x' * 1025),
])
def test_what_cannot_be_right_is_not_even_asked(directory: FakeDirectory, name: str, secret: str) -> None:
    """RFC 4513, section 5.1.2: with an empty password a server says yes to anybody."""
    directory.passwords[ALICE] = ''
    assert ask(directory, name, secret) is None and directory.asked == []


@pytest.mark.parametrize(('value', 'expected'), [
    ('alice', 'alice'), ('a.b-c_d@e', 'a.b-c_d@e'), ('*', '\\2a'), (')(uid=*', '\\29\\28uid\\3d\\2a'), ('\\', '\\5c'),
    ('\0', '\\00'), ('é', '\\c3\\a9'), ('{dn}', '\\7bdn\\7d'), ('\u0430', '\\d0\\b0'),
])
def test_nothing_in_a_value_means_anything_in_a_filter(value: str, expected: str) -> None:
    """CWE-90, RFC 4515 section 3."""
    assert escaped(value) == expected
    assert filled('(|(uid={name})(mail={name}))', name=value) == f'(|(uid={expected})(mail={expected}))'


def test_servers_are_tried_in_their_order(directory: FakeDirectory) -> None:
    directory.away.add('ldaps://one.example')
    assert ask(directory).name == 'alice' and directory.asked[0] == ('connect', 'ldaps://two.example')
    directory.away.add('ldaps://two.example')
    with pytest.raises(ProviderFailed, match='SERVER_DOWN'):
        ask(directory)


def test_a_hub_that_is_not_let_in_says_so_and_not_that_the_password_is_wrong(directory: FakeDirectory) -> None:
    directory.passwords['cn=hub'] = 'another'
    with pytest.raises(ProviderFailed, match='bind_dn'):
        ask(directory)
    assert directory.open == 0


@pytest.mark.parametrize(('attributes', 'told'), [
    ({}, 'has no entryUUID'), ({'entryuuid': [b'1', b'2']}, 'or several'), ({'entryuuid': [b'\xff']}, 'no text'),
    ({'entryuuid': [b'']}, 'subject'), ({'entryuuid': [b'x' * 300]}, 'subject'),
    ({'entryuuid': [b'1'], 'uid': [b'\xff']}, 'no text'),
])
def test_an_entry_that_cannot_be_told_from_others_is_nobody(
    directory: FakeDirectory, attributes: dict[str, list[bytes]], told: str
) -> None:
    directory.found['(uid=alice)'] = [Entry(ALICE, attributes)]
    with pytest.raises(ProviderFailed, match=told):
        ask(directory)


def test_the_id_of_active_directory_is_bytes(directory: FakeDirectory) -> None:
    directory.found['(uid=alice)'] = [Entry(ALICE, {'objectguid': [b'\xff' * 16], 'uid': [b'alice']})]
    person = ask(directory, attributes=ldap_settings.Attributes(subject='objectGUID'))
    assert person.subject == 'ff' * 16


# At the hub


def test_he_has_an_account_a_session_and_his_teams(browser: Browser) -> None:
    assert browser.log_in('alice', SECRET).status_code == 200
    hub = browser.site.hub
    assert browser.user == 'alice' and hub.organisations.place('acme', 'alice').teams == {'core'}
    events = [event.action for _, event in hub.audit.find(Wanted(by='alice'))]
    assert events == ['user.signup', 'session.login']
    hub.accounts.end_sessions('alice')
    assert browser.user == '' and browser.log_in('ALICE', SECRET).status_code == 200
    assert browser.user == 'alice', 'however he spells it'


def test_a_right_password_of_a_directory_costs_no_hash_and_a_wrong_one_does(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or those who log in would look like those who guess, and who is known to the directory would be told by time."""
    browser.log_in('alice', SECRET)
    accounts, asked = browser.site.hub.accounts, []
    monkeypatch.setattr(accounts, 'has_password', lambda name, _: asked.append(name))
    for name, secret, expected in (('alice', SECRET, []), ('alice', 'wrong', ['alice']), ('nobody', 'x', ['nobody'])):
        asked.clear()
        browser.log_in(name, secret)
        assert asked == expected


def test_guessing_is_slowed_down_as_it_is_for_passwords_of_the_hub(
    browser: Browser, directory: FakeDirectory
) -> None:
    """CWE-307, and the answer is the same for everybody (CVE-2019-19030)."""
    answers = {browser.log_in(name, 'a guess').body for name in ('alice', 'nobody', 'olga', '*', '../alice')}
    assert len(answers) == 1
    assert [browser.log_in('alice', 'a guess').status_code for _ in range(12)][-1] == 429
    asked = len(directory.asked)
    assert browser.log_in('alice', SECRET).status_code == 429 and len(directory.asked) == asked


def test_who_has_a_password_here_is_not_asked_for_elsewhere(browser: Browser, directory: FakeDirectory) -> None:
    directory.found['(uid=olga)'] = [Entry('uid=olga', {'entryuuid': [b'u-2'], 'uid': [b'olga']})]
    directory.passwords['uid=olga'] = SECRET
    assert browser.log_in('olga', SECRET).status_code == 401 and directory.asked == []
    assert browser.log_in('olga').status_code == 200
    site = browser.site
    root = site.user('root2', is_administrator=True)
    assert site.api(root, 'POST', '/users/olga/links', {'provider': 'office', 'subject': 'u-2'}).status_code == 201
    assert browser.user == '', 'and now it is the directory that knows it, and it alone'
    assert browser.log_in('olga').status_code == 401
    assert browser.log_in('olga', SECRET).status_code == 200 and browser.user == 'olga'


def test_a_password_that_a_directory_keeps_is_not_set_here(browser: Browser) -> None:
    browser.log_in('alice', SECRET)
    site = browser.site
    root = site.user('root2', is_administrator=True)
    code, _ = site.hub.codes.issue('password', seconds=60, account='alice')
    for method, path, document in (
        ('PUT', '/users/alice/password', {'new': 'correct horse'}), ('POST', '/users/alice/reset-code', {}),
        ('POST', '/password-reset', {'code': str(code), 'new': 'correct horse'}),
    ):
        answer = site.api(root, method, path, document)
        assert answer.status_code == 400 and 'the directory office' in answer.json['detail'], path
    assert site.hub.accounts.password_changed('alice') == 0
    assert site.hub.codes.find(str(code), 'password'), 'nor was the code used up'


def test_a_password_of_the_hub_that_is_left_over_does_not_count(browser: Browser) -> None:
    """Whoever sets one at the moment when the account is linked."""
    browser.log_in('alice', SECRET)
    other = browser.site.hub.accounts
    other.check_settable = lambda _: None  # type: ignore[method-assign]
    other.set_password('alice', password('alice'))
    assert browser.log_in('alice').status_code == 401 and browser.log_in('alice', SECRET).status_code == 200


def test_docker_is_let_in_by_the_password_where_the_operator_says_so(
    browser: Browser, tmp_path: Path, directory: FakeDirectory
) -> None:
    site, header = browser.site, basic('alice', SECRET)
    assert site.ask('GET', '/token', authorization=header).status_code == 401 and directory.asked == []
    logins(tmp_path, basic=True)
    site.layer('Hub').reload()
    answer = site.ask('GET', '/token?offline_token=true', authorization=header)
    assert answer.status_code == 200 and 'refresh_token' not in answer.json, 'which would outlive the directory\'s word'
    asked = len(directory.asked)
    for _ in range(20):
        assert site.token('alice', secret=SECRET)
    assert len(directory.asked) == asked, 'and a push does not ask it twenty times'
    assert len([*site.store.list('hub/people/alice/said/')]) == 1
    site.hub.accounts.suspend('alice', by='')
    assert site.ask('GET', '/token', authorization=header).status_code == 401, 'while what counts here counts at once'
    site.hub.accounts.resume('alice')
    root = site.user('root2', is_administrator=True)
    assert site.api(root, 'DELETE', '/users/alice/links?provider=office').status_code == 204
    assert site.ask('GET', '/token', authorization=header).status_code == 401


def test_who_may_not_come_in_is_told_why_once_he_has_shown_who_he_is(browser: Browser, tmp_path: Path) -> None:
    site = browser.site
    site.hub.accounts.create('alice', 'organisation')
    for more, kind in (({}, 'taken'), ({'create': False}, 'no-account')):
        logins(tmp_path, **more)
        site.layer('Hub').reload()
        answer = browser.log_in('alice', SECRET)
        assert (answer.status_code, answer.json['type']) == (403, f'urn:objreg:problem:{kind}')
        assert browser.log_in('alice', 'wrong').status_code == 401
    logins(tmp_path, basic=True)
    site.layer('Hub').reload()
    assert site.ask('GET', '/token', authorization=basic('alice', SECRET)).status_code == 401


def test_a_directory_that_is_away_is_a_503_and_no_wrong_password(browser: Browser, directory: FakeDirectory) -> None:
    directory.away = {*GIVEN['url']}
    for _ in range(12):
        answer = browser.log_in('alice', SECRET)
        assert answer.status_code == 503 and answer.headers['Retry-After'] == '10'
    assert browser.log_in('olga').status_code == 200
    directory.away = set()
    assert browser.log_in('alice', SECRET).status_code == 200, 'and it was not counted as guessing'


def test_a_login_page_is_told_that_there_is_a_directory(browser: Browser) -> None:
    assert browser.ask('GET', '/api/v1/logins').json == [
        {'name': 'office', 'kind': 'ldap', 'title': 'office', 'path': ''}]
    assert browser.ask('GET', '/auth/office').status_code == 404


# What the operator says


@pytest.mark.parametrize(('given', 'told'), [
    ({'url': 'ldap://x'}, 'url: .* over TLS only'), ({'url': 'ldaps://x', 'starttls': True}, 'starttls is for ldap'),
    ({'url': 'https://x'}, 'url: '), ({'url': 'ldaps://'}, 'url: '), ({'url': 'ldaps://x/dc=y'}, 'url: '),
    ({'url': 'ldaps://u:p@x'}, 'url: '), ({'url': 'ldaps://x:99999'}, 'url: '), ({'url': []}, 'url'),
    ({'users': {'base': 'x', 'filter': 'uid={name}'}}, 'users: filter: .* parentheses'),
    ({'users': {'base': 'x', 'filter': '(uid=alice)'}}, 'users: filter: .* needs {name}'),
    ({'users': {'base': 'x', 'filter': '((uid={name})'}}, 'users: filter: '),
    ({'groups': {'base': 'x', 'filter': '(cn=x)'}}, 'groups: filter: .* needs {dn} or {name}'),
    ({'groups': None}, 'groups: needed'), ({'bind_password': ''}, 'bind_password: needed'), ({'timeout': 0}, 'timeout'),
    ({'timeout': 100}, 'timeout'), ({'ca': 'nowhere.pem'}, 'ca: nowhere.pem: there is no such file'),
    ({'bind_password_file': 'x'}, 'one of them'), ({'issuer': 'x'}, 'issuer'),
])
@pytest.mark.usefixtures('directory')
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    logins(tmp_path, **given)
    with pytest.raises(ConfigError, match=told) as caught:
        read_logins(str(tmp_path / 'logins.yml'))
    assert str(caught.value).startswith(f'logins: {tmp_path}/logins.yml: office: ')
    assert '\n' not in str(caught.value) and 'sesame' not in str(caught.value)


def test_a_directory_needs_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldap_settings, 'find_spec', lambda _: None)
    logins(tmp_path)
    with pytest.raises(ConfigError, match=r'kind: ldap needs python-ldap: pip install .objreg\[ldap\]'):
        read_logins(str(tmp_path / 'logins.yml'))


# The way there


STARTED = b'0\x0c\x02\x01\x01x\x07\n\x01\x00\x04\x00\x04\x00'


def serve(work: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    work(connection)
                except OSError:
                    return
        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def reach(port: int, seconds: float = 2, *, ca: str = '', scheme: str = 'ldap') -> socket.socket:
    more = settings(url=f'{scheme}://127.0.0.1:{port}', ca=ca)
    return ldap_tls.connect(more, f'{scheme}://127.0.0.1:{port}', time.monotonic() + seconds)


@pytest.mark.parametrize('scheme', ['ldap', 'ldaps'])
def test_what_is_said_goes_over_tls_both_ways(tmp_path: Path, scheme: str) -> None:
    ca = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca)

    def work(connection: socket.socket) -> None:
        if scheme == 'ldap':
            assert connection.recv(100).endswith(b'1.3.6.1.4.1.1466.20037')
            connection.sendall(STARTED)
        with context.wrap_socket(connection, server_side=True) as secure:
            while data := secure.recv(65536):
                secure.sendall(data[::-1])

    for port in serve(work):
        with reach(port, ca=str(ca), scheme=scheme) as plain:
            for data in (b'hello', b'x' * 40_000):
                plain.sendall(data)
                got = b''
                while len(got) < len(data):
                    got += plain.recv(65536)
                assert sorted(got) == sorted(data)


@pytest.mark.parametrize('answer', [
    b'', b'0', b'0\x0c\x02\x01\x01x\x07\n\x01\x01\x04\x00\x04\x00', b'0\x0c\x02\x01\x02x\x07\n\x01\x00\x04\x00\x04\x00',
    b'0\x82\xff\xff', b'0\x80', b'HTTP/1.1 200 OK\r\n', b'\0' * 50,
    STARTED + b'0\x0c\x02\x01\x02a\x07\n\x01\x00\x04\x00\x04\x00',
])
def test_a_server_that_does_not_begin_tls_hears_no_password(answer: bytes) -> None:
    """And what somebody on the way puts behind the answer is not taken for the server's (CVE-2011-0411's class)."""
    heard = []

    def work(connection: socket.socket) -> None:
        connection.recv(31)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        heard.append(connection.recv(65536))

    for port in serve(work):
        with pytest.raises(OSError, match='.'):
            reach(port)
    assert all(b'sesame' not in one for one in heard)


@pytest.mark.parametrize('scheme', ['ldap', 'ldaps'])
def test_a_server_that_says_nothing_is_left_in_time(scheme: str) -> None:
    done = threading.Event()
    for port in serve(lambda _: done.wait(5) and None):
        began = time.monotonic()
        with pytest.raises(OSError, match='time|long'):
            reach(port, 0.1, scheme=scheme)
        assert time.monotonic() - began < 4
        done.set()


def test_a_certificate_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))

    def work(connection: socket.socket) -> None:
        context.wrap_socket(connection, server_side=True).close()

    for port in serve(work):
        with pytest.raises(ssl.SSLCertVerificationError):
            reach(port, scheme='ldaps')
