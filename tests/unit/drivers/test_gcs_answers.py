"""What the `gcs` driver makes of answers and of broken connections that emulators never give."""

from __future__ import annotations

import io
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from objreg.drivers.gcs import MIB, GcsStore
from objreg.store import NotFound, Refused, StoreError, Unavailable
from tests.unit.drivers.gcs_answers import GONE, NO_BUCKET, batch, failing, make, refusal, text
from tests.unit.drivers.scripted import Answer, Scripted, scripted


@pytest.fixture(scope='module')
def store(running: Scripted) -> Iterator[GcsStore]:
    made = make(running)
    yield made
    made.close()


# What answers mean

ANSWERS = [
    (refusal(404, 'notFound', 'No such object: b/k'), NotFound),
    (refusal(404, 'notFound', NO_BUCKET), Refused),
    (text(404, '<html>a proxy that knows nothing of Cloud Storage'), Unavailable),
    (refusal(400, 'invalid'), Refused),
    (refusal(403, 'forbidden'), Refused),
    (refusal(403, 'rateLimitExceeded'), Unavailable),
    (refusal(403, 'userRateLimitExceeded'), Unavailable),
    (refusal(403, 'quotaExceeded'), Refused),
    (refusal(403, 'accountDisabled'), Refused),
    (refusal(408, 'uploadBrokenConnection'), Unavailable),
    (refusal(412, 'conditionNotMet'), Refused),
    (refusal(413, 'uploadTooLarge'), Refused),
    (refusal(429, 'rateLimitExceeded'), Unavailable),
    (refusal(500, 'backendError'), Unavailable),
    (refusal(501, 'notImplemented'), Refused),
    (refusal(503, 'backendError'), Unavailable),
    (refusal(507, 'insufficientStorage'), Refused),
    (text(502, '<html>Bad Gateway'), Unavailable),
    (Answer(silent=True), Unavailable),
]


@pytest.mark.parametrize(('answer', 'expected'), ANSWERS)
@pytest.mark.parametrize('call', [lambda store: store.get('k'), lambda store: store.stat('k')], ids=['get', 'stat'])
def test_an_answer_becomes_an_error_of_the_interface_and_is_asked_for_once(
    call: Any, answer: Answer, expected: type[StoreError], server: Scripted, store: GcsStore
) -> None:
    server.will(answer)
    with pytest.raises(StoreError) as raised:
        call(store)
    assert type(raised.value) is expected
    assert raised.value.__cause__ is not None
    assert '\n' not in str(raised.value)
    assert str(raised.value).startswith('gcs: ')
    assert len(server.asked) == 1


def test_a_missing_key_is_told_in_plain_text_when_it_is_read(server: Scripted, store: GcsStore) -> None:
    server.will(text(404, 'No such object: b/k'))
    with pytest.raises(NotFound, match="'k'"):
        store.get('k')


def test_a_missing_bucket_is_never_a_missing_key(server: Scripted, store: GcsStore) -> None:
    calls = (
        lambda: store.get('k'), lambda: store.stat('k'), lambda: store.put('k', b''), lambda: store.page(''),
        lambda: store.delete(['k']), lambda: store.copy('k', 'l'), lambda: store.upload('k').part(1, b'x'),
    )
    for call in calls:
        server.will(refusal(404, 'notFound', NO_BUCKET))
        with pytest.raises(Refused, match='the bucket does not exist'):
            call()


@pytest.mark.parametrize('status', [429, 503])
def test_retry_after_is_handed_on(status: int, server: Scripted, store: GcsStore) -> None:
    for call in (lambda: store.stat('k'), lambda: store.put('k', b''), lambda: store.get('k')):
        server.will(refusal(status, 'rateLimitExceeded', Retry_After='7'))
        with pytest.raises(Unavailable) as raised:
            call()
        assert raised.value.retry_after == 7


def test_bytes_that_were_spoiled_on_their_way_are_worth_another_try(server: Scripted, store: GcsStore) -> None:
    said = 'Provided CRC32C "AAAAAA==" doesn\'t match calculated CRC32C "Nks/tw==".'
    server.will(refusal(400, 'invalid', said))
    with pytest.raises(Unavailable, match='CRC32C'):
        store.put('k', b'abc')


def test_a_full_quota_is_final_and_told(server: Scripted, store: GcsStore) -> None:
    server.will(refusal(403, 'quotaExceeded'))
    with pytest.raises(Refused, match='quotaExceeded'):
        store.put('k', b'abc')


# Connections

def test_an_unreachable_endpoint_is_unavailable() -> None:
    with scripted() as gone:
        store = make(gone)
    with pytest.raises(Unavailable, match='endpoint cannot be reached'):
        store.check()
    store.close()


def test_a_server_that_hangs_is_unavailable() -> None:
    with socket.create_server(('127.0.0.1', 0)) as silent:
        url = f'http://127.0.0.1:{silent.getsockname()[1]}'
        store = GcsStore(bucket='b', endpoint=url, credentials='anonymous', read_timeout=0.3)
        for call in (lambda: store.get('k'), lambda: store.put('k', b'x'), lambda: store.stat('k')):
            with pytest.raises(Unavailable, match='read_timeout'):
                call()
        store.close()


def test_a_connection_that_breaks_in_the_middle_of_a_body_is_unavailable() -> None:
    def reset() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        connection.close()

    with socket.create_server(('127.0.0.1', 0)) as listener:
        thread = threading.Thread(target=reset)
        thread.start()
        url = f'http://127.0.0.1:{listener.getsockname()[1]}'
        store = GcsStore(bucket='b', endpoint=url, credentials='anonymous')
        with pytest.raises(Unavailable, match='the connection failed'):
            store.put('k', io.BytesIO(bytes(64 * MIB)), 64 * MIB)
        thread.join()
        store.close()


def test_a_cut_body_is_unavailable_and_never_short(server: Scripted, store: GcsStore) -> None:
    server.will(Answer(200, b'0123456789', cut=4))
    with store.get('k') as content, pytest.raises(Unavailable):
        b''.join(content)


def test_a_body_without_a_length_is_unavailable(server: Scripted, store: GcsStore) -> None:
    server.will(Answer(200, b'0123456789', {'Content-Length': ''}))
    with pytest.raises(Unavailable, match='length'):
        store.get('k')


def test_a_server_that_ignores_the_range_is_noticed(server: Scripted, store: GcsStore) -> None:
    server.will(Answer(200, b'0123456789'))
    with pytest.raises(Unavailable, match='not the range'):
        store.get('k', 5)


# Deletions

def test_a_hundred_are_deleted_by_one_call(server: Scripted, store: GcsStore) -> None:
    server.will(batch(*[GONE] * 100), Answer(204))
    store.delete(f'k{number}' for number in range(101))
    assert server.asked[0].body.count(b'DELETE /storage/v1/b/b/o/k') == 100
    assert (server.asked[1].method, server.asked[1].target.partition('?')[0]) == ('DELETE', '/storage/v1/b/b/o/k100')


@pytest.mark.parametrize(('answer', 'expected'), [
    (failing(403, 'forbidden'), Refused),
    (failing(404, 'notFound', NO_BUCKET), Refused),
    (failing(503, 'backendError'), Unavailable),
    (failing(429, 'rateLimitExceeded'), Unavailable),
    ('HTTP/1.1 503 Told\r\n\r\nno JSON', Unavailable),
    ('no HTTP', Unavailable),
])
def test_what_could_not_be_deleted_with_others_is_told_by_its_key(
    answer: str, expected: type[StoreError], server: Scripted, store: GcsStore
) -> None:
    server.will(batch(GONE, failing(404, 'notFound', 'No such object: b/k'), answer))
    with pytest.raises(expected, match="'third'"):
        store.delete(['first', 'second', 'third'])


def test_a_deletion_without_an_answer_is_unavailable(server: Scripted, store: GcsStore) -> None:
    for answer in (batch(GONE), Answer(200, b'?', {'Content-Type': 'text/plain'}), Answer(200, b'')):
        server.will(answer)
        with pytest.raises(Unavailable, match='no answer'):
            store.delete(['first', 'second'])
