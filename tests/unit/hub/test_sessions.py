"""Sessions of browsers: how they begin, what they cost, and all that ends them."""

from __future__ import annotations

import pytest

from objreg.config import ConfigError
from objreg.hub import keys
from objreg.hub.audit import Wanted
from objreg.hub.sealed import LEEWAY, Sealed
from objreg.hub.sessions import LONGEST
from objreg.hub.signing import LAST_TOKENS
from objreg.middleware.hub import Hub
from objreg.testing.fakes import FakeApp
from objreg.testing.faults import CountingStore
from tests.browsers import Browser
from tests.hubs import Site

HOUR = 3600


@pytest.fixture
def browser(site: Site) -> Browser:
    """Nobody is logged in; alice and bob might."""
    for user in ('alice', 'bob'):
        site.user(user)
    return Browser(site)


def test_a_browser_logs_in_is_known_and_logs_out(browser: Browser) -> None:
    answer = browser.log_in('alice')
    assert answer.status_code == 200 and answer.json['user'] == 'alice'
    assert browser.ask('GET', '/api/v1/me').json == {'name': 'alice', 'administrator': False, 'kind': 'user'}
    shown = browser.ask('GET', '/api/v1/session')
    assert shown.json == answer.json and shown.headers['Cache-Control'] == 'no-store'
    assert browser.ask('POST', '/api/v1/users/alice/tokens', {'label': 'laptop'}).status_code == 201
    assert browser.ask('DELETE', '/api/v1/session').status_code == 204
    assert browser.cookies == {} and browser.user == ''
    events = [event.action for _, event in browser.site.hub.audit.find(Wanted())]
    assert [action for action in events if action.startswith('session.')] == ['session.login', 'session.logout']


@pytest.mark.parametrize(('scheme', 'expected'), [
    ('https', ('__Host-objreg', '; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure')),
    ('http', ('objreg-session', '; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax')),
])
def test_the_cookie_is_as_narrow_as_it_can_be(browser: Browser, scheme: str, expected: tuple[str, str]) -> None:
    answer = Browser(browser.site, scheme).log_in('alice')
    name, _, rest = answer.headers['Set-Cookie'].partition('=')
    assert (name, rest.partition(';')[1] + rest.partition(';')[2]) == expected


def test_any_node_accepts_the_session_of_another(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    browser.log_in('alice')
    other = Site(tmp_path_factory.mktemp('other'))
    for part in (other.hub.accounts, other.hub.sessions, other.hub.signing, other.hub.authority):
        part._store = browser.site.store
    elsewhere = Browser(other)
    elsewhere.cookies = browser.cookies
    assert elsewhere.user == 'alice'
    elsewhere.ask('DELETE', '/api/v1/session')
    assert browser.user == '', 'and what one ended no other one accepts'


def test_each_session_ends_by_itself(browser: Browser) -> None:
    elsewhere = Browser(browser.site)
    for one in (browser, elsewhere):
        one.log_in('alice')
    browser.ask('DELETE', '/api/v1/session')
    assert elsewhere.user == 'alice'


def test_a_cookie_that_was_logged_out_counts_nowhere(browser: Browser) -> None:
    """CWE-613."""
    browser.log_in('alice')
    thief = Browser(browser.site)
    thief.cookies = dict(browser.cookies)
    assert thief.user == 'alice'
    browser.ask('DELETE', '/api/v1/session')
    assert thief.user == '' and thief.ask('GET', '/api/v1/users/alice/tokens').status_code == 401


def test_everything_that_ends_sessions_ends_them_at_once(browser: Browser) -> None:
    site, accounts = browser.site, browser.site.hub.accounts

    def api(user: str, method: str, path: str, document: object = None) -> None:
        assert site.api(user, method, path, document).status_code in (200, 204)

    site.user('root-admin', is_administrator=True)
    ends = {
        'a password that he set': lambda: api(
            'alice', 'PUT', '/users/alice/password', {'old': 'alice has a secret', 'new': 'alice has another'}
        ),
        'one that an administrator set': lambda: api(
            'root-admin', 'PUT', '/users/alice/password', {'new': 'alice has a secret'}
        ),
        'logging out everywhere': lambda: api('alice', 'DELETE', '/users/alice/sessions'),
        'the same by an administrator': lambda: api('root-admin', 'DELETE', '/users/alice/sessions'),
        'being suspended': lambda: api('root-admin', 'PUT', '/users/alice/state', {'suspended': True}),
    }
    for why, end in ends.items():
        accounts.set_password('alice', 'alice has a secret')
        browser.log_in('alice')
        assert browser.user == 'alice', why
        end()
        assert browser.user == '', why
    accounts.resume('alice')
    browser.log_in('bob')
    assert browser.user == 'bob', 'who logs in again is known again'
    api('bob', 'DELETE', '/users/bob')
    assert browser.user == '' and browser.log_in('bob').status_code == 401


def test_who_was_verified_by_the_old_password_has_no_session_after_the_new_one(browser: Browser) -> None:
    """A password that changes while somebody is being verified by the old one (CWE-367)."""
    accounts, changing = browser.site.hub.accounts, []
    has_password = accounts.has_password

    def slowly(user: str, given: str) -> bool:
        is_right = has_password(user, given)
        if not changing:
            changing.append(True)
            accounts.set_password('alice', 'alice has another')
        return is_right

    accounts.has_password = slowly  # type: ignore[method-assign]
    assert browser.log_in('alice').status_code == 200
    assert browser.user == ''


def test_a_session_is_over_when_it_said(browser: Browser) -> None:
    sealed = Sealed(browser.site.hub.signing, 'session')
    begun, session = browser.site.hub.sessions.begin('alice', 'id', '')
    assert session.expires - session.issued == 12 * HOUR
    claims = sealed.open(begun)
    assert browser.site.hub.sessions.read(sealed.seal(claims, -LEEWAY + 10)), 'clocks differ'
    assert browser.site.hub.sessions.read(sealed.seal(claims, -LEEWAY - 10)) is None


def test_what_was_logged_out_is_forgotten_once_it_means_nothing(browser: Browser) -> None:
    site = browser.site
    site.store.put(keys.ended(1_000_000_000, 'a' * 32), b'{}')
    browser.log_in('alice')
    browser.ask('DELETE', '/api/v1/session')
    (left,) = [entry.key for entry in site.store.list(keys.ENDED)]
    assert 'a' * 32 not in left


def test_a_session_costs_one_read_more_than_a_token(browser: Browser) -> None:
    site = browser.site
    browser.log_in('alice')
    pat = site.pat('alice')
    counting = CountingStore(site.store)
    for part in (site.hub.accounts, site.hub.sessions, site.hub.tokens, site.hub.authority):
        part._store = counting
    site.ask('GET', '/api/v1/session', authorization=f'Bearer {pat}')  # which is noted, once a day
    with counting.counted() as by_token:
        site.ask('GET', '/api/v1/session', authorization=f'Bearer {pat}')
    with counting.counted() as by_cookie:
        assert browser.user == 'alice'
    assert (by_token.total(), by_cookie.total()) == (3, 4)


@pytest.mark.parametrize('text', ['1 min', '8 days', '-1', 'long'])
def test_sessions_that_are_too_short_or_too_long_stop_the_start(
    site: Site, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp('other')
    (folder / 'stores.yml').write_text('default: {driver: memory}\n')
    with pytest.raises(ConfigError):
        Hub(FakeApp(), {'here': str(folder)}, session=text)


def test_a_key_stays_longer_than_any_session() -> None:
    assert LAST_TOKENS > LONGEST + 2 * LEEWAY
