"""The metrics layer: what it counts, and to whom it tells."""

from __future__ import annotations

from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.http import Response
from objreg.middleware.metrics import Metrics
from objreg.store import NotFound
from objreg.testing.fakes import FakeApp
from objreg.wrap.timing import observers, timed
from tests.unit.middleware.calls import call


@pytest.fixture(autouse=True)
def _observers() -> Any:
    before = list(observers)
    yield
    observers[:] = before


def value(layer: Metrics, name: str, **labels: str) -> float | None:
    found: float | None = layer.collectors.get_sample_value(name, labels)
    return found


def test_requests_are_counted_by_kind_and_never_by_name() -> None:
    layer = Metrics(FakeApp(Response(status=404, body=b'abc')))
    for name in ('a', 'b/c', 'd'):
        call(layer, f'/v2/{name}/manifests/x')
    assert value(layer, 'objreg_requests_total', method='GET', route='manifest', status='404') == 3
    assert value(layer, 'objreg_sent_bytes_total', route='manifest') == 9
    assert value(layer, 'objreg_request_seconds_count', method='GET', route='manifest') == 3


@pytest.mark.parametrize(('method', 'path', 'labels'), [
    ('BREW', '/v2/', ('other', 'base')), ('GET', '/v2/A/manifests/x', ('GET', 'invalid')),
    ('GET', '/x', ('GET', 'none')),
])
def test_no_client_makes_new_labels(method: str, path: str, labels: tuple[str, str]) -> None:
    layer = Metrics(FakeApp())
    call(layer, path, method)
    assert value(layer, 'objreg_requests_total', method=labels[0], route=labels[1], status='200') == 1


def test_bodies_are_counted() -> None:
    layer = Metrics(FakeApp([b'abc', b'd']))
    call(layer, '/v2/a/blobs/uploads/id', 'PATCH', b'x' * 10)
    assert value(layer, 'objreg_received_bytes_total', route='upload') == 10
    assert value(layer, 'objreg_sent_bytes_total', route='upload') == 4
    assert value(layer, 'objreg_in_flight') == 0


def test_a_failure_is_counted_too() -> None:
    layer = Metrics(FakeApp(RuntimeError()))
    with pytest.raises(RuntimeError):
        call(layer)
    assert value(layer, 'objreg_requests_total', method='GET', route='base', status='500') == 1
    assert value(layer, 'objreg_in_flight') == 0


def test_calls_to_the_store_are_timed_and_failures_counted() -> None:
    layer = Metrics(FakeApp())
    store = timed(MemoryStore())
    store.name = 'here'
    store.put('a', b'x')
    with pytest.raises(NotFound):
        store.read('b')
    assert value(layer, 'objreg_store_seconds_count', store='here', operation='put') == 1
    assert value(layer, 'objreg_store_errors_total', store='here', operation='get', error='NotFound') is None


def test_who_may_sees_them() -> None:
    layer = Metrics(FakeApp())
    answer = call(layer, '/metrics', REMOTE_ADDR='127.0.0.1')
    assert answer.content_type == 'text/plain'
    assert b'objreg_in_flight 0.0' in answer.body
    for address in ('192.0.2.7', '', 'nonsense'):
        assert call(layer, '/metrics', REMOTE_ADDR=address).status_code == 404
    assert call(layer, '/metrics', REMOTE_ADDR='127.0.0.1', **{'objreg.client': '192.0.2.7'}).status_code == 404
