"""What the `qiniu` driver promises beyond the contract: how it asks, and what it makes of what goes wrong.

Kodo is the one of `tests.unit.drivers.kodo`, which follows the published interface and is not the real thing.
"""

from __future__ import annotations

import base64
import io
import json
import os
import socket
import struct
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from objreg.drivers.qiniu import QiniuStore
from objreg.drivers.qiniu_form import Form
from objreg.store import Exists, NotFound, Refused, StoreError, Unavailable
from tests.unit.drivers.kodo import BUCKET, MIB, SECRET, Kodo, kodo
from tests.unit.drivers.services import Fault


@pytest.fixture(scope='module')
def running() -> Iterator[Kodo]:
    with kodo() as server:
        yield server


@pytest.fixture
def server(running: Kodo) -> Iterator[Kodo]:
    running.begin()
    yield running
    assert running.faults == []


@pytest.fixture
def store(server: Kodo) -> Iterator[QiniuStore]:
    made = QiniuStore(**server.options())
    yield made
    made.close()


def entry(key: str) -> str:
    return base64.urlsafe_b64encode(f'{BUCKET}:{key}'.encode()).decode()


def test_each_operation_is_one_request(server: Kodo, store: QiniuStore) -> None:
    store.put('k', b'x')
    store.read('k')
    store.get('k', 0, 1).read()
    store.stat('k')
    store.page('', 'j', delimiter='/', limit=10)
    store.copy('k', 'copy')
    store.delete(['k'])
    store.delete(['copy', 'k', 'k'])
    assert store.url('k', 60)
    assert server.asked == [
        'up POST /', 'io GET /k', 'io GET /k', f'rs GET /stat/{entry("k")}', 'rsf GET /list',
        f'rs POST /copy/{entry("k")}/{entry("copy")}/force/true', f'rs POST /delete/{entry("k")}', 'rs POST /batch',
    ]


def test_what_may_not_be_there_is_looked_for_first(server: Kodo, store: QiniuStore) -> None:
    store.put('k', b'x', if_absent=True)
    with pytest.raises(Exists):
        store.put('k', b'x', if_absent=True)
    assert server.asked == [f'rs GET /stat/{entry("k")}', 'up POST /', f'rs GET /stat/{entry("k")}']


def test_what_came_between_the_look_and_the_write_is_not_replaced(
    server: Kodo, store: QiniuStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, 'has', lambda key: False)
    store.put('k', b'faster')
    with pytest.raises(Exists, match='^qiniu: write '):
        store.put('k', b'slower', if_absent=True)
    assert store.read('k') == b'faster'


def test_an_upload_is_one_request_a_part_and_two(server: Kodo, store: QiniuStore) -> None:
    upload = store.upload('k')
    assert server.asked == []
    parts = [upload.part(1, bytes(MIB)), upload.part(2, b'y')]
    store.resume(upload.id).finish(parts, 'k')
    assert [asked.split()[1] for asked in server.asked] == ['POST', 'PUT', 'PUT', 'POST']


def test_an_upload_under_another_key_is_copied_by_the_server(server: Kodo, store: QiniuStore) -> None:
    upload = store.upload('uploads/there')
    upload.finish([upload.part(1, b'x')], 'blobs/here')
    there, here = entry('uploads/there'), entry('blobs/here')
    assert server.asked[3:] == [f'rs POST /copy/{there}/{here}/force/true', f'rs POST /delete/{there}']
    assert [*server.objects] == ['blobs/here']


@pytest.mark.parametrize(('fault', 'expected', 'said'), [
    (Fault('rs', 'GET', 401, 'bad token'), Refused, 'access_key/secret_key refused'),
    (Fault('rs', 'GET', 403), Refused, 'may not do that'),
    (Fault('rs', 'GET', 400, 'incorrect region, please use up-z2.qiniup.com'), Refused, 'mend region'),
    (Fault('rs', 'GET', 400, 'invalid argument'), Refused, 'invalid argument'),
    (Fault('rs', 'GET', 404, 'no such route'), Refused, 'mend domain or the endpoints'),
    (Fault('rs', 'GET', 419), Refused, 'frozen'),
    (Fault('rs', 'GET', 507, 'full'), Refused, 'full'),
    (Fault('rs', 'GET', 630), Refused, 'buckets'),
    (Fault('rs', 'GET', 631), Refused, 'mend bucket'),
    (Fault('rs', 'GET', 612, 'no such file or directory'), NotFound, 'no such key'),
    (Fault('rs', 'GET', 406), Unavailable, 'spoiled'),
    (Fault('rs', 'GET', 429), Unavailable, '429'),
    (Fault('rs', 'GET', 500), Unavailable, '500'),
    (Fault('rs', 'GET', 503), Unavailable, '503'),
    (Fault('rs', 'GET', 573), Unavailable, 'too often'),
    (Fault('rs', 'GET', 579), Unavailable, 'callback'),
    (Fault('rs', 'GET', 599), Unavailable, 'failed'),
    (Fault('rs', 'GET', 608), Unavailable, '608'),
    (Fault('rs', 'GET', 701), Unavailable, 'expired'),
    (Fault('rs', 'GET', 302, headers={'Location': 'http://127.0.0.1:9/'}), Refused, '302'),
], ids=lambda value: value.status if isinstance(value, Fault) else None)
def test_an_answer_becomes_an_error_of_the_interface(
    fault: Fault, expected: type[StoreError], said: str, server: Kodo, store: QiniuStore
) -> None:
    server.faults.append(fault)
    with pytest.raises(StoreError, match=said) as raised:
        store.stat('some/key')
    assert type(raised.value) is expected
    assert isinstance(raised.value.__cause__, requests.HTTPError)
    assert str(raised.value).startswith("qiniu: stat 'some/key' in bucket 'bucket': ")
    assert '\n' not in str(raised.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(('status', 'body', 'expected'), [
    (404, 'Document not found', NotFound), (404, 'no such domain', Refused), (404, '', Unavailable),
    (401, 'token expired', Refused), (403, 'forbidden', Refused), (503, '', Unavailable), (573, '', Unavailable),
])
def test_a_missing_object_is_told_from_a_missing_domain(
    status: int, body: str, expected: type[StoreError], server: Kodo, store: QiniuStore
) -> None:
    server.faults.append(Fault('io', 'GET', status, body))
    with pytest.raises(StoreError) as raised:
        store.get('k')
    assert type(raised.value) is expected


def test_retry_after_is_handed_on(server: Kodo, store: QiniuStore) -> None:
    server.faults += [
        Fault('up', 'POST', 573, headers={'Retry-After': '7'}),
        Fault('up', 'POST', 573, headers={'Retry-After': 'soon'}),
    ]
    for expected in (7, None):
        with pytest.raises(Unavailable) as raised:
            store.put('k', b'x')
        assert raised.value.retry_after == expected


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'bucket': 'missing'}, "'missing': the bucket does not exist; create it, or mend bucket"),
    ({'access_key': 'wrong'}, 'access_key/secret_key refused'),
    ({'secret_key': 'wrong'}, 'access_key/secret_key refused'),
    ({'rsf_endpoint': 'http://127.0.0.1:9'}, 'mend domain or the endpoints'),
])
def test_check_names_what_to_mend(wrong: dict[str, str], message: str, server: Kodo) -> None:
    wrongly = QiniuStore(**server.options(**wrong))
    for call in (wrongly.check, lambda: list(wrongly.list(''))):
        with pytest.raises((Refused, Unavailable), match=message) as raised:
            call()
        assert SECRET not in repr(raised.value) + repr(raised.value.__cause__)
    wrongly.close()


@pytest.mark.parametrize('wrong', [{'bucket': 'missing'}, {'access_key': 'wrong'}, {'secret_key': 'wrong'}])
def test_no_service_takes_what_is_signed_wrongly(wrong: dict[str, str], server: Kodo, store: QiniuStore) -> None:
    store.put('k', b'kept')
    wrongly = QiniuStore(**server.options(**wrong))
    calls = [
        lambda: wrongly.put('k', b'x'), lambda: wrongly.upload('k').part(1, b'x'), lambda: wrongly.stat('k'),
        lambda: wrongly.delete(['k']), lambda: wrongly.copy('k', 'l'), lambda: wrongly.page(''),
    ]
    if 'bucket' not in wrong:  # the domain knows its bucket by itself
        calls.append(lambda: wrongly.read('k'))
    for call in calls:
        with pytest.raises(Refused):
            call()
    assert {key: one.data for key, one in server.objects.items()} == {'k': b'kept'}
    wrongly.close()


def test_a_token_to_write_one_object_does_not_write_another(server: Kodo, store: QiniuStore) -> None:
    form = Form({'token': store.kodo._token('mine', {}), 'key': 'other'}, b'x')
    answer = requests.post(
        server.urls['up'], data=form.read() + form.read() + form.read(), headers={'Content-Type': form.content_type},
        timeout=5,
    )
    assert answer.status_code == 403
    assert server.objects == {}


@pytest.mark.parametrize('write', ['put', 'part'])
def test_bytes_that_were_spoiled_on_their_way_are_not_stored(
    write: str, server: Kodo, store: QiniuStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('objreg.drivers.qiniu_client.crc32_of', lambda data: 1)
    monkeypatch.setattr('objreg.drivers.qiniu_upload.md5_of', lambda data: bytes(16))
    with pytest.raises(Unavailable, match='spoiled'):
        store.put('k', b'original') if write == 'put' else store.upload('k').part(1, b'original')
    assert server.objects == {} and not any(server.uploads.values())


def test_a_connection_reset_in_the_middle_of_a_body_is_unavailable(server: Kodo) -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def reset() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        resetting = QiniuStore(**server.options(up_endpoint=f'http://127.0.0.1:{listener.getsockname()[1]}'))
        with pytest.raises(Unavailable, match='the connection failed'):
            resetting.put('k', bytes(32 * MIB))
        thread.join()
        resetting.close()


@pytest.mark.parametrize('size', [10, 3 * MIB])
def test_a_cut_body_is_unavailable(size: int, server: Kodo, store: QiniuStore) -> None:
    store.put('k', os.urandom(size))
    server.faults.append(Fault('io', 'GET', cut=4))
    with store.get('k') as content, pytest.raises(Unavailable, match=r'^qiniu: '):
        b''.join(content)
    assert len(store.read('k')) == size


def test_a_domain_that_ignores_the_range_is_noticed(server: Kodo, store: QiniuStore) -> None:
    store.put('k', b'0123456789')
    server.faults.append(Fault('io', 'GET', 200, headers={'Content-Type': 'text/plain'}))
    with pytest.raises(Unavailable, match='not the range'):
        store.get('k', 5)


def test_no_answer_in_time_is_unavailable_though_the_work_was_done(server: Kodo) -> None:
    hasty = QiniuStore(**server.options(read_timeout=0.2))
    server.faults += [Fault('up', 'POST', after=True, stall=0.6)]
    with pytest.raises(Unavailable, match='no answer within read_timeout'):
        hasty.put('k', b'x')
    hasty.put('k', b'x')
    assert hasty.read('k') == b'x'
    hasty.close()


@pytest.mark.parametrize('lost', [
    'up POST /buckets/bucket/objects/dXBsb2Fkcy90aGVyZQ==/uploads', 'up PUT /', 'rs POST /copy', 'rs POST /delete',
    'up POST /buckets/bucket/objects/dXBsb2Fkcy90aGVyZQ==/uploads/',
])
@pytest.mark.parametrize('status', [503, 599])
def test_what_was_done_though_its_answer_was_lost_can_be_done_again(
    lost: str, status: int, server: Kodo, store: QiniuStore
) -> None:
    def until_done(call: Any) -> Any:
        try:
            return call()
        except Unavailable:
            return call()

    upload = store.upload('uploads/there')
    service, asked = lost.split(' ', 1)
    if not lost.endswith('uploads/'):
        server.faults.append(Fault(service, asked, status, after=True))
    parts = [until_done(lambda: upload.part(1, b'x'))]
    if lost.endswith('uploads/'):
        server.faults.append(Fault(service, asked, status, after=True))
    until_done(lambda: store.resume(upload.id).finish(parts, 'blobs/here'))
    assert {key: one.data for key, one in server.objects.items()} == {'blobs/here': b'x'}


def test_finishing_what_another_upload_made_is_refused(server: Kodo, store: QiniuStore) -> None:
    upload, other = store.upload('k'), store.upload('k')
    parts = [upload.part(1, b'x')]
    upload.abort()
    other.finish([other.part(1, b'other')], 'k')
    with pytest.raises(Refused, match='no such upload'):
        upload.finish(parts, 'k')
    assert store.read('k') == b'other'


def test_parts_that_are_too_small_are_refused(store: QiniuStore) -> None:
    upload = store.upload('k')
    with pytest.raises(Refused, match='too small'):
        upload.finish([upload.part(1, b'small'), upload.part(2, b'small')], 'k')


def test_a_part_without_bytes_is_not_sent(server: Kodo, store: QiniuStore) -> None:
    upload = store.upload('k')
    upload.finish([upload.part(1, bytes(MIB)), upload.part(2, b'')], 'k')
    assert store.read('k') == bytes(MIB)
    empty = store.upload('empty')
    part = empty.part(1, b'')
    assert not [asked for asked in server.asked if 'PUT' in asked and asked.endswith('/2')]
    empty.abort()
    with pytest.raises(Refused, match='no such upload'):
        empty.finish([part], 'empty')


@pytest.mark.parametrize('id', ['', 'k', 'k?token', 'k?token?', '?token?upload', 'k?token?up/load', 'k?token?up?load'])
def test_what_is_no_upload_id_is_refused(id: str, server: Kodo, store: QiniuStore) -> None:
    with pytest.raises(Refused, match='not the id'):
        store.resume(id)
    assert server.asked == []


def test_a_name_that_is_too_long_for_kodo_is_refused_before_anything_is_sent(server: Kodo) -> None:
    shared = QiniuStore(**server.options(prefix='p'))
    long = 'é' * 374 + 'k'
    for call in (
        lambda: shared.stat(long), lambda: shared.put(long, b''), lambda: shared.delete([long]),
        lambda: shared.upload(long), lambda: shared.url(long, 60), lambda: shared.copy('k', long),
    ):
        with pytest.raises(Refused, match='750 bytes at most'):
            call()
    assert server.asked == []
    shared.put('é' * 374, b'fits')
    shared.close()


def test_two_stores_share_a_bucket_by_their_prefixes(server: Kodo) -> None:
    one, two = (QiniuStore(**server.options(prefix=prefix)) for prefix in ('/one/', 'two'))
    one.put('k', b'1')
    two.put('k', b'2')
    upload = two.upload('uploads/x')
    upload.finish([upload.part(1, io.BytesIO(b'up'), 2)], 'u')
    assert (one.read('k'), two.read('k'), two.read('u')) == (b'1', b'2', b'up')
    assert [entry.key for entry in two.list('', 'k')] == ['u']
    one.delete(['k', 'u'])
    assert sorted(server.objects) == ['two/k', 'two/u']
    one.close()
    two.close()


def test_a_file_is_sent_within_a_mebibyte_or_so_of_memory(server: Kodo) -> None:
    size = 64 * MIB
    with socket.create_server(('127.0.0.1', 0)) as listener, tempfile.TemporaryFile() as file:
        received: list[int] = []

        def swallow() -> None:
            connection, _ = listener.accept()
            with connection:
                while sum(received) < size:
                    received.append(len(connection.recv(65536)))
                while not connection.recv(65536).endswith(b'--\r\n'):
                    pass
                connection.sendall(b'HTTP/1.1 200 OK\r\nX-Reqid: told\r\nContent-Length: 2\r\n\r\n{}')

        file.truncate(size)
        sending = QiniuStore(**server.options(up_endpoint=f'http://127.0.0.1:{listener.getsockname()[1]}'))
        thread = threading.Thread(target=swallow)
        tracemalloc.start()
        try:
            thread.start()
            sending.put('large', file, size)
            assert tracemalloc.get_traced_memory()[1] < 3 * MIB
        finally:
            tracemalloc.stop()
            thread.join()
        sending.close()


def test_a_form_says_how_long_it_is(server: Kodo) -> None:
    form = Form({'key': 'é'}, b'data')
    length = len(form)
    read = b''.join(iter(lambda: form.read(7), b''))
    assert len(read) == length
    assert read.count(b'data') == 3 and 'é'.encode() in read  # of the content itself, and twice of form-data


def test_the_place_to_list_from_is_a_marker_of_kodos_own_form(store: QiniuStore) -> None:
    for number in range(3):
        store.put(f'é{number}', b'')
    told = store.kodo.list({'limit': '2', 'prefix': ''})['marker']
    assert json.loads(base64.urlsafe_b64decode(told)) == {'c': 0, 'k': 'é1'}
    assert [entry.key for entry in store.page('', 'é1').entries] == ['é2']
