"""Jobs of other services act as robots, by the JWT that they were given, and by nothing else."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.authority import Rejected
from objreg.hub.hub import Hub, Settings
from objreg.hub.records import Robot, Scope
from objreg.hub.workload import Trust, read_issuers

ISSUER, AUDIENCE = 'https://token.actions.example', 'https://hub.example'
KEY = RSAKey.generate_key(2048, parameters={'kid': 'one'})
OTHER = RSAKey.generate_key(2048, parameters={'kid': 'one'})
MAIN = {'repository': 'acme/app', 'ref': 'refs/heads/main'}


def job(key: Any = KEY, algorithm: str = 'RS256', header: dict[str, Any] | None = None, **claims: Any) -> str:
    """The JWT of a job on the main branch; what is None is left out."""
    now = int(time.time())
    said = {'iss': ISSUER, 'aud': AUDIENCE, 'iat': now, 'exp': now + 300, 'sub': 'a job', **MAIN, **claims}
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({'alg': algorithm, 'kid': 'one', **(header or {})}, said, key, algorithms=[algorithm])


@pytest.fixture
def issuers(tmp_path: Path) -> str:
    """The operator's file."""
    (tmp_path / 'jwks.json').write_text(json.dumps({'keys': [KEY.as_dict(private=False)]}))
    path = tmp_path / 'issuers.yml'
    path.write_text(json.dumps({
        'actions': {'issuer': ISSUER, 'jwks': str(tmp_path / 'jwks.json'), 'audience': AUDIENCE},
    }))
    return str(path)


@pytest.fixture
def hub(issuers: str) -> Hub:
    """acme has a robot that pushes, which the main branch of its application may act as."""
    made = Hub(MemoryStore(), Settings(issuers=read_issuers(issuers)))
    made.accounts.create('acme', 'organisation')
    made.store.put(keys.robot('acme', 'ci'), Robot((Scope(('pull', 'push'), ('acme/app',)),), 0).dump())
    made.trusts.add('acme', 'ci', Trust('actions', MAIN))
    return made


def test_a_job_acts_as_the_robot_and_may_what_it_may(hub: Hub) -> None:
    identity = hub.authority.authenticate('acme+ci', job())
    assert identity.name == 'acme+ci'
    assert identity.credential.startswith('trust-')
    assert hub.authority.narrow(identity, 'acme/app', ['pull', 'push', 'delete']) == ['pull', 'push']
    assert hub.authority.narrow(identity, 'acme/other', ['pull', 'push']) == []


def test_a_pattern_stands_for_many_jobs(hub: Hub) -> None:
    hub.trusts.add('acme', 'ci', Trust('actions', {'repository': 'acme/app', 'ref': 'refs/tags/v*'}))
    assert hub.authority.authenticate('acme+ci', job(ref='refs/tags/v1.2'))
    with pytest.raises(Rejected):
        hub.authority.authenticate('acme+ci', job(ref='refs/tags/x1.2'))


@pytest.mark.parametrize('text', [
    job(repository='acme/app-evil'),
    job(repository='evil/acme/app'),
    job(ref='refs/heads/other'),
    job(ref=None),
    job(ref=['refs/heads/main', ['refs/heads/main']][1:]),
    job(iss='https://evil.example'),
    job(aud='https://another.example'),
    job(exp=int(time.time()) - 3600),
    job(exp=None),
    job(key=OTHER),
    job(key=OTHER, header={'jwk': OTHER.as_dict(private=False)}),
    job(key=OctKey.import_key(json.dumps(KEY.as_dict(private=False))), algorithm='HS256'),
    'a.b.c',
    '',
], ids=[
    'another repository', 'a repository that ends so', 'another branch', 'no branch', 'a list of lists',
    'another issuer', 'another audience', 'expired', 'for ever', 'another key', 'its own key (CVE-2025-24976)',
    'the public key as a secret (CVE-2026-48526)', 'no JWT', 'nothing',
])
def test_no_other_job_does(hub: Hub, text: str) -> None:
    with pytest.raises(Rejected):
        hub.authority.authenticate('acme+ci', text)


def test_a_trust_ends_when_it_is_removed_and_with_the_robot(hub: Hub) -> None:
    (id,) = hub.trusts.of('acme', 'ci')
    hub.trusts.remove('acme', 'ci', id)
    with pytest.raises(Rejected):
        hub.authority.authenticate('acme+ci', job())
    hub.trusts.add('acme', 'ci', Trust('actions', MAIN))
    hub.store.delete([keys.robot('acme', 'ci')])
    with pytest.raises(Rejected):
        hub.authority.authenticate('acme+ci', job())


def test_a_trust_of_a_robot_is_none_of_one_whose_name_begins_so(hub: Hub) -> None:
    hub.store.put(keys.robot('acme', 'ci2'), Robot((Scope(('push',)),), 0).dump())
    for login in ('acme+ci2', 'acme+c', 'acme+', '+ci', 'acme+ci/', 'acme+../acme/ci', 'ACME+CI'):
        with pytest.raises(Rejected):
            hub.authority.authenticate(login, job())


@pytest.mark.parametrize('claims', [{}, {'iss': 'x', 'aud': 'y'}, {'repository': '*'}, {'repository': '**'}])
def test_a_trust_that_would_let_in_everybody_is_refused(claims: dict[str, str]) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        msgspec.convert({'issuer': 'actions', 'claims': claims}, Trust)


def test_what_is_wrong_with_the_file_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / 'issuers.yml'
    for text, told in [
        ('a: 1', 'Expected `object`'), ('a: {issuer: x, jwks: y}', 'audience'),
        ('a: {issuer: x, jwks: "http://evil.example/jwks", audience: z}', 'https is needed'),
        ('a: {issuer: x, jwks: /nowhere, audience: z, algorithms: [HS256]}', 'HS256'),
        (f'a: {{issuer: x, jwks: {tmp_path}/nowhere, audience: z}}', 'No such file'),
    ]:
        path.write_text(text)
        with pytest.raises(ConfigError, match=told) as caught:
            read_issuers(str(path))
        assert '\n' not in str(caught.value)
        assert str(caught.value).startswith(f'issuers: {path}')
