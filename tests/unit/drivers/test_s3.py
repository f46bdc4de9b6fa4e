"""What the `s3` driver makes of a server's answers that real servers give rarely, and how it asks."""

from __future__ import annotations

import hashlib
import io
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from objreg.drivers.s3 import S3Store
from objreg.store import Exists, NotFound, Origin, Part, Refused, StoreError, Unavailable
from tests.unit.drivers.scripted import Answer, Scripted, error, scripted

EMPTY = b'<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'


def make(server: Scripted, **options: Any) -> S3Store:
    return S3Store(**{
        'bucket': 'b', 'preset': 'ceph', 'endpoint': server.url, 'access_key': 'a', 'secret_key': 's',
        'read_timeout': 2, **options,
    })


@pytest.fixture(scope='module')
def store(running: Scripted) -> Iterator[S3Store]:
    made = make(running)
    yield made
    made.close()


@pytest.mark.parametrize(('answer', 'expected'), [
    (error('NoSuchKey', 404), NotFound),
    (error('NoSuchBucket', 404), Refused),
    (error('AccessDenied', 403), Refused),
    (error('SignatureDoesNotMatch', 403), Refused),
    (error('EntityTooLarge', 400), Refused),
    (error('QuotaExceeded', 403), Refused),
    (error('NotImplemented', 501), Refused),
    (error('InsufficientStorage', 507), Refused),
    (error('InternalError', 500), Unavailable),
    (error('SlowDown', 503), Unavailable),
    (error('TooManyRequests', 429), Unavailable),
    (error('RequestTimeout', 400), Unavailable),
    (error('BadDigest', 400), Unavailable),
    (error('OperationAborted', 409), Unavailable),
    (Answer(502, b'<html>Bad Gateway'), Unavailable),
    (Answer(404, b'<html>a proxy that knows nothing of S3'), Unavailable),
    (Answer(silent=True), Unavailable),
])
def test_an_answer_becomes_an_error_of_the_interface(
    answer: Answer, expected: type[StoreError], server: Scripted, store: S3Store
) -> None:
    server.will(answer)
    with pytest.raises(StoreError) as raised:
        store.get('k')
    assert type(raised.value) is expected
    assert raised.value.__cause__ is not None
    assert len(server.asked) == 1


def test_a_missing_bucket_is_never_a_missing_key(server: Scripted, store: S3Store) -> None:
    server.will(error('NoSuchBucket', 404), error('NoSuchBucket', 404), error('NoSuchBucket', 404))
    for call in (lambda: store.get('k'), lambda: store.page(''), lambda: store.delete(['k'])):
        with pytest.raises(Refused, match='the bucket does not exist'):
            call()


def test_retry_after_is_handed_on(server: Scripted, store: S3Store) -> None:
    server.will(error('SlowDown', 503, Retry_After='7'))
    with pytest.raises(Unavailable) as raised:
        store.stat('k')
    assert raised.value.retry_after == 7


def test_no_call_is_tried_twice(server: Scripted, store: S3Store) -> None:
    server.will(error('InternalError', 500))
    with pytest.raises(Unavailable):
        store.put('k', b'x')
    assert len(server.asked) == 1


def test_an_unreachable_endpoint_is_unavailable() -> None:
    with scripted() as gone:
        url = gone.url
    unreachable = S3Store(bucket='b', preset='ceph', endpoint=url, access_key='a', secret_key='s')
    with pytest.raises(Unavailable, match='endpoint cannot be reached'):
        unreachable.check()
    unreachable.close()


def test_a_server_that_hangs_is_unavailable() -> None:
    with socket.create_server(('127.0.0.1', 0)) as silent:
        hanging = S3Store(bucket='b', preset='ceph', endpoint=f'http://127.0.0.1:{silent.getsockname()[1]}',
                          access_key='a', secret_key='s', read_timeout=0.3)
        with pytest.raises(Unavailable, match='read_timeout'):
            hanging.get('k')
        hanging.close()


def test_a_cut_body_is_unavailable(server: Scripted, store: S3Store) -> None:
    server.will(Answer(200, b'0123456789', cut=4))
    with store.get('k') as content, pytest.raises(Unavailable):
        b''.join(content)


@pytest.mark.parametrize('call', [
    lambda store: store.stat('k'), lambda store: store.page(''), lambda store: store.upload('k').part(1, b'x'),
], ids=['stat', 'page', 'part'])
def test_an_answer_whose_headers_were_cut_is_unavailable(
    call: Callable[[S3Store], object], server: Scripted, store: S3Store
) -> None:
    server.will(Answer())
    with pytest.raises(Unavailable, match='the answer was cut'):
        call(store)


def test_a_server_that_ignores_the_range_is_noticed(server: Scripted, store: S3Store) -> None:
    server.will(Answer(200, b'0123456789'))
    with pytest.raises(Unavailable, match='not the range'):
        store.get('k', 5)


def test_the_body_is_signed_with_its_digest_and_its_length_is_told(server: Scripted, store: S3Store) -> None:
    server.will(Answer())
    store.put('k', io.BytesIO(b'-0123456789'), 4)
    asked = server.asked[0]
    assert asked.headers['x-amz-content-sha256'] == hashlib.sha256(b'-012').hexdigest()
    assert asked.headers['content-length'] == '4'
    assert asked.body == b'-012'
    assert 'expect' not in asked.headers


def test_a_large_body_is_announced_and_sent_from_where_its_file_stands(server: Scripted, store: S3Store) -> None:
    data = os.urandom(3 * 1024**2)
    file = io.BytesIO(data)
    file.seek(1000)
    server.will(Answer())
    store.put('k', file, 2 * 1024**2)
    assert server.asked[0].headers['expect'] == '100-continue'
    assert server.asked[0].body == data[1000:1000 + 2 * 1024**2]


@pytest.mark.parametrize('size', [10, 9 * 1024**2])
def test_what_can_be_read_once_only_is_sent_whole(size: int, server: Scripted, store: S3Store) -> None:
    pieces = [bytes([number % 251]) * 65536 for number in range(size // 65536 + 1)]
    server.will(Answer())
    store.put('k', iter(pieces), size)
    assert server.asked[0].body == b''.join(pieces)[:size]


@pytest.mark.parametrize('body', [b'abc', io.BytesIO(b'abc'), [b'a', b'bc']], ids=['bytes', 'file', 'iterable'])
def test_a_short_body_is_refused_before_anything_is_sent(body: Any, server: Scripted, store: S3Store) -> None:
    with pytest.raises(Refused):
        store.put('k', body, 4)
    assert server.asked == []


def test_a_body_too_large_for_one_request_is_refused_before_it_is_sent(server: Scripted, store: S3Store) -> None:
    class Endless(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return 10 * 1024**3 if whence == os.SEEK_END else super().seek(offset, whence)

    with pytest.raises(Refused, match='upload it in parts'):
        store.put('k', Endless(), 5 * 1024**3 + 1)
    assert server.asked == []


def test_if_absent_is_one_call_where_the_server_looks_at_the_header(server: Scripted, store: S3Store) -> None:
    server.will(Answer(412))
    with pytest.raises(Exists):
        store.put('k', b'', if_absent=True)
    assert server.asked[0].headers['if-none-match'] == '*'


def test_if_absent_looks_first_where_the_server_does_not(server: Scripted) -> None:
    careful = make(server, preset='qiniu')
    server.will(Answer(200, headers={'ETag': '"e"', 'Last-Modified': 'Tue, 24 Nov 2026 04:49:05 GMT'}))
    with pytest.raises(Exists):
        careful.put('k', b'', if_absent=True)
    assert [asked.method for asked in server.asked] == ['HEAD']
    careful.close()


def test_a_completion_that_fails_within_its_200_is_an_error(server: Scripted, store: S3Store) -> None:
    server.will(
        Answer(200, b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>late</Message></Error>'),
        Answer(404), Answer(200, b'<ListPartsResult></ListPartsResult>'),
    )
    with pytest.raises(Unavailable):
        store.resume('k?token?upload').finish([Part(1, 1, 'e')], 'k')


def test_finishing_again_after_a_lost_answer_succeeds(server: Scripted, store: S3Store) -> None:
    mine = {'ETag': '"e"', 'x-amz-meta-objreg-upload': 'token', 'Last-Modified': 'Tue, 24 Nov 2026 04:49:05 GMT'}
    server.will(error('NoSuchUpload', 404), Answer(200, headers=mine))
    store.resume('k?token?upload').finish([Part(1, 1, 'e')], 'k')


def test_finishing_what_another_upload_made_is_refused(server: Scripted, store: S3Store) -> None:
    other = {'ETag': '"e"', 'x-amz-meta-objreg-upload': 'other', 'Last-Modified': 'Tue, 24 Nov 2026 04:49:05 GMT'}
    server.will(error('NoSuchUpload', 404), Answer(200, headers=other))
    with pytest.raises(Refused):
        store.resume('k?token?upload').finish([Part(1, 1, 'e')], 'k')


@pytest.mark.parametrize('id', ['', 'k', 'k?token', 'k?token?', '?token?upload'])
def test_what_is_no_upload_id_is_refused(id: str, server: Scripted, store: S3Store) -> None:
    with pytest.raises(Refused):
        store.resume(id)


def test_an_upload_is_known_by_at_most_512_printable_characters(server: Scripted, store: S3Store) -> None:
    upload_id = 'i' * 340
    created = f'<CreateMultipartUploadResult><UploadId>{upload_id}</UploadId></CreateMultipartUploadResult>'.encode()
    server.will(Answer(200, created), Answer(200, headers={'ETag': '"e"'}))
    upload = store.upload('blobs/' + 'é' * 500)
    upload.part(1, b'x')
    assert len(upload.id) <= 512
    assert upload.id.isascii()
    assert upload.id.isprintable()
    assert ' ' not in upload.id


def test_a_deletion_of_many_is_one_call_with_the_checksum_that_old_servers_want(
    server: Scripted, store: S3Store
) -> None:
    server.will(Answer(200, b'<DeleteResult></DeleteResult>'))
    store.delete(str(number) for number in range(1000))
    assert server.asked[0].method == 'POST'
    assert server.asked[0].body.count(b'<Key>') == 1000
    assert 'content-md5' in server.asked[0].headers


@pytest.mark.parametrize(('code', 'expected'), [('AccessDenied', Refused), ('InternalError', Unavailable)])
def test_a_key_that_could_not_be_deleted_with_others_is_told(
    code: str, expected: type[StoreError], server: Scripted, store: S3Store
) -> None:
    told = f'<DeleteResult><Error><Key>b</Key><Code>{code}</Code></Error></DeleteResult>'
    server.will(Answer(200, told.encode()))
    with pytest.raises(expected, match="'b'"):
        store.delete(['a', 'b'])


def test_a_page_that_holds_only_what_was_seen_is_followed_by_the_next(server: Scripted, store: S3Store) -> None:
    seen = (
        b'<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>'
        b'<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes></ListBucketResult>'
    )
    server.will(Answer(200, seen), Answer(200, EMPTY))
    assert store.page('', 'a/x', delimiter='/', limit=1) == ([], False)
    assert 'continuation-token=t' in server.asked[1].target


def test_listing_after_a_rolled_up_entry_skips_all_of_it(server: Scripted, store: S3Store) -> None:
    server.will(Answer(200, EMPTY))
    store.page('p/', 'p/a/b', delimiter='/')
    assert 'start-after=p%2Fa%2F%F4%8F%BF%BF' in server.asked[0].target


def test_keys_lie_under_the_prefix_and_are_told_without_it(server: Scripted) -> None:
    shared = make(server, prefix='/registry/')
    listed = (
        b'<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>registry/a%2Fb</Key><Size>3</Size>'
        b'<LastModified>2026-11-24T04:49:05.850Z</LastModified></Contents></ListBucketResult>'
    )
    server.will(Answer(), Answer(200, listed.replace(b'<Contents>', b'<EncodingType>url</EncodingType><Contents>')))
    shared.put('a/b', b'xyz')
    assert server.asked[0].target == '/b/registry/a/b'
    assert [entry.key for entry in shared.page('a/').entries] == ['a/b']
    shared.close()


def test_clients_are_sent_to_the_public_endpoint(server: Scripted) -> None:
    store = make(server, public_endpoint='https://cdn.example.net')
    url = store.url('blobs/a', 60, content_type='text/plain')
    assert url is not None
    assert url.startswith('https://cdn.example.net/b/blobs/a?')
    assert 'response-content-type=text%2Fplain' in url
    store.close()


def test_a_signed_url_lasts_at_most_the_week_that_servers_allow(store: S3Store) -> None:
    assert 'X-Amz-Expires=604800&' in str(store.url('k', 10**9))


def test_a_message_names_the_key_and_never_the_secret(server: Scripted) -> None:
    secretive = make(server, secret_key='hush-hush')
    server.will(error('SignatureDoesNotMatch', 403))
    with pytest.raises(Refused, match='access_key/secret_key refused') as raised:
        secretive.put('some/key', b'')
    assert 'some/key' in str(raised.value)
    assert 'hush' not in repr(raised.value) + repr(raised.value.__cause__)
    secretive.close()


@pytest.mark.parametrize(('options', 'message'), [
    ({'bucket': ''}, 'bucket: needed'),
    ({'endpoint': ''}, 'endpoint: needed'),
    ({'preset': 'azure'}, "preset: 'azure' is not one of aws, b2, ceph"),
    ({'addressing': 'dns'}, "addressing: 'dns'"),
    ({'secret_key': ''}, 'access_key and secret_key belong together'),
    ({'profile': 'p'}, 'either access_key and secret_key, or profile'),
    ({'access_key': '', 'secret_key': '', 'profile': 'nobody'}, 'profile: '),
    ({'access_key': '', 'secret_key': '', 'credentials_file': '/nowhere'}, 'credentials_file: there is no'),
    ({'ca_bundle': '/nowhere'}, 'ca_bundle: there is no'),
    ({'endpoint': 'no url'}, 'endpoint'),
    ({'part_size': 'large'}, 'part_size: '),
    ({'pool': '0'}, 'pool: '),
    ({'part_size': 1024}, 'part_size: '),
    ({'pool': '-'}, 'pool: '),
    ({'conditional_put': 'perhaps'}, 'conditional_put: '),
    ({'sse': 'rot13'}, 'sse: '),
])
def test_a_wrong_option_stops_the_start_and_is_named(options: dict[str, Any], message: str) -> None:
    given = {'bucket': 'b', 'preset': 'ceph', 'endpoint': 'http://e', 'access_key': 'a', 'secret_key': 's', **options}
    with pytest.raises(ValueError, match=f'^{message}'):
        S3Store(**given)


@pytest.mark.parametrize('answer', [error('AccessDenied', 403), error('NotImplemented', 501)])
def test_what_the_server_will_not_copy_is_read_and_written(answer: Answer, server: Scripted, store: S3Store) -> None:
    server.will(answer)
    other = make(server, bucket='other')
    assert not store.take(Origin(other, 'k'), 'copy')
    other.close()
