"""Attacks on the tokens of the hub, at the registry that trusts it, each with its precedent."""

from __future__ import annotations

import base64
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from objreg.auth.tokens import Algorithms
from objreg.hub.denials import fingerprint
from objreg.hub.policy import Visibility
from objreg.names import Digest
from tests.hubs import Site, basic, claims, password

PRIVATE, PUBLIC = 'alice/private', 'alice/public'
WANTED = f'repository:{PRIVATE}:pull,push'
FAR = Digest.of(b'x')
ROUTES = [
    ('GET', 'manifests/tag'), ('HEAD', 'manifests/tag'), ('PUT', 'manifests/tag'), ('DELETE', 'manifests/tag'),
    ('GET', f'blobs/{FAR}'), ('HEAD', f'blobs/{FAR}'), ('DELETE', f'blobs/{FAR}'), ('POST', 'blobs/uploads/'),
    ('POST', f'blobs/uploads/?mount={FAR}&from={PUBLIC}'), ('PATCH', 'blobs/uploads/id'), ('PUT', 'blobs/uploads/id'),
    ('GET', 'blobs/uploads/id'), ('DELETE', 'blobs/uploads/id'), ('GET', 'tags/list'), ('GET', f'referrers/{FAR}'),
]


@pytest.fixture
def site(site: Site) -> Site:
    """With alice, who has a private repository and a public one, and mallory."""
    for name in ('alice', 'mallory'):
        site.user(name)
    site.hub.repositories.show(PRIVATE, Visibility.PRIVATE, by='')
    site.hub.repositories.show(PUBLIC, Visibility.PUBLIC, by='')
    assert site.pull(site.token('alice', WANTED), PRIVATE) == 404, 'without which nothing here would prove anything'
    return site


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that pass for caches."""
    now = [time.monotonic()]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    return now


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def said(**more: Any) -> dict[str, Any]:
    """All that a good token says."""
    now = int(time.time())
    access = [{'type': 'repository', 'name': PRIVATE, 'actions': ['pull', 'push']}]
    return {
        'iss': 'objreg', 'aud': 'registry', 'sub': 'alice', 'iat': now, 'nbf': now, 'exp': now + 300,
        'access': access, **more,
    }


def forged(header: dict[str, Any], key: Any = None, **more: Any) -> str:
    """A token with any header, signed by a key of the attacker's own, or by none."""
    text = f'{part(json.dumps(header).encode())}.{part(json.dumps(said(**more)).encode())}'
    signature = jws.JWSRegistry.algorithms['ES256'].sign(text.encode(), key) if key is not None else b''
    return f'{text}.{part(signature)}'


def kid_of(site: Site) -> str:
    kid: str = site.hub.signing.jwks()['keys'][0]['kid']
    return kid


# Its signature


@pytest.mark.parametrize('where', ['jwk', 'jku', 'x5c', 'x5u', 'none of these'])
def test_a_token_does_not_bring_its_own_key(site: Site, where: str) -> None:
    """CVE-2025-24976 (distribution: the key in ``jwk`` was believed, as only its ``kid`` was compared),
    CVE-2026-27962."""
    kid = kid_of(site)
    own = ECKey.generate_key('P-256', parameters={'kid': kid})
    brought = {
        'jwk': own.as_dict(private=False), 'jku': 'http://127.0.0.1:9/', 'x5u': 'http://127.0.0.1:9/', 'x5c': ['AAAA'],
    }
    header = {'alg': 'ES256', 'kid': kid, **({where: brought[where]} if where in brought else {})}
    assert site.pull(forged(header, own), PRIVATE) == 401


@pytest.mark.parametrize('algorithm', ['none', 'None', 'NONE', '', None, 'HS256', 'RS256', 'EdDSA'])
def test_no_token_without_a_signature_of_its_key(site: Site, algorithm: str | None) -> None:
    """CVE-2015-9235, CVE-2026-48526: ``alg`` is the attacker's to write, and not his to choose."""
    assert site.pull(forged({'alg': algorithm, 'kid': kid_of(site)}), PRIVATE) == 401


@pytest.mark.parametrize('secret', ['jwk', 'jwks', 'bundle', 'pem', 'kid', 'empty'])
def test_what_is_published_is_no_secret_to_sign_with(site: Site, secret: str) -> None:
    """CVE-2016-10555, CVE-2026-48526 (PyJWT: the text of a public JWK as HMAC secret)."""
    published = site.ask('GET', '/.well-known/jwks.json')
    (key,) = published.json['keys']
    data = {
        'jwk': json.dumps(key).encode(), 'jwks': published.body, 'kid': key['kid'].encode(), 'empty': b'',
        'bundle': site.ask('GET', '/.well-known/objreg/certificates.pem').body,
        'pem': ECKey.import_key(key).as_pem(private=False),
    }[secret]
    text = forged({'alg': 'HS256', 'kid': key['kid']}).rpartition('.')[0]
    assert site.pull(f'{text}.{part(hmac.digest(data, text.encode(), "sha256"))}', PRIVATE) == 401


@pytest.mark.parametrize('kid', [
    '', 'x', '../../hub/signing', '../' * 9 + 'etc/passwd', "' OR 1=1 --", None, 7, ['x'], {'a': 1}, 'x' * 9999, '*',
])
def test_a_key_id_is_compared_and_nothing_else(site: Site, kid: Any) -> None:
    """CWE-73: it names no file, and no key of the bucket."""
    own = ECKey.generate_key('P-256')
    before = [entry.key for entry in site.store.list('')]
    assert site.pull(forged({'alg': 'ES256', 'kid': kid}, own), PRIVATE) == 401
    assert site.pull(forged({'alg': 'ES256'}, own), PRIVATE) == 401
    assert [entry.key for entry in site.store.list('')] == before


def test_a_token_of_a_key_that_was_removed_is_refused(site: Site) -> None:
    """CVE-2025-22149: a key that is published no more stays trusted."""
    old = site.token('alice', WANTED)
    site.hub.signing.rotate()
    site.layer('Auth').reload()
    assert site.pull(old, PRIVATE) == 401
    assert site.pull(site.token('alice', WANTED), PRIVATE) == 404


def test_a_node_that_was_not_told_forgets_the_key_within_a_minute(site: Site, passing: list[float]) -> None:
    """The same, on a node that hears of it from the bucket alone."""
    old = site.token('alice', WANTED)
    assert site.pull(old, PRIVATE) == 404
    site.hub.signing.rotate()
    passing[0] += 60
    assert site.pull(old, PRIVATE) == 401


# What it says


@pytest.mark.parametrize('wrong', [
    {'exp': 1}, {'exp': int(time.time()) - 61}, {'exp': None}, {'nbf': int(time.time()) + 3600}, {'aud': 'other'},
    {'aud': ['registry2']}, {'aud': None}, {'aud': ''}, {'iss': 'objreg2'}, {'iss': None}, {'iss': 'https://objreg'},
    {'access': []}, {'access': None}, {'access': [{'type': 'repository', 'name': PUBLIC, 'actions': ['pull']}]},
    {'access': [{'type': 'repository', 'name': 'alice', 'actions': ['*']}]},
    {'access': [{'type': 'repository', 'name': 'alice/**', 'actions': ['*']}]},
    {'access': [{'type': 'repository', 'name': 'alice/private/deep', 'actions': ['pull']}]},
    {'access': [{'type': 'repository', 'name': 'alice/priv', 'actions': ['pull']}]},
    {'access': [{'type': 'repository', 'name': PRIVATE, 'actions': ['push']}]},
    {'access': [{'type': 'registry', 'name': 'catalog', 'actions': ['*']}]},
])
def test_a_token_that_the_hub_signed_is_good_for_what_it_says(site: Site, wrong: dict[str, Any]) -> None:
    """RFC 8725 section 3.8 to 3.10, CVE-2026-123710: for its time, its registry, its issuer and its repository."""
    assert site.pull(site.hub.signing.sign(said()), PRIVATE) == 404
    given = {name: value for name, value in said(**wrong).items() if value is not None}
    assert site.pull(site.hub.signing.sign(given), PRIVATE) == 401


@pytest.mark.parametrize('service', [
    'other', 'Registry', 'registry ', 'registry,other', '*', 'quay', 'hub', 'objreg', 'registry\0', 'registry/../hub',
])
def test_the_audience_is_not_the_callers_to_choose(site: Site, service: str) -> None:
    """CVE-2026-123710 (Quay, 9.8): an anonymous token for any ``service`` was good for the rotation of keys."""
    for header in ('', basic('alice', password('alice'))):
        answer = site.ask('GET', f'/token?service={service.replace(chr(0), "%00")}', authorization=header)
        assert answer.status_code == 400 and 'token' not in answer.json
    assert site.form(grant_type='password', service=service, username='alice', password=password('alice')).json[
        'error'
    ] == 'invalid_request'


def test_a_token_for_one_registry_is_none_for_another(tmp_path: Path, cheap_passwords: None) -> None:
    """CVE-2026-123710, the other half: who runs one registry cannot use what he is sent at another."""
    site = Site(tmp_path, hub='services = one two', auth='type = hub\nservice = one')
    site.user('alice')
    assert site.pull(site.token('alice', WANTED, service='one'), PRIVATE) == 404
    assert site.pull(site.token('alice', WANTED, service='two'), PRIVATE) == 401


@pytest.mark.parametrize(('method', 'path'), ROUTES)
def test_a_token_of_nobody_opens_nothing(site: Site, method: str, path: str) -> None:
    """CVE-2026-27771 (Gitea): the token of a ghost read private packages."""
    ghost = site.token('', WANTED, f'repository:{PRIVATE}:*', f'repository:{PUBLIC}:pull,push', 'registry:catalog:*')
    assert claims(ghost)['access'] == [{'type': 'repository', 'name': PUBLIC, 'actions': ['pull']}]
    assert site.pull(ghost, PUBLIC) == 404
    for token in (ghost, site.token('mallory', WANTED, f'repository:{PUBLIC}:*')):
        answer = site.ask(method, f'/v2/{PRIVATE}/{path}', authorization=f'Bearer {token}')
        assert answer.status_code == 401
        if method not in ('GET', 'HEAD'):
            answer = site.ask(method, f'/v2/{PUBLIC}/{path}', authorization=f'Bearer {token}')
            assert answer.status_code == 401


def test_nobody_lists_the_catalog(site: Site) -> None:
    """CVE-2020-29662 (Harbor)."""
    for token in (site.token('', 'registry:catalog:*'), site.token('alice', 'registry:catalog:*', WANTED)):
        assert site.ask('GET', '/v2/_catalog', authorization=f'Bearer {token}').status_code == 401


@pytest.mark.parametrize('name', [
    'mallory/../alice/private', 'mallory/./x', 'alice//private', '/alice/private', 'alice/private/', 'Alice/private',
    'alice/private%2f', 'mallory%2f..%2falice%2fprivate', 'alice\\private', 'alice/private%00', '..', '_catalog',
    'alice/PRIVATE', 'al%C4%B1ce/private', 'alice/private:pull,push%20repository:alice/private',
])
def test_a_name_has_one_spelling(site: Site, name: str) -> None:
    """CVE-2021-3762, CVE-2014-9358: neither dots nor encodings lead from one's own repository into another's."""
    answer = site.ask(
        'GET', f'/token?scope=repository:{name}:pull,push', authorization=basic('mallory', password('mallory'))
    )
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert claims(answer.json['token'])['access'] == []


# Where it is good


def test_an_access_token_is_good_at_a_registry_and_nowhere_else(site: Site) -> None:
    """RFC 8725 section 3.11: kinds of tokens are not mixed up."""
    access = site.token('alice', WANTED)
    assert site.api('', 'GET', '/me', authorization=f'Bearer {access}').status_code == 401
    assert site.api('', 'GET', '/users/alice/tokens', authorization=f'Bearer {access}').status_code == 401
    assert site.api('', 'GET', '/me', authorization=basic('alice', access)).status_code == 401
    assert site.ask('GET', '/token', authorization=f'Bearer {access}').status_code == 401
    assert site.ask('GET', '/token', authorization=basic('alice', access)).status_code == 401
    assert site.form(grant_type='refresh_token', refresh_token=access).json['error'] == 'invalid_grant'


def test_what_is_exchanged_for_access_tokens_is_none_itself(site: Site) -> None:
    refresh = refreshed(site)
    for secret in (site.pat('alice'), refresh, password('alice')):
        assert site.pull(secret, PRIVATE) == 401
        given = basic('alice', secret)
        assert site.ask('GET', f'/v2/{PRIVATE}/tags/list', authorization=given).status_code == 401


def refreshed(site: Site, user: str = 'alice') -> str:
    answer = site.form(
        grant_type='password', service='registry', access_type='offline', username=user, password=password(user)
    )
    token: str = answer.json['refresh_token']
    return token


def test_a_refresh_token_is_for_the_token_service_alone(site: Site) -> None:
    refresh = refreshed(site)
    assert site.form(grant_type='refresh_token', refresh_token=refresh).status_code == 200
    assert site.form(grant_type='refresh_token', refresh_token=site.pat('alice')).json['error'] == 'invalid_grant'
    assert site.form(grant_type='password', username='alice', password=refresh).json['error'] == 'invalid_grant'
    assert site.ask('GET', '/token', authorization=basic('alice', refresh)).status_code == 401
    assert site.api('', 'GET', '/me', authorization=f'Bearer {refresh}').status_code == 401
    assert site.api('', 'GET', '/me', authorization=basic('alice', refresh)).status_code == 401


@pytest.mark.parametrize('end', ['password', 'suspension', 'deletion', 'revocation', 'lagging list'])
def test_a_refresh_token_is_not_replayed_after_its_end(site: Site, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2025-23208's class: what was taken away still applies, since it was given before."""
    site.user('ada', is_administrator=True)
    refresh = refreshed(site)
    assert site.form(grant_type='refresh_token', refresh_token=refresh).status_code == 200
    account = site.hub.accounts.find('alice')
    if end == 'password':
        answer = site.api('alice', 'PUT', '/users/alice/password', {'old': password('alice'), 'new': 'another horse'})
        assert answer.status_code == 204
    elif end == 'lagging list':  # which does not show the token, so that nobody revokes it
        monkeypatch.setattr(site.hub.accounts, '_now', lambda: int(time.time()) + 1)
        site.hub.accounts.set_password('alice', 'another horse')
    elif end == 'suspension':
        assert site.api('ada', 'PUT', '/users/alice/state', {'suspended': True}).status_code == 200
    elif end == 'deletion':
        site.hub.accounts.delete(account)
    else:
        site.hub.tokens.revoke_all('alice', ['refresh'])
    answer = site.form(grant_type='refresh_token', refresh_token=refresh)
    assert answer.status_code == 401 and answer.json['error'] == 'invalid_grant'


def test_a_refresh_token_is_for_one_service(tmp_path: Path, cheap_passwords: None) -> None:
    site = Site(tmp_path, hub='services = registry two')
    site.user('alice')
    refresh = refreshed(site)
    assert site.form(grant_type='refresh_token', service='registry', refresh_token=refresh).status_code == 200
    for service in ('two', ''):
        assert site.form(grant_type='refresh_token', service=service, refresh_token=refresh).status_code in (400, 401)


# Its end


@pytest.mark.parametrize('end', ['suspended', 'revoked', 'password'])
def test_what_was_withdrawn_ends_within_the_time_of_the_cache(site: Site, end: str, passing: list[float]) -> None:
    """CVE-2026-35172's class, stale permissions: the token of somebody suspended, a running access token included."""
    site.user('ada', is_administrator=True)
    answer = site.api('alice', 'POST', '/users/alice/tokens', {'label': 'ci'})
    pat, id = answer.json['token'], answer.json['id']
    running = site.token('alice', WANTED, secret=pat)
    other = site.token('mallory', 'repository:mallory/app:pull')
    assert site.pull(running, PRIVATE) == 404
    if end == 'suspended':
        assert site.api('ada', 'PUT', '/users/alice/state', {'suspended': True}).status_code == 200
    elif end == 'revoked':
        assert site.api('alice', 'DELETE', f'/users/alice/tokens/{id}').status_code == 204
    else:
        document = {'old': password('alice'), 'new': 'another horse'}
        assert site.api('alice', 'PUT', '/users/alice/password', document).status_code == 204
    passing[0] += 15
    assert site.pull(running, PRIVATE) == 401
    assert site.pull(other, 'mallory/app') == 404, 'and nobody else\'s'
    is_still_good = end == 'password'  # a token of its own is not of the password
    answer = site.ask('GET', '/token', authorization=basic('alice', pat))
    assert answer.status_code == (200 if is_still_good else 401)
    withdrawn = site.ask('GET', '/.well-known/objreg/denied.json').json
    assert list(withdrawn) == [fingerprint(f'credential-{id}' if end == 'revoked' else 'subject-alice')]
    assert 'alice' not in str(withdrawn), 'everybody may read the list, and sees not who was suspended'


def test_the_running_token_of_a_robot_ends_with_whose_it_is(site: Site, passing: list[float]) -> None:
    site.user('ada', is_administrator=True)
    running = site.hub.signing.sign(said(sub='alice+ci'))
    assert site.pull(running, PRIVATE) == 404
    site.api('ada', 'PUT', '/users/alice/state', {'suspended': True})
    passing[0] += 15
    assert site.pull(running, PRIVATE) == 401


def test_the_hub_signs_by_algorithms_that_registries_take(site: Site) -> None:
    """Were it otherwise, the tests above would refuse everything."""
    header = jws.extract_compact(site.token('alice').encode(), None, Algorithms(['ES256'])).headers()
    assert header == {'typ': 'JWT', 'alg': 'ES256', 'kid': kid_of(site)}
