"""Attacks on single sign-on: on the way to the provider and back, on what it signs, and on names; with precedents."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc.jwk import ECKey, OctKey

from objreg.hub import outbound
from objreg.hub.outbound import Answer
from objreg.hub.sealed import Sealed
from objreg.hub.sso.flow import local
from objreg.hub.sso.metadata import Directory
from tests.browsers import Browser
from tests.hubs import HOST, Site, basic, claims
from tests.openid import CLIENT, ISSUER, KEY, URL, OpenId, arrive, come_back, logins

COOKIE = '__Host-objreg-login'
ALICE = {'sub': '1', 'preferred_username': 'alice'}
MALLORY = {'sub': '666', 'preferred_username': 'mallory'}
LOST, BAD = (400, 'login-lost'), (502, 'provider')


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> OpenId:
    made = OpenId()
    monkeypatch.setattr(outbound, 'ask', made.ask)
    return made


@pytest.fixture
def browser(tmp_path: Path, provider: OpenId, cheap_passwords: None) -> Browser:
    """Alice's; everybody whom the provider knows has an account, and one of its groups administers the hub."""
    site = Site(tmp_path, hub=logins(tmp_path, administrators='hub-admins', teams={'staff': 'acme'}))
    site.user('bob')
    return Browser(site)


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json['type'].removeprefix('urn:objreg:problem:')


def begun(browser: Browser) -> str:
    return str(browser.ask('GET', '/auth/company').headers['Location'])


# The way there and back


def test_an_answer_without_or_with_another_state_is_nobodys(browser: Browser, provider: OpenId) -> None:
    """CSRF on the redirect URI (RFC 6819 section 4.4.1.8, CWE-352)."""
    answer = provider.log_in(begun(browser), **ALICE)
    for state in (None, '', 'x', answer['state'][:-1], answer['state'] + 'x', answer['state'].swapcase(), 'é'):
        changed = {**answer, 'state': state} if state is not None else {'code': answer['code']}
        assert told(come_back(browser, changed)) == LOST
    assert browser.user == '' and provider.asked == ['openid-configuration'], 'no code was tried'
    assert come_back(browser, answer).status_code == 303, 'and the right one still counts'


def test_nobody_is_logged_in_as_somebody_else_by_a_link(browser: Browser, provider: OpenId) -> None:
    """Login CSRF: an answer for mallory, which she got in her own browser, followed in that of alice."""
    thief = Browser(browser.site)
    stolen = provider.log_in(begun(thief), **MALLORY)
    assert told(come_back(browser, stolen)) == LOST
    provider_of_alice = begun(browser)
    assert told(come_back(browser, stolen)) == LOST, 'nor while alice is logging in herself'
    assert browser.user == ''
    come_back(browser, provider.log_in(provider_of_alice, **ALICE))
    assert browser.user == 'alice'


def test_an_answer_counts_once(browser: Browser, provider: OpenId) -> None:
    answer = provider.log_in(begun(browser), **ALICE)
    cookies = dict(browser.cookies)
    assert come_back(browser, answer).status_code == 303
    assert told(come_back(browser, answer)) == LOST
    browser.cookies = cookies  # whoever has kept the cookie has no code any more
    assert told(come_back(browser, answer)) == BAD


def test_a_code_of_another_login_is_worth_nothing(browser: Browser, provider: OpenId) -> None:
    """Injection of a code (RFC 9700 section 4.5): alice's code, in a login that mallory began; PKCE binds it."""
    thief = Browser(browser.site)
    stolen = provider.log_in(begun(browser), **ALICE)
    own = provider.log_in(begun(thief), **MALLORY)
    assert told(come_back(thief, {**own, 'code': stolen['code']})) == BAD
    assert thief.user == '' and '__Host-objreg' not in thief.cookies


def test_a_code_that_was_asked_for_without_the_challenge_is_not_exchanged(browser: Browser, provider: OpenId) -> None:
    """A provider that ignores PKCE is protected by the nonce still (RFC 9700 section 4.5.3.2)."""
    url = begun(browser)
    answer = provider.log_in(url, nonce='another login', **ALICE)
    assert told(come_back(browser, answer)) == BAD
    assert browser.user == ''


def test_what_is_sealed_for_a_login_is_nothing_else_and_nothing_else_is_that(
    browser: Browser, provider: OpenId
) -> None:
    """CVE-2026-123710's class."""
    answer = provider.log_in(begun(browser), **ALICE)
    good = browser.cookies[COOKIE]
    said = claims(good)
    hub = browser.site.hub
    for text in (
        Sealed(hub.signing, 'session').seal(said, 600), Sealed(hub.signing, 'login').seal(said, -3600), good[:-3],
        hub.signing.sign({**said, 'iss': 'objreg', 'aud': 'registry'}), f'{good}.x', 'x', '.' * 4000,
        Sealed(hub.signing, 'login').seal({'state': said['state']}, 600),
        Sealed(hub.signing, 'login').seal({**said, 'state': 7}, 600),
    ):
        browser.cookies[COOKIE] = text
        assert told(come_back(browser, answer)) == LOST
    for header in (f'{COOKIE}={good}; {COOKIE}={good}', f'objreg-login={good}', ''):
        path = f'/auth/company/callback?{urlencode(answer)}'
        assert told(browser.ask('GET', path, HTTP_COOKIE=header)) == LOST
    assert browser.ask('GET', '/api/v1/session', HTTP_COOKIE=f'__Host-objreg={good}').status_code == 401
    assert browser.site.ask('GET', '/v2/', authorization=f'Bearer {good}').status_code == 401


def test_a_login_of_one_provider_does_not_end_with_another(
    tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mix-up (RFC 9700 section 4.4): a provider that is evil gets no code of the honest one, nor gives one for it."""
    honest, evil = OpenId(), OpenId('https://evil.example')
    evil.metadata['authorization_response_iss_parameter_supported'] = True

    def ask(method: str, url: str, *rest: Any, **more: Any) -> Answer:
        return (evil if url.startswith(evil.issuer) else honest).ask(method, url, *rest, **more)

    monkeypatch.setattr(outbound, 'ask', ask)
    path = tmp_path / 'logins.yml'
    logins(tmp_path)
    company = json.loads(path.read_text())
    logins(tmp_path, name='evil', issuer=evil.issuer)
    path.write_text(json.dumps({**company, **json.loads(path.read_text())}))
    browser.site.layer('Hub').reload()
    answer = honest.log_in(begun(browser), **ALICE)
    assert told(come_back(browser, answer, at='evil')) == LOST, 'the way back is another one'
    at_evil = browser.ask('GET', '/auth/evil').headers['Location']
    answer = evil.log_in(at_evil, **ALICE)
    for iss in (ISSUER, None, '', f'{evil.issuer}/'):
        changed = {name: value for name, value in {**answer, 'iss': iss}.items() if value is not None}
        assert told(come_back(browser, changed, at='evil')) == BAD, 'RFC 9207'
        browser.ask('GET', '/auth/evil')
        answer = evil.log_in(browser.ask('GET', '/auth/evil').headers['Location'], **ALICE)
    assert 'token' not in honest.asked + evil.asked
    assert come_back(browser, answer, at='evil').status_code == 303


def test_the_same_subject_of_two_providers_is_two_people(
    tmp_path: Path, browser: Browser, provider: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(browser, provider, **ALICE)
    other = OpenId('https://other.example')
    monkeypatch.setattr(outbound, 'ask', other.ask)
    logins(tmp_path, issuer=other.issuer)
    browser.site.layer('Hub').reload()
    answer = arrive(Browser(browser.site), other, **ALICE)
    assert told(answer) == (403, 'taken')


NONSENSE: list[tuple[dict[str, str], tuple[int, str]]] = [
    ({'error': 'access_denied', 'error_description': '<script>'}, (403, 'provider-refused')),
    ({'error': '<script>alert(1)</script>'}, (403, 'provider-refused')), ({'error': ''}, (403, 'provider-refused')),
    ({}, BAD), ({'code': ''}, BAD), ({'code': 'x' * 5000}, BAD), ({'code': 'unknown'}, BAD),
    ({'code': 'x', 'iss': 'https://evil.example'}, BAD), ({'error': 'x', 'iss': 'https://evil.example'}, BAD),
    ({f'p{n}': 'x' for n in range(30)}, BAD),
]


def test_an_answer_that_makes_no_sense_lets_nobody_in(browser: Browser, provider: OpenId) -> None:
    for answer, expected in NONSENSE:
        state = provider.log_in(begun(browser))['state']
        found = come_back(browser, {'state': state, **answer})
        assert told(found) == expected and b'<script>' not in found.body
    assert browser.user == ''


def test_a_parameter_that_is_there_twice_is_nobodys(browser: Browser, provider: OpenId) -> None:
    answer = provider.log_in(begun(browser), **ALICE)
    found = browser.ask('GET', f'/auth/company/callback?{urlencode(answer)}&code=x')
    assert told(found) == BAD


ELSEWHERE = [
    'https://evil.example/', '//evil.example', '/\\evil.example', '\\\\evil.example', '/\t/evil.example',
    'evil.example', '/a b', '/\r\nSet-Cookie: a=b', 'javascript:alert(1)', '///evil.example', ' /x', '@evil.example',
    '.evil.example', 'http:evil.example', '/é', '', '/' + 'x' * 1000, ':80/x', '?x', '/\x00', '/x\\..\\y',
]


def test_a_login_leads_nowhere_else(browser: Browser, provider: OpenId) -> None:
    """Open redirect (CWE-601), and response splitting (CWE-113)."""
    for next in ELSEWHERE:
        assert local(next) == '/'
        answer = arrive(browser, provider, next=next, **ALICE)
        assert answer.headers['Location'] == f'{URL}/' and list(browser.cookies) == ['__Host-objreg']


@pytest.mark.parametrize('next', ['/', '/acme/app', '/acme/app?tab=tags&n=1#x', '/%2f%2fevil.example', '/@x', '/a//b'])
def test_a_login_leads_back_to_where_somebody_was(next: str) -> None:
    assert local(next) == next


def test_the_header_host_leads_nowhere(browser: Browser, provider: OpenId) -> None:
    """Host header injection (CWE-644): neither there nor back."""
    there = browser.ask('GET', '/auth/company?next=/x', HTTP_HOST='evil.example').headers['Location']
    assert 'evil' not in there
    answer = provider.log_in(there, **ALICE)
    path = f'/auth/company/callback?{urlencode(answer)}'
    assert browser.ask('GET', path, HTTP_HOST='evil.example').headers['Location'] == f'https://{HOST}/x'


# What the provider signs


OTHER = ECKey.generate_key('P-256', parameters={'kid': 'one'})
NOW = int(time.time())


WRONG: list[dict[str, Any]] = [
    {'iss': 'https://evil.example'}, {'iss': f'{ISSUER}/'}, {'iss': None}, {'aud': 'another'}, {'aud': None},
    {'aud': []}, {'aud': [CLIENT, 'another']}, {'aud': [CLIENT, 'another'], 'azp': 'another'}, {'azp': 'another'},
    {'aud': CLIENT.upper()}, {'exp': NOW - 3600}, {'exp': None}, {'iat': NOW - 3600}, {'iat': NOW + 3600},
    {'iat': None}, {'iat': 'now'}, {'iat': True}, {'nbf': NOW + 3600}, {'nonce': None}, {'nonce': 'x'},
    {'nonce': ['x']}, {'sub': None}, {'sub': ''}, {'sub': 7}, {'sub': 'x' * 256}, {'sub': 'a\nb'}, {'sub': ['1']},
    {'at_hash': 'x'}, {'at_hash': None, 'nonce': ''}, {'at_hash': 7}, {'groups': 'hub-admins'},
    {'groups': 'hub-admins staff'}, {'groups': {'hub-admins': True}}, {'groups': [['hub-admins']]}, {'groups': 7},
    {'groups': ['x'] * 20_001}, {'_claim_names': {'groups': 'src1'}},
]


def test_an_id_token_is_for_this_hub_this_login_and_this_moment(browser: Browser, provider: OpenId) -> None:
    """OpenID Connect Core 1.0, section 3.1.3.7; and what it says of groups is a list, or nothing."""
    for said in WRONG:
        provider.claims = said
        assert told(arrive(browser, provider, **ALICE)) == BAD, said
    assert browser.user == '' and browser.site.hub.accounts.find('alice') is None


RIGHT: list[dict[str, Any]] = [
    {}, {'aud': [CLIENT]}, {'aud': [CLIENT, 'another'], 'azp': CLIENT}, {'azp': CLIENT},
    {'at_hash': base64.urlsafe_b64encode(hashlib.sha256(b'an access token').digest()[:16]).rstrip(b'=').decode()},
    {'groups': []}, {'groups': [f'group {n}' for n in range(500)]}, {'email': 'no address'}, {'name': 7},
]


def test_one_that_is_lets_him_in(browser: Browser, provider: OpenId) -> None:
    """Without which the test above would prove nothing."""
    for said in RIGHT:
        provider.claims = said
        browser.cookies = {}
        arrive(browser, provider, **ALICE)
        assert browser.user == 'alice', said


def test_an_id_token_is_signed_by_a_key_that_the_provider_publishes(browser: Browser, provider: OpenId) -> None:
    """CVE-2022-23540 (none), CVE-2026-48526 (the public key as a secret), CVE-2026-27962 (a key of its own)."""
    real = provider.token
    public = KEY.as_pem(private=False)

    def by_hand(header: dict[str, Any], secret: bytes | None) -> Any:
        def token(asked: dict[str, str]) -> str:
            signed = f'{_base64(json.dumps(header).encode())}.{real(asked).split(".")[1]}'
            return f'{signed}.{_base64(hmac.digest(secret, signed.encode(), "sha256")) if secret else ""}'
        return token

    for header, secret in (
        ({'alg': 'none'}, None), ({'alg': 'None'}, None), ({'alg': 'HS256', 'kid': 'one'}, public),
        ({'alg': 'HS256', 'kid': 'one'}, CLIENT.encode()), ({'alg': ''}, None), ({}, None), ({'alg': ['ES256']}, None),
    ):
        provider.token = by_hand(header, secret)  # type: ignore[method-assign]
        assert told(arrive(browser, provider, **ALICE)) == BAD, header
    provider.token = real  # type: ignore[method-assign]
    for key, more in ((OTHER, {}), (OTHER, {'jwk': OTHER.as_dict(private=False)}), (KEY, {'kid': 'two'})):
        provider.key, provider.header = key, {'alg': 'ES256', 'kid': 'one', **more}
        assert told(arrive(browser, provider, **ALICE)) == BAD, more
    assert browser.user == ''


def test_an_algorithm_that_the_operator_does_not_name_is_not_accepted(
    tmp_path: Path, browser: Browser, provider: OpenId
) -> None:
    logins(tmp_path, algorithms=['RS256'])
    browser.site.layer('Hub').reload()
    assert told(arrive(browser, provider, **ALICE)) == BAD


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


ANSWERS = [
    ('openid-configuration', Answer(200, '')), ('openid-configuration', Answer(200, '[' * 100_000)),
    ('openid-configuration', Answer(200, '{"issuer": 7}')), ('openid-configuration', Answer(302, '')),
    ('openid-configuration', Answer(0, '_NotWhole: it is too large')), ('token', Answer(200, 'null')),
    ('token', Answer(200, '{"access_token": "x"}')), ('token', Answer(200, '{"access_token": 7, "id_token": 7}')),
    ('token', Answer(500, '')), ('token', Answer(0, 'ReadTimeoutError')), ('jwks', Answer(200, '{}')),
    ('token', Answer(200, json.dumps({'access_token': 'x', 'id_token': 'x.' * 20_000}))),
    ('jwks', Answer(0, 'it takes too long')), ('jwks', Answer(200, '{"keys": []}')),
    ('userinfo', Answer(200, '{"sub": "2", "groups": ["hub-admins"]}')), ('userinfo', Answer(401, '')),
    ('userinfo', Answer(200, '["sub"]')), ('userinfo', Answer(200, '{"groups": ["hub-admins"]}')),
    ('userinfo', Answer(0, '_NotWhole: it is too large')),
]


def unlearn(browser: Browser) -> None:
    """The hub knows nothing of the provider."""
    login = browser.site.hub.logins.find('company')
    browser.site.hub.logins._logins = {'company': login._replace(directory=Directory(login.settings))}


def test_a_provider_that_answers_nonsense_lets_nobody_in(browser: Browser, provider: OpenId) -> None:
    for place, answer in ANSWERS:
        unlearn(browser)
        provider.answers = {place: answer}
        found = browser.ask('GET', '/auth/company')
        if found.status_code == 303:
            found = come_back(browser, provider.log_in(found.headers['Location'], **ALICE))
        assert told(found) == BAD and ISSUER.encode() not in found.body, 'and what it said is for the log'
    assert browser.user == ''


PUBLISHED = [
    {'issuer': f'{ISSUER}/'}, {'issuer': 'https://evil.example'}, {'token_endpoint': 'http://id.example/token'},
    {'jwks_uri': 'file:///etc/passwd'}, {'token_endpoint': 'https://user@id.example/token'}, {'jwks_uri': ''},
    {'authorization_endpoint': 'javascript:alert(1)'}, {'authorization_endpoint': f'{ISSUER}/a\r\nb'},
    {'userinfo_endpoint': 'http://evil.example'}, {'authorization_endpoint': f'{ISSUER}/\u00e9'},
]


def test_a_provider_publishes_nothing_but_safe_urls_under_its_own_name(browser: Browser, provider: OpenId) -> None:
    """OpenID Connect Discovery 1.0, section 4.3; CWE-918."""
    for published in PUBLISHED:
        unlearn(browser)
        provider.metadata = published
        assert told(browser.ask('GET', '/auth/company')) == BAD, published


def test_a_provider_leads_to_no_private_address(tmp_path: Path, cheap_passwords: None) -> None:
    """SSRF (CWE-918): the real client, without a network of the operator's."""
    browser = Browser(Site(tmp_path, hub=logins(tmp_path, issuer='https://127.0.0.1:1')))
    assert told(browser.ask('GET', '/auth/company')) == BAD
    assert browser.site.hub.logins.find('company').directory._failure.endswith(
        'a private address: nothing is sent there')


# Names


NAMES: list[tuple[Any, str]] = [
    ('bob', 'taken'), ('BOB', 'taken'), ('root', 'name'), ('admin', 'name'), ('acme+ci', 'name'),
    ('\u0430lice', 'name'), ('\u212aelvin', 'name'), ('bob\u200b', 'name'), ('b\u0131ll', 'name'), ('', 'name'),
    ('../bob', 'name'), ('bob/app', 'name'), ('bob ', 'name'), ('x' * 65, 'name'), ('bob@example.org', 'name'),
    ('bob\x00', 'name'), ('library', 'name'), (None, 'name'), (['bob'], 'name'), ({'a': 1}, 'name'),
    ('a_b', 'taken'), ('a.b', 'taken'),
]


def test_nobody_gets_anothers_account_by_his_name(browser: Browser, provider: OpenId) -> None:
    """CVE-2019-19844's class: not by a name, nor by one that looks like it."""
    browser.site.user('a-b')
    for name, expected in NAMES:
        answer = arrive(browser, provider, sub='666', preferred_username=name, email='bob@example.org')
        assert told(answer) == (403, expected) and 'objreg user link' in answer.json['detail'], name
        assert browser.user == '' and list(browser.site.store.list('hub/links/')) == []
    arrive(browser, provider, sub='666', preferred_username='b-o-b')
    assert browser.user == 'b-o-b'


def test_an_address_that_the_provider_did_not_look_at_is_not_kept(browser: Browser, provider: OpenId) -> None:
    arrive(browser, provider, email='bob@example.org', email_verified=False, **ALICE)
    assert browser.site.hub.accounts.profile('alice').email == ''


def test_only_the_group_that_is_named_administers(browser: Browser, provider: OpenId) -> None:
    for groups in (['HUB-ADMINS'], ['hub-admins '], ['hub-admin'], [''], ['hub-admins/x'], ['hub-admins\u200b']):
        arrive(browser, provider, groups=groups, **ALICE)
        assert not browser.site.hub.accounts.is_administrator('alice')
    arrive(browser, provider, groups=['hub-admins'], **ALICE)
    assert browser.site.hub.accounts.is_administrator('alice')


def test_a_session_of_single_sign_on_sets_no_password(browser: Browser, provider: OpenId) -> None:
    """CWE-620: there is no old one to say."""
    arrive(browser, provider, **ALICE)
    for old in ('', 'x', '!'):
        answer = browser.ask('PUT', '/api/v1/users/alice/password', {'new': 'correct horse', 'old': old})
        assert answer.status_code == 400
    header = basic('alice', '')
    assert browser.site.ask('GET', '/token', authorization=header).status_code == 401


def test_a_public_key_of_a_secret_kind_verifies_nothing(browser: Browser, provider: OpenId) -> None:
    """A provider that publishes a shared secret: nobody may sign by it."""
    secret = OctKey.generate_key(256, parameters={'kid': 'one'})
    provider.answers['jwks'] = Answer(200, json.dumps({'keys': [secret.as_dict(private=True)]}))
    provider.key, provider.header = secret, {'alg': 'HS256', 'kid': 'one'}
    assert told(arrive(browser, provider, **ALICE)) == BAD
