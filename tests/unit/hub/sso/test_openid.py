"""Logging in by an OpenID provider: the way there and back, and who somebody is afterwards."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from objreg.hub import outbound
from objreg.hub.audit import Wanted
from objreg.hub.outbound import Answer
from objreg.hub.records import Profile
from objreg.hub.sso.metadata import Directory
from objreg.hub.sso.person import ProviderFailed
from tests.browsers import Browser
from tests.hubs import Site, password
from tests.openid import CLIENT, ISSUER, SECRET, URL, OpenId, arrive, come_back, logins

ALICE = {'sub': '1', 'preferred_username': 'alice', 'email': 'alice@example.org', 'name': 'Alice A.'}


def test_somebody_new_has_an_account_and_a_session(browser: Browser, provider: OpenId) -> None:
    answer = arrive(browser, provider, next='/acme/app?tab=tags', **ALICE)
    assert (answer.status_code, answer.headers['Location']) == (303, f'{URL}/acme/app?tab=tags')
    assert browser.user == 'alice' and list(browser.cookies) == ['__Host-objreg']
    hub = browser.site.hub
    assert hub.accounts.profile('alice') == Profile('alice@example.org', 'Alice A.')
    assert hub.accounts.password_changed('alice') == 0, 'and no password'
    events = [(event.action, event.more) for _, event in hub.audit.find(Wanted(by='alice'))]
    assert events == [('user.signup', {'provider': 'company'}), ('session.login', {'provider': 'company'})]
    assert browser.ask('DELETE', '/api/v1/session').status_code == 204
    assert browser.user == ''


def test_what_the_provider_is_asked(browser: Browser, provider: OpenId) -> None:
    provider.metadata['authorization_endpoint'] = f'{ISSUER}/authorize?tenant=x'
    answer = browser.ask('GET', '/auth/company', HTTP_HOST='evil.example')
    url = urlsplit(answer.headers['Location'])
    asked = parse_qs(url.query)
    assert f'{url.scheme}://{url.netloc}{url.path}' == f'{ISSUER}/authorize' and asked.pop('tenant') == ['x']
    assert asked['redirect_uri'] == [f'{URL}/auth/company/callback'], 'whatever the header Host says'
    assert (asked['scope'], asked['code_challenge_method']) == (['openid profile email'], ['S256'])
    assert len({*asked['state'], *asked['nonce'], *asked['code_challenge']}) == 3
    assert {len(asked[name][0]) for name in ('state', 'nonce', 'code_challenge')} == {43}
    kept = answer.headers['Set-Cookie']
    assert kept.startswith('__Host-objreg-login=') and kept.endswith(
        '; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure')
    assert (answer.headers['Cache-Control'], answer.headers['Referrer-Policy']) == ('no-store', 'no-referrer')


def test_whoever_comes_again_is_the_same_whatever_he_is_called(browser: Browser, provider: OpenId) -> None:
    arrive(browser, provider, **ALICE)
    again = Browser(browser.site)
    arrive(again, provider, **ALICE | {'preferred_username': 'olga', 'email': 'a@b.example', 'name': None})
    assert again.user == 'alice'
    assert browser.site.hub.accounts.profile('alice') == Profile('a@b.example', 'Alice A.')
    assert provider.asked.count('openid-configuration') == provider.asked.count('jwks') == 1, 'which are kept'


def test_another_node_finishes_what_one_began(
    browser: Browser, provider: OpenId, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp('other')
    other = Site(folder, hub=logins(folder))
    for part in (other.hub.signing, other.hub.links, other.hub.accounts, other.hub.groups, other.hub.sessions):
        part._store = browser.site.store
    begun = browser.ask('GET', '/auth/company')
    elsewhere = Browser(other)
    elsewhere.cookies = browser.cookies
    come_back(elsewhere, provider.log_in(begun.headers['Location'], **ALICE))
    assert elsewhere.user == 'alice'


def test_what_the_id_token_does_not_say_the_provider_is_asked_for(browser: Browser, provider: OpenId) -> None:
    provider.userinfo = {**ALICE, 'groups': ['platform'], 'sub': '1'}
    arrive(browser, provider, sub='1')
    assert browser.user == 'alice' and provider.asked[-1] == 'userinfo'
    assert browser.site.hub.organisations.place('acme', 'alice').teams == {'core'}


@pytest.mark.parametrize(('methods', 'secret'), [(['client_secret_post'], SECRET), (None, '')])
def test_the_client_says_who_it_is_as_the_provider_wants_it(
    tmp_path: Path, provider: OpenId, monkeypatch: pytest.MonkeyPatch, methods: list[str] | None, secret: str
) -> None:
    sent: list[tuple[dict[str, list[str]], dict[str, str]]] = []
    if methods:
        provider.metadata['token_endpoint_auth_methods_supported'] = methods

    def ask(method: str, url: str, body: bytes | None, headers: dict[str, str], *_: object, **__: object) -> Answer:
        if url.endswith('/token'):
            sent.append((parse_qs((body or b'').decode()), headers))
            return Answer(400, '')
        return provider.ask(method, url, body, headers)

    monkeypatch.setattr(outbound, 'ask', ask)
    arrive(Browser(Site(tmp_path, hub=logins(tmp_path, client_secret=secret))), provider)
    (form, headers), = sent
    assert form['client_id'] == [CLIENT] and form.get('client_secret', ['']) == [secret]
    assert 'Authorization' not in headers


def test_nobody_new_has_an_account_unless_the_file_says_so(tmp_path: Path, provider: OpenId) -> None:
    browser = Browser(Site(tmp_path, hub=logins(tmp_path, create=False)))
    answer = arrive(browser, provider, **ALICE)
    assert (answer.status_code, answer.json['type']) == (403, 'urn:objreg:problem:no-account')
    assert 'objreg user link NAME company 1' in answer.json['detail']
    assert browser.user == '' and browser.cookies == {} and list(browser.site.store.list('hub/links/')) == []


def test_a_suspended_account_stays_out(browser: Browser, provider: OpenId) -> None:
    arrive(browser, provider, **ALICE)
    browser.site.hub.accounts.suspend('alice', by='')
    answer = arrive(Browser(browser.site), provider, groups=['hub-admins'], **ALICE)
    assert (answer.status_code, answer.json['type']) == (403, 'urn:objreg:problem:suspended')
    assert browser.user == '' and not browser.site.hub.accounts.is_administrator('alice')


def test_the_account_of_somebody_who_was_deleted_does_not_come_back(browser: Browser, provider: OpenId) -> None:
    arrive(browser, provider, **ALICE)
    browser.ask('DELETE', '/api/v1/users/alice')
    for name in ('alice', 'alice-again'):
        answer = arrive(Browser(browser.site), provider, **ALICE | {'preferred_username': name})
        assert (answer.status_code, answer.json['type']) == (403, 'urn:objreg:problem:gone')
    assert browser.site.hub.accounts.find('alice-again') is None


def test_a_provider_that_is_away_holds_up_nobody_who_logs_in_otherwise(browser: Browser, provider: OpenId) -> None:
    provider.answers['openid-configuration'] = Answer(0, 'ReadTimeoutError')
    for _ in range(3):
        answer = browser.ask('GET', '/auth/company')
        assert (answer.status_code, answer.json['type']) == (502, 'urn:objreg:problem:provider')
    assert provider.asked == ['openid-configuration'], 'it is left alone for a while'
    assert browser.log_in('olga').status_code == 200


def test_who_waits_for_a_slow_provider_gives_up_while_another_asks(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('objreg.hub.sso.metadata._PATIENCE', 0.01)
    directory: Directory = browser.site.hub.logins.find('company').directory
    asked, go = threading.Event(), threading.Event()

    def slowly(*_: object, **__: object) -> Answer:
        asked.set()
        go.wait(10)
        return Answer(0, 'slow')

    monkeypatch.setattr(outbound, 'ask', slowly)
    first = threading.Thread(target=lambda: pytest.raises(ProviderFailed, directory.current))
    first.start()
    asked.wait(10)
    with pytest.raises(ProviderFailed, match='not answered yet'):
        directory.current()
    go.set()
    first.join()


def test_a_provider_that_is_slow_with_codes_holds_up_two_threads_and_no_more(
    browser: Browser, provider: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('objreg.hub.sso.metadata._PATIENCE', 0.01)
    begun = browser.ask('GET', '/auth/company').headers['Location']
    directory = browser.site.hub.logins.find('company').directory
    with directory.turn(), directory.turn():
        assert come_back(browser, provider.log_in(begun, **ALICE)).status_code == 502
    assert 'token' not in provider.asked
    assert arrive(browser, provider, **ALICE).status_code == 303


def test_what_was_learnt_serves_while_the_provider_is_away(
    browser: Browser, provider: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.ask('GET', '/auth/company')
    provider.answers['openid-configuration'] = Answer(503, '')
    monkeypatch.setattr('objreg.hub.sso.metadata._KEEP', -1.0)
    assert browser.ask('GET', '/auth/company').status_code == 303


def test_the_providers_are_told(browser: Browser) -> None:
    assert browser.ask('GET', '/api/v1/logins').json == [
        {'name': 'company', 'kind': 'oidc', 'title': 'company', 'path': '/auth/company'}
    ]


def test_there_is_nothing_beside(browser: Browser) -> None:
    for path in ('/auth/', '/auth/other', '/auth/company/', '/auth/company/callback/', '/auth/x/y'):
        assert browser.ask('GET', path).status_code == 404


def test_nothing_but_get(browser: Browser) -> None:
    for path in ('/auth/company', '/auth/company/callback'):
        for method in ('POST', 'HEAD', 'PUT'):
            assert browser.ask(method, path).status_code == 405


def test_the_file_is_read_again_and_a_broken_one_leaves_what_was_read(
    browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layer, path = browser.site.layer('Hub'), tmp_path / 'logins.yml'
    before = browser.site.hub.logins.find('company')
    layer.reload()
    assert browser.site.hub.logins.find('company') is before, 'with what it has learnt'
    path.write_text('{')
    layer.reload()
    assert 'it is not read again' in caplog.text
    assert browser.site.hub.logins.find('company') is before
    logins(tmp_path, name='other')
    layer.reload()
    assert [one['name'] for one in browser.ask('GET', '/api/v1/logins').json] == ['other']


def test_a_token_made_in_such_a_session_is_what_docker_logs_in_by(browser: Browser, provider: OpenId) -> None:
    arrive(browser, provider, **ALICE)
    pat = browser.ask('POST', '/api/v1/users/alice/tokens', {'label': 'docker'}).json['token']
    assert browser.site.token('alice', 'repository:alice/app:pull,push', secret=pat)
    assert browser.log_in('alice', password('alice')).status_code == 401
    assert json.loads(browser.ask('GET', '/api/v1/me').body)['administrator'] is False
