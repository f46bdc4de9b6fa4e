"""That secrets are seen by whom they are for, once; each with its precedent."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.hubs import Site, basic, password

NEW = 'another horse'


@pytest.fixture
def site(tmp_path: Path, cheap_passwords: None) -> Site:
    """Whoever guesses is not slowed down, so that each guess gets as far as it can."""
    return Site(tmp_path, hub='failures =')


def story(site: Site) -> tuple[list[str], list[Any]]:
    """All that can be done with secrets, right and wrong; the secrets, and the answers."""
    site.user('ada', is_administrator=True)
    site.user('alice')
    secrets, answers = [password('ada'), password('alice'), NEW, 'a wrong guess'], []

    def note(answer: Any) -> Any:
        answers.append(answer)
        return answer

    made = [note(site.api('alice', 'POST', '/users/alice/tokens', {'label': f'of {n}'})).json for n in range(2)]
    secrets += [one.pop('token') for one in made]
    note(site.api('ada', 'POST', '/users', {'name': 'bob', 'password': NEW, 'email': 'bob@example.org'}))
    offline = {'grant_type': 'password', 'service': 'registry', 'access_type': 'offline'}
    tokens = note(site.form(**offline, username='alice', password=password('alice'))).json
    secrets += [tokens['refresh_token'], tokens['access_token']]
    note(site.form(grant_type='refresh_token', service='registry', refresh_token=tokens['refresh_token']))
    note(site.form(grant_type='refresh_token', service='other', refresh_token=tokens['refresh_token']))
    for secret in secrets:
        for login in ('alice', 'nobody', 'alice+robot'):
            note(site.ask('GET', '/token?scope=repository:alice/app:pull', authorization=basic(login, secret)))
        note(site.form(**offline, username='alice', password=secret, scope='nonsense'))
        note(site.form(grant_type='refresh_token', refresh_token=secret))
        note(site.api('', 'GET', '/me', authorization=f'Bearer {secret}'))
        note(site.ask('GET', '/v2/alice/app/tags/list', authorization=f'Bearer {secret}'))
        note(site.ask('GET', '/v2/_catalog', authorization=f'Bearer {secret}x'))
        note(site.api('alice', 'PUT', '/users/alice/password', {'old': secret + 'x', 'new': secret}))
        note(site.api('alice', 'PUT', '/users/alice/password', {'old': secret, 'new': 'short', 'more': secret}))
    note(site.api('alice', 'GET', '/users/alice/tokens'))
    note(site.api('ada', 'GET', '/users/alice/tokens'))
    note(site.api('ada', 'GET', '/users/alice'))
    note(site.api('alice', 'DELETE', f'/users/alice/tokens/{made[0]["id"]}'))
    note(site.api('alice', 'PUT', '/users/alice/password', {'old': password('alice'), 'new': NEW}))
    note(site.ask('GET', '/.well-known/objreg/denied.json'))
    note(site.ask('GET', '/.well-known/jwks.json'))
    return secrets, answers


def test_no_secret_is_in_any_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """CVE-2025-48374 (zot), GO-2026-4876 (Harbor: the audit log)."""
    caplog.set_level(logging.DEBUG)
    secrets, _ = story(site)
    assert caplog.text.count('/token') > 20 and 'rejected=' in caplog.text
    for secret in secrets:
        for text in (secret, secret[27:54], basic('alice', secret)):
            assert len(text) < 8 or text not in caplog.text


def test_no_secret_is_in_the_bucket(site: Site) -> None:
    """CVE-2023-20902's ground: who reads the bucket can check a guess, and finds nothing that lets him in."""
    secrets, _ = story(site)
    stored = {entry.key: site.store.read(entry.key) for entry in site.store.list('hub/')}
    kinds = {key.split('/')[1] for key in stored}
    assert kinds >= {'accounts', 'people', 'tokens', 'holders', 'used', 'audit', 'denied', 'signing'}
    for secret in secrets:
        for part in (secret, secret[-33:], secret[27:54]):
            for key, data in stored.items():
                assert len(part) < 8 or part.encode() not in data + key.encode(), key


def test_a_secret_is_shown_once(site: Site) -> None:
    """CVE-2026-18255, CVE-2026-105447 (Quay: roles that may only look saw secrets)."""
    secrets, answers = story(site)
    private = json.loads(site.store.read(next(entry.key for entry in site.store.list('hub/signing/'))))['jwk']['d']
    hashes = [json.loads(site.store.read(entry.key))['hash'] for entry in site.store.list('hub/tokens/')]
    shown = dict.fromkeys([*secrets, private, *hashes], 0)
    for answer in answers:
        for secret in shown:
            shown[secret] += secret in answer.text
    assert shown[private] == 0 and not any(shown[hashed] for hashed in hashes)
    for secret in secrets:
        is_refresh = secret.startswith('objreg_refresh')  # which its holder sends, and is sent back
        assert shown[secret] <= (1 if secret.startswith(('objreg_pat', 'ey')) else 5 if is_refresh else 0), secret


def test_there_is_nobody_before_somebody_is_made(site: Site) -> None:
    """CVE-2026-4404 (Harbor12345): no account, hence no password, comes with the program."""
    assert [entry.key for entry in site.store.list('hub/')] == []
    for user in ('admin', 'root', 'objreg', 'operator', 'administrator', 'user'):
        for secret in (user, 'Harbor12345', 'password', 'admin', ''):
            answer = site.ask('GET', '/token', authorization=basic(user, secret))
            assert answer.status_code in (401, 503)
