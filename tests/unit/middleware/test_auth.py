"""The auth layer: files, passwords, rules and challenges."""

from __future__ import annotations

import base64
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import argon2
import bcrypt
import pytest

from objreg.access import access_of
from objreg.auth import files, verifying
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
    monkeypatch.setattr(files, 'LOOK_AGAIN', 0)
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


def test_somebody_who_does_not_exist_costs_as_much_as_the_same_somebody(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where hashes cost different times, a made-up user has one of them, and keeps it."""
    hashes = {f'user{number}': bcrypted(SECRET) for number in range(8)}
    _, layer = layer_of(path, ''.join(f'{user}:{hashed}\n' for user, hashed in hashes.items()))
    verified: list[bytes] = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, 'checkpw', lambda given, hashed: verified.append(hashed) or check(given, hashed))
    monkeypatch.setattr(verifying, '_MANY_FAILURES', 1000)
    for _ in range(2):
        for number in range(30):
            assert call(layer, **basic(f'nobody{number}', SECRET)).status_code == 401
    assert verified[:30] == verified[30:]
    assert len(set(verified)) > 2


def test_somebody_who_does_not_exist_costs_as_much(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2016-6210: the time of an answer must not tell who has an account."""
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    verified: list[bytes] = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, 'checkpw', lambda given, hashed: verified.append(given) or check(given, hashed))
    call(layer, **basic('nobody', SECRET))
    call(layer, **basic('alice', 'wrong'))
    assert len(verified) == 2


def occupy(layer: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many passwords are being verified as may be at once."""
    monkeypatch.setattr(layer._gate.passwords._verifier, '_verifying', BoundedSemaphore(1))  # type: ignore[union-attr]
    layer._gate.passwords._verifier._verifying.acquire(timeout=0)  # type: ignore[union-attr]


def test_nobody_keeps_all_threads_busy_with_passwords(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody guesses, who has to be verified waits for nothing, and who is known does not notice."""
    assert verifying._AT_ONCE < 4, 'the threads of the smallest server'
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    assert call(layer, **basic('alice', SECRET)).status_code == 200
    for number in range(verifying._MANY_FAILURES):
        assert call(layer, **basic('alice', f'guess {number}')).status_code == 401
    occupy(layer, monkeypatch)
    began = time.monotonic()
    answer = call(layer, **basic('alice', 'wrong'))
    assert answer.status_code == 503
    assert answer.headers['Retry-After'] == '2'
    assert time.monotonic() - began < verifying._WAIT / 2
    assert call(layer, **basic('alice', SECRET)).status_code == 200


def test_many_who_log_in_at_once_wait_for_one_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push sends its layers in parallel, to a process that may not know the user yet."""
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    verified: list[bytes] = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, 'checkpw', lambda given, hashed: verified.append(given) or check(given, hashed))
    occupy(layer, monkeypatch)
    with ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(call, layer, **basic('alice', SECRET)) for _ in range(5)]
        assert not verified
        layer._gate.passwords._verifier._verifying.release()  # type: ignore[union-attr]
        assert [answer.result().status_code for answer in answers] == [200] * 5
    assert len(verified) == 1


def test_who_waits_too_long_is_told_to_come_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, layer = layer_of(path, f'alice:{bcrypted(SECRET)}\n')
    monkeypatch.setattr(verifying, '_WAIT', 0.01)
    occupy(layer, monkeypatch)
    assert call(layer, **basic('alice', SECRET)).status_code == 503


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


# Options


@pytest.mark.parametrize(('options', 'problem'), [
    ({'type': 'ldap'}, '^type: '), ({'type': 'htpasswd'}, '^htpasswd: needed'),
    ({'type': 'token'}, '^realm: needed'), ({'type': 'token', 'realm': REALM, 'issuer': ISSUER}, '^service: needed'),
    ({'type': 'token', 'realm': 'a"b'}, '^realm: '), ({'type': 'token', 'service': 'a\n b'}, '^service: '),
    ({'type': 'token', 'realm': 'https://ü.example'}, '^realm: '),
    ({'htpasswd': 'x'}, '^htpasswd: means nothing with type = none'), ({'rules': 'x'}, '^rules: means nothing'),
    ({'jwks': 'x', 'type': 'htpasswd'}, '^jwks: means nothing with type = htpasswd; it is one of type = token'),
    ({'anonymous': 'pull', 'type': 'token'}, '^anonymous: means nothing'), ({'realm': 'x'}, '^realm: means nothing'),
    ({'type': 'htpasswd', 'htpasswd': 'x', 'anonymous': 'push'}, '^anonymous: '),
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
