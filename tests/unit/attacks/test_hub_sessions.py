"""Attacks on sessions: planting, forging, and using them from other pages; each with its precedent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from objreg.hub.audit import Wanted
from objreg.hub.records import Scope
from objreg.hub.sealed import Sealed
from tests.browsers import Browser
from tests.hubs import HOST, Site, basic, claims, password

COOKIE = '__Host-objreg'


@pytest.fixture
def browser(site: Site) -> Browser:
    """Alice's, before she logs in."""
    for user in ('alice', 'mallory'):
        site.user(user)
    return Browser(site)


# Fixation


def test_a_cookie_that_was_planted_does_not_become_the_one_that_is_logged_in(browser: Browser) -> None:
    """CWE-384: the hub takes no session's id from a browser; every login has another one."""
    thief = Browser(browser.site)
    thief.log_in('mallory')
    planted = thief.cookies[COOKIE]
    browser.cookies[COOKIE] = planted
    browser.log_in('alice')
    assert browser.cookies[COOKIE] != planted and browser.user == 'alice'
    assert thief.user == 'mallory', 'and what he planted is still his own, and only that'
    first = claims(browser.cookies[COOKIE])['sid']
    browser.log_in('alice')
    assert first != claims(browser.cookies[COOKIE])['sid'] != claims(planted)['sid']


def test_over_https_a_cookie_that_anybody_could_plant_does_not_count(browser: Browser) -> None:
    """CWE-384, RFC 6265bis section 4.1.3.2: a neighbouring host, or a page over http, sets no ``__Host-`` cookie."""
    browser.log_in('alice')
    text = browser.cookies[COOKIE]
    for header in (f'objreg-session={text}', f'__host-objreg={text}', f'{COOKIE}-x={text}', f'x{COOKIE}={text}'):
        assert browser.ask('GET', '/api/v1/session', HTTP_COOKIE=header).status_code == 401
    plain = Browser(browser.site, 'http')
    plain.log_in('alice')
    assert plain.user == 'alice'
    assert plain.ask('GET', '/api/v1/session', HTTP_COOKIE=f'{COOKIE}={text}').status_code == 401


def test_of_two_cookies_of_one_name_none_counts(browser: Browser) -> None:
    """Cookie tossing: where two are sent, one of them was planted, and nobody knows which."""
    thief = Browser(browser.site)
    thief.log_in('mallory')
    browser.log_in('alice')
    header = f'{COOKIE}={thief.cookies[COOKIE]}; {COOKIE}={browser.cookies[COOKIE]}'
    assert browser.ask('GET', '/api/v1/session', HTTP_COOKIE=header).status_code == 401


# Forging


def forged(browser: Browser) -> dict[str, str]:
    """What is none, or another one's, or for another purpose."""
    site = browser.site
    browser.log_in('alice')
    good = browser.cookies[COOKIE]
    said = claims(good)
    head, body, tail = good.split('.')
    other = Sealed(site.hub.signing, 'login')
    sign = site.hub.signing.sign
    account = site.hub.accounts.find('alice').id
    return {
        'an access token (CVE-2026-123710)': site.token('alice', 'repository:alice/app:pull'),
        'one with all that a session says, for a registry': sign({**said, 'iss': 'objreg', 'aud': 'registry'}),
        'what was sealed for another purpose': other.seal(said, 600),
        'without an id': sign({name: value for name, value in said.items() if name != 'sid'}),
        'without an end': sign({name: value for name, value in said.items() if name != 'exp'}),
        'of another account': sign({**said, 'account': 'x' * 32}),
        'of another epoch': sign({**said, 'epoch': ''}),
        'of mallory by the id of alice': sign({**said, 'sub': 'mallory', 'account': account}),
        'of nobody': sign({**said, 'sub': ''}), 'of a path': sign({**said, 'sub': '../alice'}),
        'of a robot': sign({**said, 'sub': 'alice+ci'}),
        'that is over': sign({**said, 'exp': int(time.time()) - 3600}),
        'that is not begun': sign({**said, 'iat': int(time.time()) + 3600}),
        'unsigned (CVE-2022-23540)': 'eyJhbGciOiJub25lIn0.' + body + '.',
        'with another signature': f'{head}.{body}.{tail[::-1]}', 'cut': good[:-5], 'twice': f'{good}.{good}',
        'a key of his own (CVE-2026-27962)': _by_secret(said, 'secret'),
        'the public key as a secret (CVE-2026-48526)': _by_secret(said, site.hub.signing.bundle().decode()),
        'a token of hers': site.pat('alice'), 'her name': 'alice', 'dots (CVE-2025-30204)': '.' * 8_000,
    }


def _by_secret(said: dict[str, Any], secret: str) -> str:
    """By hand, as libraries refuse to."""
    signed = '.'.join(_base64(json.dumps(part).encode()) for part in ({'alg': 'HS256', 'typ': 'JWT'}, said))
    return f'{signed}.{_base64(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}'


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def test_nothing_but_a_session_is_a_session(browser: Browser) -> None:
    for what, text in forged(browser).items():
        answer = browser.ask('GET', '/api/v1/users/alice/tokens', HTTP_COOKIE=f'{COOKIE}={text}')
        assert answer.status_code == 401, what
    assert browser.user == 'alice', 'while the right one counts'


def test_a_session_is_nothing_at_a_registry(browser: Browser) -> None:
    """CVE-2026-123710's class: signed by the same keys, and for somebody else."""
    browser.log_in('alice')
    site, text = browser.site, browser.cookies[COOKIE]
    assert site.ask('GET', '/v2/', authorization=f'Bearer {text}').status_code == 401
    assert site.ask('GET', '/api/v1/users/alice/tokens', authorization=f'Bearer {text}').status_code == 401
    assert site.ask('GET', '/token', authorization=basic('alice', text)).status_code == 401
    for path in ('/v2/', '/v2/alice/app/tags/list'):
        assert browser.ask('GET', path).status_code == 401, 'nor by its cookie'


def test_a_session_is_had_by_a_password_alone(browser: Browser) -> None:
    """CVE-2025-68944's class: what a token is limited to is not lost on the way."""
    site = browser.site
    for secret in (site.pat('alice', [Scope(('pull',))]), site.pat('alice'), '', 'wrong', 'x' * 1024):
        assert browser.log_in('alice', secret or ' ').status_code == 401
    for name in ('alice+ci', 'acme', '', 'nobody', '../alice', 'ALICE', 'alice\0'):
        assert browser.log_in(name, password('alice')).status_code == 401
    assert browser.cookies == {}


def test_guessing_is_slowed_down_and_tells_nothing(browser: Browser) -> None:
    """CVE-2019-19030, CVE-2020-13794: the same answer for who is there and who is not; and CWE-307."""
    answers = {
        name: browser.log_in(name, 'a guess').body for name in ('alice', 'nobody')
    }
    assert len(set(answers.values())) == 1
    browser.site.hub.accounts.suspend('mallory', by='')
    assert browser.log_in('mallory').body == answers['nobody']
    statuses = [browser.log_in('alice', 'a guess').status_code for _ in range(15)]
    assert statuses[-1] == 429 and browser.log_in('alice').status_code == 429
    events = [event.action for _, event in browser.site.hub.audit.find(Wanted(action='session'))]
    assert events == []


# From other pages


@pytest.mark.parametrize('said', [
    {'HTTP_ORIGIN': 'https://evil.example'}, {'HTTP_ORIGIN': 'null'}, {'HTTP_ORIGIN': ''}, {'HTTP_ORIGIN': None},
    {'HTTP_ORIGIN': f'http://{HOST}'}, {'HTTP_ORIGIN': f'https://{HOST}:8443'}, {'HTTP_ORIGIN': f'https://x.{HOST}'},
    {'HTTP_ORIGIN': f'https://{HOST}.evil.example'}, {'HTTP_ORIGIN': f'https://{HOST}@evil.example'},
    {'HTTP_ORIGIN': f'https://evil.example/{HOST}'}, {'HTTP_ORIGIN': 'https://[::1'}, {'HTTP_ORIGIN': '//' + HOST},
    {'HTTP_SEC_FETCH_SITE': 'cross-site'}, {'HTTP_SEC_FETCH_SITE': 'same-site'}, {'HTTP_SEC_FETCH_SITE': ''},
    {'CONTENT_TYPE': 'text/plain'}, {'CONTENT_TYPE': 'application/x-www-form-urlencoded'}, {'CONTENT_TYPE': None},
])
def test_a_page_of_somebody_else_changes_nothing(browser: Browser, said: dict[str, Any]) -> None:
    """CVE-2019-19025 (Harbor): the browser sends the cookie, and the page is another one's."""
    browser.log_in('alice')
    for method, path, document in (
        ('POST', '/api/v1/users/alice/tokens', {}), ('PATCH', '/api/v1/users/alice', {'full_name': 'x'}),
        ('DELETE', '/api/v1/users/alice', None), ('DELETE', '/api/v1/session', None),
    ):
        answer = browser.ask(method, path, document, **said)
        assert answer.status_code == 403 and answer.headers['Content-Type'] == 'application/problem+json'
    assert browser.user == 'alice' and browser.site.hub.tokens.held_by('alice') == []


@pytest.mark.parametrize('said', [
    {'HTTP_SEC_FETCH_SITE': 'same-origin'}, {'HTTP_SEC_FETCH_SITE': 'none', 'HTTP_ORIGIN': None},
    {'HTTP_ORIGIN': f'https://{HOST}:443'}, {'HTTP_ORIGIN': f'https://{HOST.upper()}'},
])
def test_a_page_of_the_hub_may(browser: Browser, said: dict[str, Any]) -> None:
    browser.log_in('alice')
    assert browser.ask('POST', '/api/v1/users/alice/tokens', {}, **said).status_code == 201


@pytest.mark.parametrize('said', [
    {'HTTP_ORIGIN': 'https://evil.example'}, {'HTTP_SEC_FETCH_SITE': 'cross-site'}, {'HTTP_ORIGIN': 'null'},
])
def test_nobody_is_logged_in_as_somebody_else_by_a_page(browser: Browser, said: dict[str, Any]) -> None:
    """Login CSRF (CWE-352): alice would work in an account that is mallory's."""
    answer = browser.ask('POST', '/api/v1/session', {'name': 'mallory', 'password': password('mallory')}, **said)
    assert answer.status_code == 403 and browser.cookies == {}


def test_a_program_without_origin_may_log_in(browser: Browser) -> None:
    browser.said = {}
    assert browser.log_in('alice').status_code == 200 and browser.user == 'alice'


def test_a_header_goes_before_a_cookie(browser: Browser) -> None:
    """Nobody is two people: a bad header is refused, whatever the cookie says."""
    browser.log_in('alice')
    answer = browser.ask('GET', '/api/v1/me', HTTP_AUTHORIZATION=basic('mallory', password('mallory')))
    assert answer.json['name'] == 'mallory'
    assert browser.ask('GET', '/api/v1/me', HTTP_AUTHORIZATION='Bearer x').status_code == 401
    header = basic('alice', password('alice'))
    assert browser.ask('GET', '/api/v1/session', HTTP_AUTHORIZATION=header).status_code == 401
