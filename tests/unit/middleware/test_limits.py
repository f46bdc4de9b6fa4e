"""The limits layer: what it refuses, and that it lets go again."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from objreg.config import ConfigError
from objreg.errors import RequestTooLarge
from objreg.http import Request
from objreg.middleware.limits import Limits
from objreg.testing.fakes import FakeApp
from tests.unit.middleware.calls import call


@pytest.mark.parametrize(('path', 'size', 'status'), [
    ('/v2/a/manifests/x', 1000, 200), ('/v2/a/manifests/x', 1001, 413),
    ('/v2/a/blobs/uploads/', 5000, 200), ('/v2/a/blobs/uploads/id', 5001, 413),
    ('/v2/a/tags/list', 10, 200), ('/elsewhere', 11, 413),
])
def test_bodies_are_bounded_by_kind(path: str, size: int, status: int) -> None:
    layer = Limits(FakeApp(), manifest=1000, blob=5000, other=10)
    answer = call(layer, path, 'PUT', b'x' * size)
    assert answer.status_code == status
    if status == 413:
        assert json.loads(answer.body)['errors'][0]['code'] == 'SIZE_INVALID'


@pytest.mark.parametrize('length', ['9' * 30, '-1', 'x', '٣'])
def test_a_length_that_is_none_helps_nobody(length: str) -> None:
    app = FakeApp()
    layer = Limits(app, manifest=1000)
    req = Request.blank('/v2/a/manifests/x', method='PUT')
    req.environ |= {'CONTENT_LENGTH': length, 'wsgi.input': io.BytesIO(b'x' * 2000)}
    if req.get_response(layer).status_code == 200:
        with pytest.raises(RequestTooLarge):
            app.last['wsgi.input'].read()


def test_a_body_without_a_length_is_bounded_while_it_is_read() -> None:
    app = FakeApp()
    req = Request.blank('/v2/a/manifests/x', method='PUT')
    req.environ |= {'HTTP_TRANSFER_ENCODING': 'chunked', 'wsgi.input': io.BytesIO(b'x' * 2000), 'CONTENT_LENGTH': ''}
    assert req.get_response(Limits(app, manifest=1000)).status_code == 200
    body = app.last['wsgi.input']
    assert len(body.read(600)) == 600
    with pytest.raises(RequestTooLarge):
        body.read(600)


def test_a_body_without_a_length_that_fits_comes_whole() -> None:
    app = FakeApp()
    req = Request.blank('/v2/a/manifests/x', method='PUT')
    req.environ |= {'HTTP_TRANSFER_ENCODING': 'chunked', 'wsgi.input': io.BytesIO(b'x' * 1000), 'CONTENT_LENGTH': ''}
    req.get_response(Limits(app, manifest=1000))
    assert app.last['wsgi.input'].read() == b'x' * 1000


def test_blobs_are_not_bounded_unless_it_is_said() -> None:
    req = Request.blank('/v2/a/blobs/uploads/id', method='PATCH')
    req.environ['CONTENT_LENGTH'] = str(1 << 50)
    assert req.get_response(Limits(FakeApp())).status_code == 200


@pytest.mark.parametrize('environ', [{'HTTP_X': 'x' * 40_000}, {'QUERY_STRING': 'a' * 40_000}])
def test_headers_are_bounded(environ: dict[str, str]) -> None:
    assert call(Limits(FakeApp()), **environ).status_code == 431


def test_so_many_requests_are_under_way_and_no_more() -> None:
    """The third waits until one of the first two is sent, whatever becomes of it."""
    layer = Limits(FakeApp([b'a', b'b']), in_flight=2)
    environ = Request.blank('/v2/').environ

    def begin() -> Any:
        return layer(dict(environ), lambda *_: None)  # type: ignore[arg-type]

    first, second = begin(), begin()
    answer = call(layer)
    assert (answer.status_code, answer.headers['Retry-After']) == (503, '1')
    first.close()
    third = begin()
    for body in (second, third):
        body.close()
        body.close()
    assert layer._running == 0


def test_a_failure_gives_its_place_back() -> None:
    layer = Limits(FakeApp(RuntimeError()), in_flight=1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            call(layer)


def test_who_asks_too_often_waits() -> None:
    layer = Limits(FakeApp(), rate='3/minute')
    statuses = [call(layer).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    answer = call(layer)
    assert json.loads(answer.body)['errors'][0]['code'] == 'TOOMANYREQUESTS'
    assert 1 <= int(answer.headers['Retry-After']) <= 120
    assert call(layer, REMOTE_ADDR='192.0.2.8').status_code == 200


def test_the_client_is_the_one_that_a_trusted_proxy_names() -> None:
    layer = Limits(FakeApp(), rate='1/minute')
    assert call(layer, **{'objreg.client': '1.1.1.1'}).status_code == 200
    assert call(layer, **{'objreg.client': '1.1.1.2'}).status_code == 200
    assert call(layer, **{'objreg.client': '1.1.1.1'}).status_code == 429


def test_a_network_of_ipv6_is_one_client() -> None:
    layer = Limits(FakeApp(), rate='1/minute')
    assert call(layer, REMOTE_ADDR='2001:db8::1').status_code == 200
    assert call(layer, REMOTE_ADDR='2001:db8::2').status_code == 429
    assert call(layer, REMOTE_ADDR='2001:db8:0:1::1').status_code == 200


def test_some_are_exempt() -> None:
    layer = Limits(FakeApp(), rate='1/minute', rate_exempt='192.0.2.0/24')
    assert {call(layer).status_code for _ in range(5)} == {200}


def test_a_rate_that_is_none_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="^rate: 'often' is not like 100/second"):
        Limits(FakeApp(), rate='often')
