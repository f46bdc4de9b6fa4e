"""ReadOnly, HealthCheck and Cors."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.middleware.cors import Cors
from objreg.middleware.healthcheck import HealthCheck
from objreg.middleware.readonly import ReadOnly
from objreg.registry import Registry
from objreg.store import Stat, Unavailable
from objreg.testing.fakes import FakeApp
from objreg.wrap.base import WrappedStore
from tests.unit.middleware.calls import call

# ReadOnly


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'OPTIONS'])
def test_reads_pass_a_read_only_registry(method: str) -> None:
    assert call(ReadOnly(FakeApp()), method=method).status_code == 200


@pytest.mark.parametrize('method', ['PUT', 'POST', 'PATCH', 'DELETE', 'BREW', 'get'])
def test_all_else_does_not(method: str) -> None:
    app = FakeApp()
    answer = call(ReadOnly(app, message='moving house'), '/v2/a/manifests/x', method)
    assert (answer.status_code, answer.headers['Allow']) == (405, 'GET, HEAD, OPTIONS')
    assert json.loads(answer.body)['errors'][0] == {
        'code': 'UNSUPPORTED', 'message': 'the method is not allowed here', 'detail': 'moving house',
    }
    assert app.requests == []


def test_a_read_only_registry_says_how_long() -> None:
    answer = call(ReadOnly(FakeApp(), retry_after='10 min'), method='PUT')
    assert (answer.status_code, answer.headers['Retry-After']) == (503, '600')


# HealthCheck


class Asked(WrappedStore):
    """A store that counts, and fails or waits."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.count = 0
        self.failure: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()

    def stat(self, key: str) -> Stat:
        self.count += 1
        self.goes_on.wait(5)
        if self.failure is not None:
            raise self.failure
        return super().stat(key)


def node(**options: Any) -> tuple[Asked, HealthCheck]:
    store = Asked()
    registry = Registry(store)
    registry.start()
    return store, HealthCheck(FakeApp(), registry=registry, **options)


def test_a_node_that_answers_lives_whatever_its_store_does() -> None:
    store, layer = node()
    store.failure = Unavailable('gone')
    assert call(layer, '/livez').status_code == 200
    assert store.count == 0


def test_a_node_is_ready_while_its_store_answers() -> None:
    store, layer = node(keep=0)
    assert call(layer, '/readyz').status_code == 200
    store.failure = Unavailable('10.1.1.1 refused')
    answer = call(layer, '/readyz')
    assert answer.status_code == 503
    assert json.loads(answer.body) == {'status': 'unavailable', 'reason': 'the store does not answer'}


def test_asking_often_does_not_flood_the_store() -> None:
    store, layer = node(keep=60)
    for _ in range(20):
        assert call(layer, '/readyz').status_code == 200
    assert store.count == 1


def test_a_store_that_hangs_costs_no_more_than_the_timeout() -> None:
    store, layer = node(timeout=0.05, keep=0)
    store.goes_on.clear()
    assert json.loads(call(layer, '/readyz').body)['reason'] == 'the store does not answer in time'
    store.goes_on.set()


def test_a_node_that_stops_is_not_ready() -> None:
    _, layer = node()
    layer.drain()
    assert call(layer, '/readyz').status_code == 503
    assert call(layer, '/livez').status_code == 200


def test_an_empty_bucket_is_not_ready() -> None:
    layer = HealthCheck(FakeApp(), registry=Registry(MemoryStore()))
    assert json.loads(call(layer, '/readyz').body)['reason'] == 'the bucket holds no registry'


def test_other_paths_pass() -> None:
    _, layer = node(ready='/up')
    assert call(layer, '/readyz').body == b'{}'
    assert call(layer, '/up').status_code == 200


# Cors

SITE = 'https://ui.example.net'


def test_no_page_may_by_default() -> None:
    answer = call(Cors(FakeApp()), Origin__=SITE)
    assert 'Access-Control-Allow-Origin' not in answer.headers
    assert answer.headers['Vary'] == 'Origin'


def test_a_page_of_that_site_may() -> None:
    answer = call(Cors(FakeApp(), origins=SITE, credentials='yes'), HTTP_ORIGIN=SITE)
    assert answer.headers['Access-Control-Allow-Origin'] == SITE
    assert answer.headers['Access-Control-Allow-Credentials'] == 'true'
    assert 'Docker-Content-Digest' in answer.headers['Access-Control-Expose-Headers']
    assert answer.body == b'{}'


@pytest.mark.parametrize('origin', [
    'https://ui.example.net.evil.example', 'http://ui.example.net', 'null', 'https://ui', '',
])
def test_a_page_of_another_site_may_not(origin: str) -> None:
    answer = call(Cors(FakeApp(), origins=SITE), HTTP_ORIGIN=origin)
    assert 'Access-Control-Allow-Origin' not in answer.headers


def test_a_preflight_is_answered_here() -> None:
    app = FakeApp()
    preflight = {'HTTP_ORIGIN': SITE, 'HTTP_ACCESS_CONTROL_REQUEST_METHOD': 'GET'}
    answer = call(Cors(app, origins=SITE), method='OPTIONS', **preflight)
    assert (answer.status_code, answer.headers['Access-Control-Max-Age']) == (204, '600')
    assert app.requests == []
    refused = call(Cors(app, origins='https://other.example'), method='OPTIONS', **preflight)
    assert 'Access-Control-Allow-Methods' not in refused.headers


def test_all_sites_do_not_get_credentials() -> None:
    """project-zot/zot, commit bfc59ad1: credentials were allowed together with ``*``."""
    assert call(Cors(FakeApp(), origins='*'), HTTP_ORIGIN=SITE).headers['Access-Control-Allow-Origin'] == '*'
    with pytest.raises(ConfigError, match='^credentials: '):
        Cors(FakeApp(), origins='*', credentials='true')
    with pytest.raises(ConfigError, match='^origins: '):
        Cors(FakeApp(), origins='ui.example.net')
