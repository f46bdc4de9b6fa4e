"""What the `azure` driver makes of a server's answers that real servers give rarely, and how it asks."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from objreg.drivers.azure import AzureStore
from objreg.store import Exists, NotFound, Part, Refused, StoreError, Unavailable
from tests.unit.drivers.scripted import Answer, Scripted, scripted

KEY = base64.b64encode(b'a key').decode()
UPLOAD = '0123456789abcdef' * 2
PART = Part(1, 1, '0' * 16)
TIME = 'Tue, 24 Nov 2026 04:49:05 GMT'
STAT = {'ETag': '"e"', 'Last-Modified': TIME, 'x-ms-blob-type': 'BlockBlob'}
DONE = Answer(201, headers={'ETag': '"e"', 'Last-Modified': TIME})


def error(code: str, status: int, **headers: str) -> Answer:
    """An error as Azure answers it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>told\nRequestId:r</Message></Error>'.encode()
    told = {name.replace('_', '-'): value for name, value in headers.items()}
    return Answer(status, body, {'x-ms-error-code': code, 'Content-Type': 'application/xml', **told})


def make(**options: Any) -> AzureStore:
    return AzureStore(**{'account': 'a', 'container': 'c', 'account_key': KEY, 'read_timeout': 2, **options})


@pytest.fixture(scope='module')
def store(running: Scripted) -> Iterator[AzureStore]:
    made = make(endpoint=f'{running.url}/a')
    yield made
    made.close()


@pytest.mark.parametrize(('answer', 'expected'), [
    (error('BlobNotFound', 404), NotFound),
    (error('ContainerNotFound', 404), Refused),
    (error('AuthenticationFailed', 403), Refused),
    (error('AuthorizationPermissionMismatch', 403), Refused),
    (error('AccountIsDisabled', 403), Refused),
    (error('KeyBasedAuthenticationNotPermitted', 403), Refused),
    (error('InvalidResourceName', 400), Refused),
    (error('LeaseIdMissing', 412), Refused),
    (error('NeverHeardOf', 400), Refused),
    (error('InsufficientStorage', 507), Refused),
    (error('InternalError', 500), Unavailable),
    (error('OperationTimedOut', 500), Unavailable),
    (error('ServerBusy', 503), Unavailable),
    (error('Md5Mismatch', 400), Unavailable),
    (error('ContainerBeingDeleted', 409), Unavailable),
    (Answer(429), Unavailable),
    (Answer(502, b'<html>Bad Gateway'), Unavailable),
    (Answer(404, b'<html>a proxy that knows nothing of Azure'), Unavailable),
    (Answer(silent=True), Unavailable),
])
def test_an_answer_becomes_an_error_of_the_interface(
    answer: Answer, expected: type[StoreError], server: Scripted, store: AzureStore
) -> None:
    server.will(answer)
    with pytest.raises(StoreError, match="^azure: read 'k' in container 'c'") as raised:
        store.get('k')
    assert type(raised.value) is expected
    assert raised.value.__cause__ is not None
    assert '\n' not in str(raised.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize('call', [
    lambda store: store.page(''), lambda store: store.put('k', b''), lambda store: store.upload('k').part(1, b'x'),
], ids=['list', 'write', 'part'])
def test_where_the_account_is_not_there_nothing_is_a_missing_key(
    call: Callable[[AzureStore], object], server: Scripted, store: AzureStore
) -> None:
    server.will(error('ResourceNotFound', 404))
    with pytest.raises(Refused, match='there is no such account; mend endpoint or account'):
        call(store)


def test_a_missing_container_is_never_a_missing_key(server: Scripted, store: AzureStore) -> None:
    calls = (
        lambda: store.get('k'), lambda: store.stat('k'), lambda: store.page(''), lambda: store.delete(['k']),
        lambda: store.delete(['k', 'l']), lambda: store.put('k', b''), store.check,
    )
    for call in calls:
        server.will(error('ContainerNotFound', 404))
        with pytest.raises(Refused, match='objreg store setup'):
            call()


def test_retry_after_is_handed_on_and_no_call_is_tried_twice(server: Scripted, store: AzureStore) -> None:
    server.will(error('ServerBusy', 503, Retry_After='7'))
    with pytest.raises(Unavailable) as raised:
        store.put('k', b'x')
    assert raised.value.retry_after == 7
    assert len(server.asked) == 1


def test_an_unreachable_endpoint_is_unavailable() -> None:
    with scripted() as gone:
        url = gone.url
    unreachable = make(endpoint=url)
    with pytest.raises(Unavailable, match='endpoint cannot be reached'):
        unreachable.check()
    unreachable.close()


def test_a_server_that_hangs_is_unavailable() -> None:
    with socket.create_server(('127.0.0.1', 0)) as silent:
        hanging = make(endpoint=f'http://127.0.0.1:{silent.getsockname()[1]}', read_timeout=0.3)
        with pytest.raises(Unavailable, match='read_timeout'):
            hanging.get('k')
        hanging.close()


def test_a_cut_body_is_unavailable(server: Scripted, store: AzureStore) -> None:
    server.will(Answer(200, b'0123456789', cut=4))
    with store.get('k') as content, pytest.raises(Unavailable):
        b''.join(content)


def test_a_server_that_ignores_the_range_is_noticed(server: Scripted, store: AzureStore) -> None:
    server.will(Answer(200, b'0123456789'))
    with pytest.raises(Unavailable, match='not the range'):
        store.get('k', 5)


def test_a_body_is_sent_with_its_md5_and_its_length(server: Scripted, store: AzureStore) -> None:
    file = io.BytesIO(b'-0123456789')
    file.seek(1)
    server.will(DONE)
    store.put('k', file, 4)
    asked = server.asked[0]
    assert (asked.method, asked.target, asked.body) == ('PUT', '/a/c/k', b'0123')
    assert asked.headers['content-length'] == '4'
    assert asked.headers['content-md5'] == base64.b64encode(hashlib.md5(b'0123').digest()).decode()
    assert asked.headers['x-ms-blob-type'] == 'BlockBlob'
    assert asked.headers['x-ms-version'] == '2026-02-06'
    assert 'if-none-match' not in asked.headers


@pytest.mark.parametrize('size', [10, 9 * 1024**2])
def test_what_can_be_read_once_only_is_sent_whole(size: int, server: Scripted, store: AzureStore) -> None:
    pieces = [bytes([number % 251]) * 65536 for number in range(size // 65536 + 1)]
    server.will(DONE)
    store.put('k', iter(pieces), size)
    assert server.asked[0].body == b''.join(pieces)[:size]


@pytest.mark.parametrize('body', [b'abc', io.BytesIO(b'abc'), [b'a', b'bc']], ids=['bytes', 'file', 'iterable'])
def test_a_short_body_is_refused_before_anything_is_sent(body: Any, server: Scripted, store: AzureStore) -> None:
    with pytest.raises(Refused):
        store.put('k', body, 4)
    assert server.asked == []


def test_a_body_too_large_for_one_request_is_refused_before_it_is_sent(server: Scripted, store: AzureStore) -> None:
    class Endless(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return 10 * 1024**3 if whence == os.SEEK_END else super().seek(offset, whence)

    with pytest.raises(Refused, match='upload it in parts'):
        store.put('k', Endless(), 5000 * 1024**2 + 1)
    assert server.asked == []


@pytest.mark.parametrize('answer', [error('BlobAlreadyExists', 409), error('ConditionNotMet', 412)])
def test_if_absent_is_one_call(answer: Answer, server: Scripted, store: AzureStore) -> None:
    server.will(answer)
    with pytest.raises(Exists):
        store.put('k', b'', if_absent=True)
    assert server.asked[0].headers['if-none-match'] == '*'


def test_finishing_again_after_a_lost_answer_succeeds(server: Scripted, store: AzureStore) -> None:
    server.will(error('InvalidBlockList', 400), Answer(200, headers={**STAT, 'x-ms-meta-objreg_upload': UPLOAD}))
    store.resume(UPLOAD).finish([PART], 'k')


@pytest.mark.parametrize('found', [
    Answer(200, headers={**STAT, 'x-ms-meta-objreg_upload': 'another'}), error('BlobNotFound', 404),
])
def test_finishing_what_is_not_there_is_refused(found: Answer, server: Scripted, store: AzureStore) -> None:
    server.will(error('InvalidBlockList', 400), found)
    with pytest.raises(Refused):
        store.resume(UPLOAD).finish([PART], 'k')


def test_of_two_that_copy_to_one_key_the_later_may_try_again(server: Scripted, store: AzureStore) -> None:
    server.will(DONE, *[DONE] * 2, error('InvalidBlockList', 400))
    with pytest.raises(Unavailable, match='another wrote'):
        store.resume(UPLOAD).finish([PART._replace(size=300 * 1024**2)], 'k')
    assert [asked.headers.get('x-ms-source-range') for asked in server.asked[1:3]] in (
        ['bytes=0-268435455', 'bytes=268435456-314572799'], ['bytes=268435456-314572799', 'bytes=0-268435455'],
    )


@pytest.mark.parametrize('id', ['', 'k', UPLOAD[1:], UPLOAD + '0', UPLOAD.upper(), f'../{UPLOAD}'])
def test_what_is_no_upload_id_is_refused(id: str, server: Scripted, store: AzureStore) -> None:
    with pytest.raises(Refused):
        store.resume(id)


@pytest.mark.parametrize(('code', 'status', 'expected'), [
    ('AuthorizationPermissionMismatch', 403, Refused), ('ServerBusy', 503, Unavailable), ('BlobNotFound', 404, None),
])
def test_a_key_that_could_not_be_deleted_with_others_is_told(
    code: str, status: int, expected: type[StoreError] | None, server: Scripted, store: AzureStore
) -> None:
    parts = ['HTTP/1.1 202 Accepted\r\n\r\n', f'HTTP/1.1 {status} No\r\nx-ms-error-code: {code}\r\n\r\n']
    told = ''.join(
        f'--b\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n{part}\r\n'
        for number, part in enumerate(parts)
    ) + '--b--'
    server.will(Answer(202, told.encode(), {'Content-Type': 'multipart/mixed; boundary=b'}))
    if expected is None:
        store.delete(['a', 'b'])
        return
    with pytest.raises(expected, match="delete 'b'"):
        store.delete(['a', 'b'])


def test_listing_after_a_rolled_up_entry_skips_all_of_it(server: Scripted, store: AzureStore) -> None:
    listed = (
        b'<?xml version="1.0"?><EnumerationResults><Blobs></Blobs><NextMarker>m</NextMarker></EnumerationResults>',
        b'<?xml version="1.0"?><EnumerationResults><Blobs></Blobs><NextMarker /></EnumerationResults>',
    )
    server.will(*(Answer(200, body, {'Content-Type': 'application/xml'}) for body in listed))
    assert store.page('p/', 'p/a/b', delimiter='/', limit=1) == ([], False)
    assert 'startFrom=p%2Fa0' in server.asked[0].target
    assert 'marker=m' in server.asked[1].target


def test_a_hierarchical_namespace_is_refused(server: Scripted, store: AzureStore) -> None:
    listed = b'<?xml version="1.0"?><EnumerationResults><Blobs></Blobs><NextMarker /></EnumerationResults>'
    server.will(Answer(200, listed, {'Content-Type': 'application/xml'}),
                Answer(200, headers={'x-ms-is-hns-enabled': 'true'}))
    with pytest.raises(Refused, match='hierarchical namespace'):
        store.check()


def test_a_name_longer_than_azure_takes_is_refused(server: Scripted, store: AzureStore) -> None:
    with pytest.raises(Refused, match='1200 characters'):
        store.put('é' * 200, b'')
    assert server.asked == []


def test_a_signed_url_tells_no_key(store: AzureStore) -> None:
    url = store.url('a b', 60, content_type='text/x-told') or ''
    assert '/a/c/a%2120b?' in url
    assert 'sp=r&' in url
    assert KEY not in url


@pytest.mark.parametrize(('options', 'message'), [
    ({'container': ''}, 'container'),
    ({'account': ''}, 'account'),
    ({'account_key': 'no base64'}, 'account_key'),
    ({'sas_token': 'sig=x'}, 'account_key'),
    ({'account_key': '', 'endpoint': 'http://127.0.0.1'}, 'endpoint'),
    ({'endpoint': 'blob.example.net'}, 'endpoint'),
    ({'connection_string': 'nonsense'}, 'connection_string'),
    ({'ca_bundle': '/missing'}, 'ca_bundle'),
    ({'part_size': 100}, 'part_size'),
    ({'pool': 0}, 'pool'),
])
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f'^{message}:') as raised:
        make(**options)
    assert 'no base64' not in str(raised.value)
