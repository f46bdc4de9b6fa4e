"""The auth layer: files, passwords, rules and challenges."""

from __future__ import annotations

import base64
import logging
import os
import time
from pathlib import Path
from typing import Any

import argon2
import bcrypt
import pytest

from objreg.access import access_of
from objreg.auth import passwords, rules
from objreg.config import ConfigError
from objreg.middleware.auth import Auth
from objreg.testing.fakes import FakeApp
from tests.unit.middleware.calls import call
from tests.unit.middleware.keys import ISSUER, REALM, SERVICE, write_jwks

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
SECRET = 'correct horse'  # noqa: S105


def bcrypted(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def layer_of(path: Path, text: str, **options: Any) -> tuple[FakeApp, Auth]:
    path.write_text(text)
    app = FakeApp()
    return app, Auth(app, type='htpasswd', htpasswd=str(path), **options)


def basic(user: str, password: str) -> dict[str, str]:
    return {'HTTP_AUTHORIZATION': 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'htpasswd'


def test_without_auth_everybody_may_do_everything() -> None:
    app = FakeApp()
    assert call(Auth(app), '/v2/a/manifests/x', 'PUT').status_code == 200
    assert access_of(app.last).is_unrestricted


@pytest.mark.parametrize('hashed', [
    bcrypted(SECRET), bcrypted(SECRET).replace('$2b$', '$2y$'), bcrypted(SECRET).replace('$2b$', '$2a$'),
    QUICK.hash(SECRET),
], ids=['2b', '2y', '2a', 'argon2id'])
def test_a_user_logs_in(path: Path, hashed: str) -> None:
    app, layer = layer_of(path, f'# users\n\nalice:{hashed}\n')
    assert call(layer, **basic('alice', SECRET)).status_code == 200
    assert access_of(app.last).subject == 'alice'
    for user, password in (('alice', 'wrong'), ('alice', ''), ('bob', SECRET), ('', SECRET), ('alice', SECRET + '\0')):
        assert call(layer, **basic(user, password)).status_code == 401


def test_a_password_may_have_colons_and_any_letters(path: Path) -> None:
    _, layer = layer_of(path, f'alice:{bcrypted("a:b:ü")}\n')
    assert call(layer, **basic('alice', 'a:b:ü')).status_code == 200


def test_bcrypt_does_not_look_at_the_beginning_only(path: Path) -> None:
    """CVE-2025-22228: of a password above 72 bytes the rest would not count."""
    _, layer = layer_of(path, f'alice:{bcrypted("x" * 72)}\n')
    assert call(layer, **basic('alice', 'x' * 72)).status_code == 200
    assert call(layer, **basic('alice', 'x' * 73)).status_code == 401


@pytest.mark.parametrize('header', [
    'Basic', 'Basic ', 'Basic !!!', 'Basic YWxpY2U=', 'Basic /w==', 'Bearer x', 'Digest a=b', 'x' * 5000,
    'Basic ' + base64.b64encode(b'alice:' + b'x' * 2000).decode(),
])
def test_what_is_not_basic_is_a_401_with_a_challenge(path: Path, header: str) -> None:
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    answer = call(layer, HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert answer.headers['WWW-Authenticate'] == 'Basic realm="objreg", charset="UTF-8"'


@pytest.mark.parametrize(('line', 'problem'), [
    ('alice:$apr1$abc$xyz', 'neither bcrypt nor argon2'), ('alice:plain', 'neither bcrypt nor argon2'),
    ('alice:{SHA}abc', 'neither bcrypt nor argon2'), ('alice:$2y$31$' + 'a' * 53, 'neither bcrypt nor argon2'),
    ('alice', 'not like <user>:<hash>'), (':x', 'not like'),
    pytest.param(f'bob:{bcrypted("x")}', "'bob' is there twice", id='twice'),
])
def test_a_bad_line_is_named_and_not_quoted(path: Path, line: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f'^htpasswd: {path}, line 2: .*{problem}') as error:
        layer_of(path, f'bob:{bcrypted("x")}\n{line}\n')
    assert '$' not in str(error.value)


def test_a_missing_file_stops_the_start(path: Path) -> None:
    with pytest.raises(ConfigError, match=f'^htpasswd: {path}: No such file'):
        Auth(FakeApp(), type='htpasswd', htpasswd=str(path))


def test_a_changed_file_counts_at_once_and_a_broken_one_does_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, '_LOOK_AGAIN', 0)
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    assert call(layer, **basic('alice', SECRET)).status_code == 200
    path.write_text(f'alice:{bcrypted("new")}\n')
    os.utime(path, (1, 1))
    assert call(layer, **basic('alice', SECRET)).status_code == 401
    assert call(layer, **basic('alice', 'new')).status_code == 200
    path.write_text('alice:plain\n')
    assert call(layer, **basic('alice', 'new')).status_code == 200
    with pytest.raises(ConfigError):
        layer.check()


def test_a_success_is_remembered_and_a_failure_is_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    verified: list[bytes] = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, 'checkpw', lambda given, hashed: verified.append(given) or check(given, hashed))
    for _ in range(5):
        assert call(layer, **basic('alice', SECRET)).status_code == 200
    assert len(verified) == 1
    for _ in range(3):
        assert call(layer, **basic('alice', 'wrong')).status_code == 401
    assert len(verified) == 4


def test_somebody_who_does_not_exist_costs_as_much(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2016-6210: the time of an answer must not tell who has an account."""
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    verified: list[bytes] = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, 'checkpw', lambda given, hashed: verified.append(given) or check(given, hashed))
    call(layer, **basic('nobody', SECRET))
    call(layer, **basic('alice', 'wrong'))
    assert len(verified) == 2


def test_nobody_keeps_all_threads_busy_with_passwords(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    assert call(layer, **basic('alice', SECRET)).status_code == 200
    monkeypatch.setattr(passwords, '_WAIT', 0.01)
    for _ in range(4):
        assert layer._gate._passwords._verifying.acquire(timeout=1)  # type: ignore[union-attr]
    assert call(layer, **basic('alice', 'wrong')).status_code == 503
    assert call(layer, **basic('alice', SECRET)).status_code == 200


def test_no_password_reaches_the_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    answers = [call(layer, **basic('alice', password)) for password in (SECRET, 'wrong password')]
    assert SECRET not in caplog.text and 'wrong password' not in caplog.text
    assert b'wrong password' not in answers[1].body


# What anonymous may do, without rules


def test_anonymous_may_nothing_unless_it_is_said(path: Path) -> None:
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    assert call(layer, '/v2/a/manifests/x').status_code == 401
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n', anonymous='pull')
    assert call(layer, '/v2/a/manifests/x').status_code == 200
    assert call(layer, '/v2/_catalog').status_code == 200
    assert call(layer, '/v2/').status_code == 401
    assert call(layer, '/v2/a/manifests/x', 'PUT').status_code == 401


def test_an_empty_user_without_password_is_nobody(path: Path) -> None:
    """Podman and skopeo send such credentials when they have none."""
    _, layer = layer_of(path, f'alice:{bcrypted("")}\n', anonymous='pull')
    assert call(layer, '/v2/a/manifests/x', **basic('', '')).status_code == 200
    assert call(layer, '/v2/', **basic('', '')).status_code == 401
    assert call(layer, '/v2/a/manifests/x', 'PUT', **basic('', '')).status_code == 401


# Rules


@pytest.mark.parametrize(('pattern', 'matching', 'others'), [
    ('team/**', ['team/a', 'team/a/b', 'team'], ['team2', 'team2/a', 'a/team', 'tea']),
    ('team/*', ['team/a'], ['team', 'team/a/b', 'team2/a']),
    ('**', ['a', 'a/b/c'], []),
    ('*', ['a', 'abc'], ['a/b']),
    ('team', ['team'], ['team/a', 'team2', 'ateam']),
    ('*/app', ['x/app'], ['app', 'x/y/app', 'x/app2']),
    ('**/app', ['x/app', 'x/y/app'], ['app2', 'x/app/y']),
    ('a.b', ['a.b'], ['axb']),
])
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = rules.pattern(pattern)
    assert [name for name in matching + others if compiled.fullmatch(name)] == matching


def test_no_pattern_and_no_name_take_long() -> None:
    """CVE-2022-24713: patterns that explode."""
    compiled = rules.pattern('**a**a**a**a')
    began = time.perf_counter()
    assert compiled.fullmatch('a' * 254 + 'b') is None
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(('text', 'problem'), [
    ('{}', 'a list of grants is needed'), ('- x', 'entry 1: needs users'), ('[', 'not YAML'),
    ('- {users: [a], repositories: [b], action: [pull]}', "entry 1: there is no 'action'; did you mean 'actions'"),
    ('- {users: [a], repositories: [b], actions: [pul]}', "actions: there is no 'pul'; did you mean 'pull'"),
    ('- {users: [a], repositories: [b]}', 'actions: a list of words is needed'),
    ('- {users: [], repositories: [b], actions: [pull]}', 'users: a list of words is needed'),
    ('- {users: [a], repositories: ["UPPER"], actions: [pull]}', "'UPPER' matches no name"),
    ('- {users: [a], repositories: ["/b"], actions: [pull]}', "'/b' matches no name"),
    ('- {users: [a], repositories: ["*a*a*a*a*a*a*a*a*a"], actions: [pull]}', 'too many wildcards'),
])
def test_a_bad_rule_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / 'rules.yml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem) as error:
        rules.load(str(path))
    assert str(error.value).startswith(f'rules: {path}')


# Options


@pytest.mark.parametrize(('options', 'problem'), [
    ({'type': 'ldap'}, '^type: '), ({'type': 'htpasswd'}, '^htpasswd: needed'),
    ({'type': 'token'}, '^realm: needed'), ({'type': 'token', 'realm': REALM, 'issuer': ISSUER}, '^service: needed'),
    ({'type': 'token', 'realm': 'a"b'}, '^realm: '),
])
def test_bad_options_stop_the_start(options: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Auth(FakeApp(), **options)


def test_rules_and_anonymous_do_not_go_together(path: Path, tmp_path: Path) -> None:
    (tmp_path / 'rules.yml').write_text('- {users: [a], repositories: [b], actions: [pull]}')
    with pytest.raises(ConfigError, match='^anonymous: '):
        layer_of(path, f'alice:{bcrypted(SECRET)}\n', anonymous='pull', rules=str(tmp_path / 'rules.yml'))


# The challenge of tokens


@pytest.mark.parametrize(('method', 'path', 'scope'), [
    ('GET', '/v2/', None), ('GET', '/v2/_catalog', 'registry:catalog:*'),
    ('GET', '/v2/a/b/manifests/x', 'repository:a/b:pull'), ('PUT', '/v2/a/b/manifests/x', 'repository:a/b:pull,push'),
    ('DELETE', '/v2/a/b/manifests/x', 'repository:a/b:delete'),
    ('POST', '/v2/a/b/blobs/uploads/?mount=x&from=c/d', 'repository:a/b:pull,push repository:c/d:pull'),
    ('POST', '/v2/a/b/blobs/uploads/?mount=x&from=c"d', 'repository:a/b:pull,push'),
])
def test_a_challenge_names_what_is_needed(tmp_path: Path, method: str, path: str, scope: str | None) -> None:
    layer = Auth(
        FakeApp(), type='token', realm=REALM, issuer=ISSUER, service=SERVICE, jwks=write_jwks(tmp_path / 'jwks')
    )
    answer = call(layer, path, method)
    named = f',scope="{scope}"' if scope else ''
    assert answer.status_code == 401
    assert answer.headers['WWW-Authenticate'] == f'Bearer realm="{REALM}",service="{SERVICE}"{named}'
