"""An answer that is needed whole is had whole, or not at all, within its bounds."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from objreg.hub import outbound

LOOPBACK = [ipaddress.ip_network('127.0.0.0/8')]


class Handler(BaseHTTPRequestHandler):
    """Sends in pieces, as slowly and for as long as its path says."""

    def do_GET(self) -> None:
        pieces, pause = map(float, self.path.strip('/').split('/'))
        self.send_response(200)
        self.send_header('Content-Encoding', 'gzip')
        self.end_headers()
        try:
            for _ in range(int(pieces)):
                self.wfile.write(b'x' * 1000)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()
        thread.join()


def ask(url: str, seconds: float = 5) -> outbound.Answer:
    return outbound.ask('GET', url, None, {}, LOOPBACK, most=5000, seconds=seconds)


def test_an_answer_in_pieces_is_had_whole_and_as_it_was_sent(url: str) -> None:
    assert ask(f'{url}/5/0.005') == (200, 'x' * 5000), 'not unpacked: so nothing small becomes large'


def test_one_that_is_too_long_or_too_slow_is_none(url: str) -> None:
    assert ask(f'{url}/6/0') == (0, '_NotWhole: it is too large')
    for pieces, pause in ((4, 0.03), (1, 0.2)):  # each piece in time, and none
        assert ask(f'{url}/{pieces}/{pause}', 0.05).status == 0
