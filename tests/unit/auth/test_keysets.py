"""The keys of a token service: fetched when they are needed, never too often, and never too much."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from objreg.auth import files, keysets, remote
from objreg.auth.keysets import KeysUnavailable, open_keys
from objreg.config import ConfigError
from tests.unit.middleware.keys import EC, RSA, write_jwks


def jwks(*keys: Any) -> bytes:
    return json.dumps({'keys': [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys]}).encode()


class Service:
    """A server on loopback that answers what `answer` writes, and counts."""

    def __init__(self) -> None:
        self.body, self.status, self.count = jwks(RSA), 200, 0
        self.slowly = threading.Event()
        self.slowly.set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.count += 1
                service.slowly.wait(10)
                self.send_response(service.status)
                if service.status == 302:
                    self.send_header('Location', '/elsewhere')
                self.send_header('Content-Encoding', 'identity')
                self.end_headers()
                self.wfile.write(service.body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f'http://127.0.0.1:{self._server.server_port}/jwks'

    def close(self) -> None:
        self.slowly.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


def kids(keys: keysets.Keys, kid: str | None = None) -> list[str]:
    return [key.kid for key in keys.find(kid)]


def test_nothing_is_asked_before_it_is_needed(service: Service) -> None:
    keys = open_keys(service.url)
    assert service.count == 0
    assert kids(keys, 'one') == ['one']
    assert kids(keys, 'one') == kids(keys) == ['one']
    assert service.count == 1


def test_unknown_keys_are_looked_for_now_and_then_only(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes up key ids does not make this registry flood its token service."""
    keys = open_keys(service.url)
    for number in range(50):
        assert kids(keys, f'made up {number}') == []
    assert service.count == 1
    service.body = jwks(RSA, EC)
    assert kids(keys, 'two') == []
    monkeypatch.setattr(keysets, '_ASK_AGAIN', 0)
    assert kids(keys, 'two') == ['two']


def test_a_key_that_was_withdrawn_is_refused(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2025-22149: a key that the service took back stayed good."""
    keys = open_keys(service.url)
    assert kids(keys, 'one') == ['one']
    service.body = jwks(EC)
    monkeypatch.setattr(keysets, '_ASK_AGAIN', 0)
    monkeypatch.setattr(keysets, '_KEEP', 0)
    assert kids(keys, 'one') == []
    assert kids(keys) == ['two']


@pytest.mark.parametrize(('status', 'body', 'problem'), [
    (500, b'', 'it answers 500'), pytest.param(302, jwks(EC), 'it answers 302', id='302'),
    (200, b'{' + b' ' * 2**20, 'it is too large'),
    (200, b'', 'Expecting value'), (200, b'[]', ''), (200, b'{"keys": 7}', ''), (200, b'{"keys": []}', 'No keys'),
    (200, b'{"keys": [7]}', ''), (200, b'\xff', 'utf-8'), (200, b'[' * 100_000, ''),
    (200, jwks({'kty': 'RSA', 'n': 'x'}), ''),
])
def test_what_is_no_set_of_keys_changes_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, problem: str
) -> None:
    """CVE-2025-59936: what one bad answer left behind was served to all."""
    keys = open_keys(service.url)
    assert kids(keys) == ['one']
    service.status, service.body = status, body
    monkeypatch.setattr(keysets, '_ASK_AGAIN', 0)
    assert kids(keys, 'two') == []
    assert kids(keys) == ['one']
    with pytest.raises(ConfigError, match=f'^jwks: {service.url}: .*{problem}'):
        keys.reload()


def test_a_service_that_fails_is_named_in_the_log(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keys = open_keys(service.url)
    assert kids(keys) == ['one']
    service.status = 503
    monkeypatch.setattr(keysets, '_ASK_AGAIN', 0)
    assert kids(keys, 'two') == []
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, f'jwks: {service.url}: it answers 503; the keys from before stay'),
    ]


def test_a_redirect_is_not_followed(service: Service) -> None:
    """The address is the operator's; no answer leads this registry elsewhere (the class of SSRF)."""
    service.status = 302
    with pytest.raises(KeysUnavailable):
        open_keys(service.url).find('one')
    assert service.count == 1


def test_a_service_that_drips_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, 'LONGEST', -1)
    with pytest.raises(ConfigError, match='it takes too long'):
        open_keys(service.url).reload()


def test_keys_that_nobody_knows_are_left_out(service: Service) -> None:
    """RFC 7517 section 5."""
    service.body = jwks({'kty': 'from the future', 'kid': 'three'}, RSA)
    assert kids(open_keys(service.url)) == ['one']


def test_who_has_a_known_key_does_not_wait_for_a_service_that_hangs(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = open_keys(service.url)
    assert kids(keys) == ['one']
    monkeypatch.setattr(keysets, '_ASK_AGAIN', 0)
    monkeypatch.setattr(keysets, '_KEEP', 0)
    service.slowly.clear()
    one = threading.Thread(target=keys.find, args=('made up',))
    one.start()
    while service.count < 2:
        time.sleep(0.001)
    began = time.monotonic()
    assert kids(keys, 'one') == ['one']
    assert time.monotonic() - began < 1
    service.slowly.set()
    one.join()


def test_without_keys_from_before_nobody_passes(service: Service) -> None:
    service.close()
    with pytest.raises(KeysUnavailable):
        open_keys(service.url).find('one')


def test_a_file_of_keys_counts_as_soon_as_it_changes(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, 'LOOK_AGAIN', 0)
    path = tmp_path / 'jwks'
    keys = open_keys(write_jwks(path))
    assert kids(keys) == ['one', 'two']
    write_jwks(path, EC)
    assert kids(keys) == ['two']
    path.write_text('{')
    assert kids(keys) == ['two']
