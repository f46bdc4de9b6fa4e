"""Who asked for it is told, signed, at least once, and nothing is sent into this network."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.hub import keys, outbound
from objreg.hub.deliveries import OVERDUE, PAUSES, Deliveries
from objreg.hub.outbound import Answer, NotAllowed
from objreg.hub.webhooks import Webhook, Webhooks, message, new_secret
from objreg.store import StoreError
from objreg.testing.faults import Fault, FaultyStore, Stop, nth

LOOPBACK = [ipaddress.ip_network('127.0.0.0/8')]
URL = 'https://ci.example/hook'


class Receiver:
    """Answers what it is told to, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[str, bytes, dict[str, str]]] = []

    def post(self, url: str, body: bytes, headers: dict[str, str], allowed: Any) -> Answer:
        self.got.append((url, body, headers))
        return Answer(self.answers.pop(0) if self.answers else 204, 'said')


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def queue(clock: Clock, receiver: Receiver) -> Deliveries:
    store = MemoryStore()
    return Deliveries(store, Webhooks(store, now=clock), now=clock, post=receiver.post)


def hook(**more: Any) -> Webhook:
    return Webhook(URL, new_secret(), **more)


def emit(queue: Deliveries, repository: str = 'acme/app', kind: Any = 'push') -> list[str]:
    return queue.emit(queue._webhooks.event(kind, repository, by='alice', tags=['1']))


def test_what_is_sent_is_signed_as_standard_webhooks_says(queue: Deliveries, receiver: Receiver) -> None:
    asked = hook()
    queue._webhooks.add('acme', asked)
    emit(queue)
    assert queue.run_due() == 1
    ((url, body, headers),) = receiver.got
    assert url == URL
    assert json.loads(body) == {
        'type': 'repository.push', 'timestamp': '2027-01-15T08:00:00Z',
        'data': {'repository': 'acme/app', 'by': 'alice', 'tags': ['1']},
    }
    signed = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.'.encode() + body
    secret = base64.b64decode(asked.secret.removeprefix('whsec_'))
    mac = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    assert headers['webhook-signature'] == f'v1,{mac}'


def test_the_vector_of_the_specification() -> None:
    """The example of Standard Webhooks' own libraries."""
    asked = Webhook(URL, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
    key = base64.b64decode('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
    body = b'{"test": 2432232314}'
    mac = hmac.digest(key, b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.' + body, hashlib.sha256)
    assert base64.b64encode(mac).decode() == 'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    assert asked.secret.endswith('LaLaSw')


def test_cloud_events_on_request(queue: Deliveries, receiver: Receiver) -> None:
    queue._webhooks.add('acme', hook(form='cloudevents'))
    emit(queue, kind='delete')
    queue.run_due()
    ((_, body, headers),) = receiver.got
    document = json.loads(body)
    assert headers['Content-Type'] == 'application/cloudevents+json'
    assert (document['specversion'], document['type'], document['subject']) == (
        '1.0', 'objreg.repository.delete', 'acme/app')
    assert document['id'] == headers['webhook-id']


@pytest.mark.parametrize(('more', 'repository', 'kind', 'told'), [
    ({}, 'acme/app', 'push', 1),
    ({}, 'acme2/app', 'push', 0),
    ({}, 'acm/app', 'push', 0),
    ({'events': ('delete',)}, 'acme/app', 'push', 0),
    ({'events': ('delete',)}, 'acme/app', 'delete', 1),
    ({'repositories': ('acme/web/**',)}, 'acme/app', 'push', 0),
    ({'repositories': ('acme/web/**',)}, 'acme/web/one', 'push', 1),
])
def test_he_is_told_what_he_asked_for(
    queue: Deliveries, receiver: Receiver, *, more: dict[str, Any], repository: str, kind: str, told: int
) -> None:
    queue._webhooks.add('acme', hook(**more))
    emit(queue, repository, kind)
    assert queue.run_due() == told == len(receiver.got)


def test_what_failed_is_tried_again_later_and_given_up_at_last(
    queue: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    id = queue._webhooks.add('acme', hook())
    receiver.answers = [500, 0, 404, 302, 429, 503, 500]
    emit(queue)
    for pause in PAUSES:
        assert queue.run_due() == 1
        assert queue.run_due() == 0, 'not before its time'
        clock.now += pause
    assert queue.run_due() == 1
    clock.now += 10 * 24 * 3600
    assert queue.run_due() == 0
    assert len({headers['webhook-id'] for _, _, headers in receiver.got}) == 1
    assert [attempt.status for attempt in queue.attempts('acme', id)] == [500, 503, 429, 302, 404, 0, 500]
    assert not list(queue._store.list(keys.QUEUE))


def test_a_crash_loses_nothing_and_a_claim_of_the_dead_counts_for_a_while(
    queue: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    queue._webhooks.add('acme', hook())
    (key,) = emit(queue)
    queue._store.put(keys.claimed(key), b'{}')  # and died
    clock.now = queue._store.stat(keys.claimed(key)).modified
    assert queue.run_due() == 0
    clock.now += OVERDUE + 1
    receiver.answers = []
    due = queue._store.read(key)
    queue._store.delete([key])
    queue._store.put(keys.queued(int(clock.now), key.rpartition('/')[2]), due)
    assert queue.run_due() == 1
    assert len(receiver.got) == 1


@pytest.mark.parametrize('fault', [fault for fault in Fault if fault is not Fault.CUT])
def test_whatever_call_fails_it_is_told_in_the_end(clock: Clock, fault: Fault) -> None:
    """The process may die at any call: it is told at least once."""
    number = 0
    while True:
        number += 1
        store, receiver = MemoryStore(), Receiver()
        webhooks = Webhooks(store, now=clock)
        webhooks.add('acme', hook())
        whole = Deliveries(store, webhooks, now=clock, post=receiver.post)
        emit(whole)
        faulty = FaultyStore(store, nth(number, fault))
        with contextlib.suppress(Stop, StoreError):
            Deliveries(faulty, Webhooks(faulty, now=clock), now=clock, post=receiver.post).run_due()
        if not faulty.happened:
            break
        store.delete([entry.key for entry in store.list('hub/claims/')])  # in time they count no more
        whole.run_due()
        assert 1 <= len(receiver.got) <= 2, number
        assert not list(store.list(keys.QUEUE)), number
    assert number > 6


def test_two_nodes_do_not_both_send(queue: Deliveries, receiver: Receiver, clock: Clock) -> None:
    queue._webhooks.add('acme', hook())
    (key,) = emit(queue)
    queue._store.put(keys.claimed(key), b'{}')
    clock.now = queue._store.stat(keys.claimed(key)).modified
    assert queue._try(key) is False
    assert not receiver.got


def test_no_more_attempts_are_kept_than_anybody_reads(queue: Deliveries, clock: Clock) -> None:
    id = queue._webhooks.add('acme', hook())
    for _ in range(60):
        emit(queue)
        clock.now += 1
    queue.run_due()
    assert len(list(queue._store.list(keys.attempts('acme', id)))) == 50


# Where nothing is sent to


@pytest.mark.parametrize('url', [
    'http://ci.example/', 'https://user:secret@ci.example/', 'ftp://ci.example/', 'https://', 'file:///etc/passwd',
    'https://127.0.0.1/', 'https://[::1]/', 'https://169.254.169.254/latest/meta-data', 'https://10.1.2.3/',
    'https://[::ffff:10.1.2.3]/', 'https://[::ffff:169.254.169.254]/', 'https://[2002:a01:203::]/',
    'https://[64:ff9b::a01:203]/', 'https://[fd00::1]/', 'https://[fe80::1]/', 'https://0.0.0.0/', 'https://224.0.0.1/',
    'https://100.64.0.1/', 'https://ci.example:0/', 'https://ci.example:99999/', 'https://ci.example/\r\nX: y',
    'https://ci.example/' + 'x' * 3000,
])
def test_an_address_that_is_not_public_is_refused_at_once(url: str) -> None:
    """The class of CVE-2026-85471 and CVE-2020-13788."""
    with pytest.raises(NotAllowed):
        outbound.check_url(url)


@pytest.mark.parametrize('means', [
    ['127.0.0.1'], ['169.254.169.254'], ['10.0.0.1'], ['93.184.216.34', '10.0.0.1'], ['::1'], ['::ffff:127.0.0.1'],
])
def test_a_name_that_means_a_private_address_leads_nowhere(means: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, 'getaddrinfo', lambda *_, **__: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, '', (address, 443)) for address in means
    ])
    with pytest.raises(NotAllowed, match='private'):
        outbound.post(URL, b'{}', {})


def test_a_name_that_rebinds_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the address that was looked at is the one that is connected to."""
    asked: list[str] = []
    connected: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = '93.184.216.34' if len(asked) == 1 else '127.0.0.1'
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, '', (address, 443))]

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> Any:
        connected.append(address[0])
        raise ConnectionRefusedError(111, 'refused')

    monkeypatch.setattr(socket, 'getaddrinfo', resolve)
    monkeypatch.setattr('urllib3.util.connection.create_connection', connect)
    assert outbound.post(URL, b'{}', {}).status == 0
    assert (asked, connected) == (['ci.example'], ['93.184.216.34'])


class Server(BaseHTTPRequestHandler):
    """Sends on whoever asks, to where he must not go."""

    got: list[str] = []

    def do_POST(self) -> None:
        self.got.append(self.path)
        self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(307)
        self.send_header('Location', f'http://127.0.0.1:{self.server.server_port}/elsewhere')  # type: ignore[attr-defined]
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(('127.0.0.1', 0), Server)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_redirect_is_not_followed(server: ThreadingHTTPServer) -> None:
    Server.got.clear()
    answer = outbound.post(f'http://127.0.0.1:{server.server_port}/hook?x=1', b'{}', {}, LOOPBACK)
    assert (answer.status, Server.got) == (307, ['/hook?x=1'])


def test_a_message_has_the_same_id_at_each_attempt() -> None:
    asked = hook()
    event = Webhooks(MemoryStore()).event('push', 'acme/app', by='alice')
    first, second = message(asked, event, 1.0), message(asked, event, 2.0)
    assert first.headers['webhook-id'] == second.headers['webhook-id']
    assert first.headers['webhook-signature'] != second.headers['webhook-signature']
