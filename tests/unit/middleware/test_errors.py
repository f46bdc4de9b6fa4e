"""The errors layer: ids, lines and clean answers."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from objreg.access import KEY
from objreg.config import ConfigError
from objreg.errors import Denied
from objreg.http import Response
from objreg.middleware.errors import Errors
from objreg.store import Exists, NotFound, Refused, StoreError, Unavailable
from objreg.testing.fakes import FakeApp
from tests.inprocess import User
from tests.unit.middleware.calls import call


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == 'objreg.request']


@pytest.fixture(autouse=True)
def _caught(caplog: pytest.LogCaptureFixture) -> Any:
    logger = logging.getLogger('objreg.request')
    before, logger.propagate = logger.propagate, True
    caplog.set_level(logging.INFO)
    yield
    logger.propagate = before


def test_an_answer_passes_and_gets_an_id() -> None:
    app = FakeApp()
    answer = call(Errors(app))
    assert answer.status_code == 200
    assert answer.body == b'{}'
    assert answer.headers['X-Request-Id'] == app.last['objreg.request_id']
    assert call(Errors(app)).headers['X-Request-Id'] != answer.headers['X-Request-Id']


def test_the_id_of_the_client_is_kept() -> None:
    assert call(Errors(FakeApp()), X__Request__Id='from-the.proxy_7').headers['X-Request-Id'] == 'from-the.proxy_7'


@pytest.mark.parametrize('given', ['a b', 'x' * 129, 'a\nb', '"', 'é', ''])
def test_an_id_that_could_forge_a_line_is_replaced(given: str) -> None:
    answer = call(Errors(FakeApp()), HTTP_X_REQUEST_ID=given)
    assert answer.headers['X-Request-Id'] != given


def test_an_error_of_the_specification_is_an_answer() -> None:
    answer = call(Errors(FakeApp(Denied('why'))))
    assert answer.status_code == 403
    assert json.loads(answer.body)['errors'][0]['code'] == 'DENIED'


def test_what_nobody_expected_says_nothing_of_the_inside(caplog: pytest.LogCaptureFixture) -> None:
    answer = call(Errors(FakeApp(RuntimeError('the password is hunter2'))))
    assert answer.status_code == 500
    assert b'hunter2' not in answer.body and b'Traceback' not in answer.body
    assert json.loads(answer.body)['errors'][0]['detail'] == {'request': answer.headers['X-Request-Id']}
    assert any(record.exc_info and answer.headers['X-Request-Id'] in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(('error', 'seconds'), [
    (Unavailable('s3.internal does not answer', 7), '7'), (Unavailable('s3.internal', 0.2), '1'),
    (Unavailable('s3.internal'), '5'), (Refused('s3.internal is full'), '60'),
])
def test_a_store_that_fails_is_a_503_and_the_log_tells_why(
    error: StoreError, seconds: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = call(Errors(FakeApp(error)))
    assert (answer.status_code, answer.headers['Retry-After']) == (503, seconds)
    assert b'internal' not in answer.body
    told, = (record for record in caplog.records if 's3.internal' in record.getMessage())
    assert answer.headers['X-Request-Id'] in told.getMessage() and not told.exc_info


@pytest.mark.parametrize('error', [NotFound('k'), Exists('k')], ids=lambda error: type(error).__name__)
def test_an_answer_of_the_store_that_nobody_expected_is_no_503(error: StoreError) -> None:
    assert call(Errors(FakeApp(error))).status_code == 500


def test_a_line_tells_what_happened(caplog: pytest.LogCaptureFixture) -> None:
    app = FakeApp(Response(status=201, body=b'abc'))
    layer = Errors(app)
    answer = call(layer, '/v2/a/manifests/x?secret=1', 'PUT', b'body', **{KEY: User('alice', {})})
    line, = lines(caplog)
    assert ' 192.0.2.7 alice "PUT /v2/a/manifests/x" 201 3 ' in line
    assert answer.headers['X-Request-Id'] in line
    assert 'secret' not in line


def test_a_line_is_json_where_that_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    call(Errors(FakeApp(), log='json'), '/v2/"\n{"status": 1}')
    line, = lines(caplog)
    assert '\n' not in line
    expected = {'status': 200, 'method': 'GET', 'bytes': 2, 'client': '192.0.2.7', 'user': ''}
    assert expected.items() <= json.loads(line).items()


def test_no_line_where_none_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    call(Errors(FakeApp(), log='none'))
    assert lines(caplog) == []


@pytest.mark.parametrize('path', [
    '/v2/a\nb', '/v2/a\r\n2026 forged', '/v2/a" 200 0', '/v2/a\x1b[31m', '/v2/\x7f', '/v2/é',
])
def test_no_path_begins_another_line_or_field(caplog: pytest.LogCaptureFixture, path: str) -> None:
    """CWE-117: a log must not be written by its readers' enemies."""
    call(Errors(FakeApp()), PATH_INFO=path)
    line, = lines(caplog)
    assert line.isascii() and line.isprintable()
    assert line.count('"') == 2 and line.split('"')[2].startswith(' 200 2 ')


def test_a_body_is_counted_while_it_is_sent_and_closed(caplog: pytest.LogCaptureFixture) -> None:
    app = FakeApp([b'ab', b'cde'])
    assert call(Errors(app)).body == b'abcde'
    assert app.unclosed == []
    assert ' 200 5 ' in lines(caplog)[0]


def test_an_answer_that_breaks_off_is_cut_and_noted(caplog: pytest.LogCaptureFixture) -> None:
    def pieces() -> Any:
        yield b'ab'
        raise Unavailable('gone')

    app = FakeApp(pieces())
    with pytest.raises(Unavailable):
        call(Errors(app))
    assert app.unclosed == []
    assert any('the answer was cut' in record.getMessage() for record in caplog.records)


def test_a_body_that_the_server_sends_is_left_to_it(caplog: pytest.LogCaptureFixture) -> None:
    file = object()

    def app(environ: Any, start_response: Any) -> Any:
        environ['objreg.sent_by_server'] = True
        start_response('200 OK', [('Content-Length', '77')])
        return file

    assert Errors(app)({'REQUEST_METHOD': 'GET'}, lambda *_: None) is file  # type: ignore[arg-type,comparison-overlap]
    assert ' 200 77 ' in lines(caplog)[0]


def test_a_layer_adds_to_the_line(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        environ['objreg.log']['cache'] = 'a hit'
        return Response()(environ, start_response)

    call(Errors(app))
    assert lines(caplog)[0].endswith(' cache=a\\u0020hit')


def test_an_unknown_format_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="^log: 'xml' is none of"):
        Errors(FakeApp(), log='xml')
