"""The list of tokens that a hub withdrew, as a registry elsewhere reads it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from objreg.auth import denied
from objreg.auth.denied import DeniedURL
from objreg.config import ConfigError
from objreg.hub.denials import fingerprint


class Hub(BaseHTTPRequestHandler):
    """Publishes what it is told to."""

    said: bytes = b'{}'
    asked = 0

    def do_GET(self) -> None:
        Hub.asked += 1
        self.send_response(200 if Hub.said else 503)
        self.send_header('Content-Length', str(len(Hub.said)))
        self.end_headers()
        self.wfile.write(Hub.said)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Hub.asked, Hub.said = 0, json.dumps({fingerprint('subject-alice'): 100}).encode()
    made = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f'http://127.0.0.1:{made.server_port}/denied.json'
    made.shutdown()
    thread.join()
    made.server_close()


def test_what_the_hub_withdrew_is_refused_and_the_hub_asked_once(url: str) -> None:
    found = DeniedURL(url)
    for _ in range(100):
        assert found.is_denied('alice', '', 100)
        assert not found.is_denied('alice', '', 101)
        assert not found.is_denied('bob', '', 100)
    assert Hub.asked == 1


@pytest.mark.parametrize('said', [b'', b'[]', b'{"x": "y"}', b'no JSON', b'[' * 100_000])
def test_what_was_read_before_stays_while_the_hub_says_nothing_useful(
    url: str, said: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = DeniedURL(url)
    assert found.is_denied('alice', '', 100)
    monkeypatch.setattr(denied, '_ASK_AGAIN', 0)
    Hub.said = said
    assert found.is_denied('alice', '', 100)
    assert 'the list from before stays' in caplog.text
    Hub.said = b'{}'
    assert not found.is_denied('alice', '', 100)


def test_only_https_is_believed() -> None:
    with pytest.raises(ConfigError, match='denied: .*https is needed'):
        DeniedURL('http://hub.example/denied.json')
