"""The registries that are named: by weight, those that answer, and all where none does."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from objreg.config import ConfigError
from objreg.http import Request
from objreg.hub.index.endpoints import EVERY, Endpoint, Endpoints, answers, parse


class Heard:
    """Those that answer, as told; `asked` are those that were asked, `until` waits for them."""

    def __init__(self, *silent: str) -> None:
        self.silent = set(silent)
        self.asked: list[str] = []
        self.now = 1000.0

    def __call__(self, scheme: str, host: str) -> bool:
        self.asked.append(host)
        return host not in self.silent

    def endpoints(self, *named: Endpoint) -> Endpoints:
        return Endpoints(named, ask=self, clock=lambda: self.now, random=random.Random(7))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, 'in vain'
        time.sleep(0.005)


def asked(user_agent: str = '', **environ: str) -> Request:
    given = {'HTTP_HOST': 'hub.example:5000', 'HTTP_USER_AGENT': user_agent, **environ}
    return Request.blank('/v1/repositories/a/images', environ=given)


ONE, TWO, THREE = Endpoint('one.example'), Endpoint('two.example'), Endpoint('three.example:5000', 3)


def test_the_option_is_read() -> None:
    assert parse('') == ()
    assert parse('one.example; three.example:5000 weight=3;') == (ONE, THREE)
    assert parse('[2001:db8::1]:5000') == (Endpoint('[2001:db8::1]:5000'),)


@pytest.mark.parametrize('text', [
    'https://one.example', 'one.example/v1', 'one example', 'one.example weight=0', 'one.example weight=-1',
    'one.example weight=x', 'one.example weight=1 weight=2', 'one.example,two.example', 'one.example; one.example',
    'a@b', ';'.join(f'r{number}.example' for number in range(33)),
])
def test_what_cannot_be_one_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match='^endpoints: '):
        parse(text)


def test_without_any_it_is_the_host_that_was_asked() -> None:
    assert Endpoints().header(asked()) == ('X-Docker-Endpoints', 'hub.example:5000')


def test_one_of_weight_comes_first_oftener() -> None:
    endpoints = Heard().endpoints(ONE, THREE)
    first = Counter(endpoints.ordered('http')[0] for _ in range(2000))
    assert 0.70 < first['three.example:5000'] / 2000 < 0.80


def test_one_that_does_not_answer_is_left_out_until_it_does() -> None:
    heard = Heard('two.example')
    endpoints = heard.endpoints(ONE, TWO)
    until(lambda: endpoints.ordered('http') == ['one.example'])
    heard.silent.clear()
    heard.now += EVERY
    until(lambda: len(endpoints.ordered('http')) == 2)


def test_where_none_answers_all_are_named() -> None:
    heard = Heard('one.example', 'two.example')
    endpoints = heard.endpoints(ONE, TWO)
    endpoints.ordered('http')
    until(lambda: len(endpoints._silent) == 2)
    assert len(endpoints.ordered('http')) == 2


def test_they_are_asked_every_now_and_then_and_only_while_somebody_asks() -> None:
    heard = Heard()
    endpoints = heard.endpoints(ONE, TWO)
    assert heard.asked == []
    for _ in range(50):
        endpoints.ordered('http')
    until(lambda: len(heard.asked) == 2 and endpoints._asked['one.example'] == endpoints._asked['two.example'] == 1000)
    heard.now += EVERY - 1
    endpoints.ordered('http')
    heard.now += 1
    endpoints.ordered('http')
    until(lambda: sorted(heard.asked) == ['one.example'] * 2 + ['two.example'] * 2)


def test_nobody_waits_for_one_that_hangs_and_it_is_not_asked_twice() -> None:
    hanging, calls = threading.Event(), []

    def ask(scheme: str, host: str) -> bool:
        calls.append(host)
        return hanging.wait(10)

    now = [1000.0]
    endpoints = Endpoints([ONE], ask=ask, clock=lambda: now[0])
    began = time.monotonic()
    for _ in range(20):
        assert endpoints.ordered('http') == ['one.example']
        now[0] += EVERY
    assert time.monotonic() - began < 5
    until(lambda: calls == ['one.example'])
    hanging.set()


@pytest.mark.parametrize(('user_agent', 'is_one'), [
    ('docker/0.10.0 go/go1.2.1 git-commit/dc9c28f kernel/3.13.0 os/linux arch/amd64', True),
    ('docker/0.9.1 go/go1.2.1', True), ('docker/0.6.0', True), ('Docker-Client go docker/0.7', True),
    ('docker/0.11.1 go/go1.2.1', False), ('docker/1.0.1', False), ('docker/0.100', False), ('', False),
    ('mydocker/0.9.1', False),
])
def test_docker_to_0_10_takes_no_list_apart(user_agent: str, is_one: bool) -> None:
    named = Heard().endpoints(ONE, TWO).header(asked(user_agent))[1]
    assert (',' not in named) is is_one and 'http' not in named


class _Registry(BaseHTTPRequestHandler):
    statuses: dict[str, int] = {}

    def do_GET(self) -> None:
        self.send_response(self.statuses.get(self.path, 404))
        self.send_header('Location', '/v2/')
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    made = HTTPServer(('127.0.0.1', 0), _Registry)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield f'127.0.0.1:{made.server_port}'
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.mark.parametrize(('statuses', 'is_registry'), [
    ({'/v1/_ping': 200}, True), ({'/v2/': 401}, True), ({'/v2/': 200}, True), ({}, False),
    ({'/v1/_ping': 302, '/v2/': 302}, False), ({'/v1/_ping': 503, '/v2/': 503}, False),
])
def test_what_answers_as_a_registry_is_one(
    monkeypatch: pytest.MonkeyPatch, server: str, statuses: dict[str, int], is_registry: bool
) -> None:
    monkeypatch.setattr(_Registry, 'statuses', statuses)
    assert answers('http', server) is is_registry


def test_what_does_not_listen_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    now = [1000.0]
    endpoints = Endpoints([Endpoint('127.0.0.1:9')], clock=lambda: now[0])
    for _ in range(2):
        endpoints.ordered('http')
        until(lambda: endpoints._asked['127.0.0.1:9'] == now[0])
        now[0] += EVERY
    assert caplog.text.count('endpoints: 127.0.0.1:9 is left out: ') == 1
