"""Attacks on who somebody is: names, passwords, and what the answers tell; each with its precedent."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from objreg.auth.verifying import Verifier
from objreg.hub.policy import Visibility
from tests.hubs import Site, basic, password

GUESSED = 'a wrong guess'


@pytest.fixture
def site(tmp_path: Path, cheap_passwords: None) -> Site:
    """With somebody in each state that there is; whoever guesses is not slowed down (`test_guard` tells of that)."""
    site = Site(tmp_path, hub='failures =')
    for name in ('alice', 'suspended', 'deleted', 'without'):
        site.user(name)
    site.hub.accounts.suspend('suspended', by='')
    site.hub.accounts.delete(site.hub.accounts.find('deleted'))
    site.hub.accounts.create('password-less', 'user')
    site.organisation('acme', 'alice')
    site.hub.repositories.show('alice/private', Visibility.PRIVATE, by='')
    return site


STRANGERS = [
    'alice', 'suspended', 'deleted', 'password-less', 'acme', 'nobody', 'library', 'admin', 'x' * 300, 'a/b', 'acme+ci',
]


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that somebody computed."""
    found: list[str] = []
    real = Verifier._matches

    def counted(self: Verifier, hashed: str, given: str) -> bool:
        found.append(hashed)
        return real(self, hashed, given)

    monkeypatch.setattr(Verifier, '_matches', counted)
    return found


def tell(answer: Any) -> tuple[Any, ...]:
    """All that a client sees."""
    headers = {name: value for name, value in answer.headers.items() if name != 'X-Request-Id'}
    return answer.status_code, headers, answer.body


def test_no_answer_tells_who_there_is(site: Site) -> None:
    """CVE-2019-19030, CVE-2019-3990, CVE-2020-13794: the same for a name that is there and one that is not."""
    for user in STRANGERS:
        expected = tell(site.ask('GET', '/token', authorization=basic('someone', GUESSED)))
        assert expected[0] == 401
        assert tell(site.ask('GET', '/token', authorization=basic(user, GUESSED))) == expected
    for user in STRANGERS:
        expected = tell(site.form(grant_type='password', username='someone', password=GUESSED))
        assert tell(site.form(grant_type='password', username=user, password=GUESSED)) == expected
    site.hub.accounts._verifier = Verifier()
    for user in STRANGERS[:6]:
        expected = tell(site.api('', 'GET', '/me', authorization=basic('someone', GUESSED)))
        assert tell(site.api('', 'GET', '/me', authorization=basic(user, GUESSED))) == expected


def test_whoever_is_suspended_learns_no_more_than_a_stranger(site: Site) -> None:
    """That his password was right is nobody's business who only guessed it."""
    right = site.ask('GET', '/token', authorization=basic('suspended', password('suspended')))
    assert tell(right) == tell(site.ask('GET', '/token', authorization=basic('nobody', GUESSED)))


@pytest.mark.parametrize('user', [user for user in STRANGERS if '+' not in user])
def test_each_guess_costs_one_verification_whoever_is_guessed(site: Site, verified: list[str], user: str) -> None:
    """CVE-2020-13794's other half, by work: counted, as a time would only be likely."""
    assert site.ask('GET', '/token', authorization=basic(user, GUESSED)).status_code == 401
    assert len(verified) == 1
    assert verified[0].split('$')[1:4] == ['argon2id', 'v=19', 'm=8,t=1,p=1'], 'by the same parameters'


def test_a_token_costs_no_verification(site: Site, verified: list[str]) -> None:
    """Nor one that is wrong: its checksum and its id tell at once."""
    pat = site.pat('alice')
    site.token('alice', secret=pat)
    other = site.pat('alice')
    site.hub.tokens.revoke_all('alice')
    assert site.ask('GET', '/token', authorization=basic('alice', other)).status_code == 401
    assert verified == []


def test_a_right_password_is_verified_once(site: Site, verified: list[str]) -> None:
    for _ in range(20):
        site.token('alice')
    assert len(verified) == 1


def test_whoever_sprays_passwords_does_not_use_up_the_machine(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CWE-307: two are verified at a time, the others are told to wait, and who is known gets in meanwhile."""
    site.token('alice')
    running, most, lock = 0, 0, threading.Lock()

    def slow(self: Verifier, hashed: str, given: str) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return False

    monkeypatch.setattr(Verifier, '_matches', slow)

    def guess(number: int) -> int:
        if number % 10 == 9:
            return len(site.token('alice')) and 200
        answer = site.ask('GET', '/token', authorization=basic(f'user{number}', GUESSED))
        if answer.status_code == 503:
            assert answer.headers['Retry-After']
        return answer.status_code

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(guess, range(120)))
    assert most <= 2
    assert found.count(200) == 12
    assert set(found) == {200, 401, 503}


@pytest.mark.parametrize('login', [
    'Alice', 'ALICE', ' alice', 'alice ', 'alice\t', '\u0430lice', 'al\u0131ce', '\uff41lice', 'alice\u200b',
    'ali\u0441e', 'alice\0', 'alice\n', 'a-lice', 'alice.', 'alic\u0435',
])
def test_nobody_passes_for_another_by_a_name_that_looks_like_his(site: Site, login: str) -> None:
    """UTS 39: the name is his in the letters of ASCII, small or large, and in no others."""
    answer = site.ask('GET', '/token', authorization=basic(login, password('alice')))
    assert answer.status_code == (200 if login in ('Alice', 'ALICE') else 401)
    site.user('ada', is_administrator=True)
    made = site.api('ada', 'POST', '/users', {'name': login, 'password': 'correct horse'})
    assert made.status_code == 400 or login == 'a-lice'


def test_a_kelvin_is_no_k(site: Site) -> None:
    """Unicode has letters whose small form is one of ASCII, and logs would show another name than the hub knows."""
    site.user('kelvin')
    answer = site.ask('GET', '/token', authorization=basic('\u212aelvin', password('kelvin')))
    assert answer.status_code == 401


@pytest.mark.parametrize('name', ['al-ice', 'al_ice', 'al.ice'])
def test_separators_do_not_make_another_name(site: Site, name: str) -> None:
    """Typosquatting: a namespace that differs in a line only belongs to nobody else."""
    site.user('ada', is_administrator=True)
    site.user('al-ice')
    made = site.api('ada', 'POST', '/users', {'name': name, 'password': 'correct horse'})
    assert made.status_code == 409 and made.json['type'] == 'urn:objreg:problem:taken'
    if name != 'al-ice':
        assert site.api('ada', 'GET', f'/users/{name}').status_code == 404
        assert site.pull(site.token('al-ice', f'repository:{name}/app:pull,push'), f'{name}/app') == 401


@pytest.mark.parametrize('path', ['bob/../alice', '..', 'alice%00', '%2e%2e', 'ALICE', 'library', 'a%ff', 'alice%20'])
def test_a_name_in_a_path_is_a_name_or_nothing(site: Site, path: str) -> None:
    """CWE-22: what is built into a key of the bucket has the form of a name first."""
    site.user('ada', is_administrator=True)
    assert site.api('ada', 'GET', f'/users/{path}').status_code in (400, 404)


def test_a_list_shows_what_is_ones_own(site: Site) -> None:
    """CVE-2026-110697 (Quay: a wildcard showed the robots of others): ``ab`` does not show ``ab_c``."""
    for user in ('ab', 'ab_c', 'abc', 'ab-d'):
        site.user(user)
        site.pat(user, label=f'of {user}')
    for user in ('ab', 'ab_c', 'abc', 'ab-d'):
        shown = site.api(user, 'GET', f'/users/{user}/tokens').json
        assert [token['label'] for token in shown] == [f'of {user}']
    for pattern in ('ab%', 'ab*', 'ab?', 'ab_', '%', '*', ''):
        assert site.api('ab', 'GET', f'/users/{quote(pattern)}/tokens').status_code in (403, 404)
