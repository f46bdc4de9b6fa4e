"""What the `s3` driver promises, on whatever real server runs it: the contract of every store, and more.

Test classes derive from `S3Contract` and `S3Promises` and give the fixture `bucket`.
"""

from __future__ import annotations

import http.client
import io
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from objreg.drivers.s3 import S3Store
from objreg.drivers.s3_presets import PRESETS, Preset
from objreg.store import Exists, NotFound, Origin, Refused, Unavailable
from objreg.testing.contract import StoreContract
from tests.functional.drivers.again import Shared
from tests.servers.buckets import Bucket

MIB = 1024**2
ODD_KEYS = [
    'a+b', 'a b', 'a%2Fb', 'a%b', 'a&b<c>', 'a?b=1', 'a#b', 'a\'"b', 'a\\b', 'a~b', 'a\tb', 'a\x01b', 'é/è', '日本',
    '\U0001f600', 'z/\U0010ffff', 'k' * 1024,
]


class S3Contract(Shared, StoreContract):
    """The contract."""

    takes = True

    @pytest.fixture(scope='class')
    @classmethod
    def store(cls, bucket: Bucket) -> Iterator[S3Store]:
        made = S3Store(**bucket.options)
        made.of_test = bucket  # type: ignore[attr-defined]
        yield made
        made.close()

    def another(self, store: Any) -> S3Store:
        return S3Store(**store.of_test.options)

    def leftovers(self, store: Any) -> list[str]:
        return [f'{upload["Key"]}: an unfinished upload' for upload in store.of_test.uploads()]


class S3Promises:
    """What is beyond it."""

    @pytest.fixture
    def store(self, bucket: Bucket) -> Iterator[S3Store]:
        made = S3Store(**bucket.options)
        yield made
        made.close()

    @pytest.fixture
    def calls(self, store: S3Store) -> list[str]:
        """The operations that the store asked for, as they go."""
        made: list[str] = []
        store.client.meta.events.register('before-call.s3', lambda model, **_: made.append(model.name))
        return made

    def test_each_operation_is_one_call(self, store: S3Store, calls: list[str]) -> None:
        store.put('k', b'x')
        store.put('new', b'x', if_absent=True)
        store.read('k')
        store.get('k', 0, 1).read()
        store.stat('k')
        store.page('', 'j', delimiter='/', limit=10)
        store.copy_sized('k', 'copy', 1)
        store.delete(['k'])
        store.delete(['k', 'copy', 'new'])
        assert calls == ['PutObject'] * 2 + ['GetObject'] * 2 + [
            'HeadObject', 'ListObjectsV2', 'CopyObject', 'DeleteObject', 'DeleteObjects'
        ]

    def test_an_upload_is_one_call_a_part_and_two(self, store: S3Store, calls: list[str]) -> None:
        upload = store.upload('k')
        assert calls == []
        parts = [upload.part(1, b'x' * store.capabilities.min_part), upload.part(2, b'y')]
        store.resume(upload.id).finish(parts, 'k')
        assert calls == ['CreateMultipartUpload', 'UploadPart', 'UploadPart', 'CompleteMultipartUpload']

    def test_an_upload_under_another_key_is_copied_by_the_server(self, store: S3Store, calls: list[str]) -> None:
        upload = store.upload('uploads/there')
        upload.finish([upload.part(1, b'x')], 'blobs/here')
        assert calls[2:] == ['CompleteMultipartUpload', 'CopyObject', 'DeleteObject']
        assert store.read('blobs/here') == b'x'

    def test_odd_keys_are_kept_listed_copied_and_deleted(self, store: S3Store) -> None:
        for key in ODD_KEYS:
            store.put(key, key.encode())
        assert [entry.key for entry in store.list('')] == sorted(ODD_KEYS, key=str.encode)
        assert [store.read(key) for key in ODD_KEYS] == [key.encode() for key in ODD_KEYS]
        store.copy('a%2Fb', 'copy of +')
        assert store.read('copy of +') == b'a%2Fb'
        store.delete([*ODD_KEYS, 'copy of +'])
        assert list(store.list('')) == []

    @pytest.mark.parametrize('version', ['list_objects', 'list_objects_v2'])
    def test_no_page_repeats_what_is_rolled_up_nor_drops_what_is_not(
        self, version: str, store: S3Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, '_preset', replace(store._preset, list_v2=version == 'list_objects_v2'))
        monkeypatch.setattr(store, '_lister', getattr(store.client, version))
        for key in ('a', 'a!', 'a/1', 'a/2', 'a/2/3', 'a0', 'b/\U0010ffffx', 'b/1', 'c', 'é/1', 'é/2'):
            store.put(key, b'')
        rolled = ['a', 'a!', 'a/', 'a0', 'b/', 'c', 'é/']
        for after in ('', 'a', 'a/', 'a/1', 'a/2/3', 'a/zz', 'b/', 'b/1', 'b/\U0010ffffx', 'é', 'é/', 'zz'):
            for limit in (1, 2, 3, 1000):
                expected = [key for key in rolled if key > after]
                assert self._pages(store, after, limit) == expected, (after, limit)

    @staticmethod
    def _pages(store: S3Store, after: str, limit: int) -> list[str]:
        keys, more = [], True
        while more:
            entries, more = store.page('', after, delimiter='/', limit=limit)
            assert len(entries) <= limit
            keys += [entry.key for entry in entries]
            after = keys[-1] if keys else after
        return keys

    def test_a_deletion_of_many_takes_any_number(self, store: S3Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: store.put(f'many/{number:04}', b''), range(1005)))
        store.delete(f'many/{number:04}' for number in range(1005))
        assert list(store.list('many/')) == []

    def test_of_racing_creators_one_wins_where_that_is_declared(self, store: S3Store) -> None:
        if not store.capabilities.conditional_put:
            self.only_a_taken_key_is_noticed(store)
            return
        for race in range(5):
            with ThreadPoolExecutor(12) as pool:
                won = list(pool.map(partial(self._create, store, f'race-{race}'), range(12)))
            winners = [number for number, wins in enumerate(won) if wins]
            assert len(winners) == 1
            assert store.read(f'race-{race}') == str(winners[0]).encode()

    @staticmethod
    def only_a_taken_key_is_noticed(store: S3Store) -> None:
        store.put('taken', b'first', if_absent=True)
        with pytest.raises(Exists):
            store.put('taken', b'second', if_absent=True)
        assert store.read('taken') == b'first'

    @staticmethod
    def _create(store: S3Store, key: str, number: int) -> bool:
        try:
            store.put(key, str(number).encode(), if_absent=True)
        except Exists:
            return False
        return True

    def test_bytes_that_were_spoiled_on_their_way_are_not_stored(self, store: S3Store) -> None:
        def spoil(request: Any, **_: Any) -> None:
            request.body = b'spoiled!'

        store.client.meta.events.register('before-send.s3.PutObject', spoil)
        with pytest.raises(Unavailable):
            store.put('k', b'original')
        with pytest.raises(NotFound):
            store.stat('k')

    def test_finishing_an_upload_again_is_no_error(self, store: S3Store) -> None:
        upload = store.upload('uploads/there')
        parts = [upload.part(1, b'x')]
        upload.finish(parts, 'blobs/here')
        store.resume(upload.id).finish(parts, 'blobs/here')
        assert [entry.key for entry in store.list('')] == ['blobs/here']
        assert store.read('blobs/here') == b'x'

    @pytest.mark.parametrize('operation', [
        'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'CopyObject', 'DeleteObject',
    ])
    def test_what_was_done_though_its_answer_was_lost_can_be_done_again(
        self, operation: str, store: S3Store, bucket: Bucket
    ) -> None:
        upload = store.upload('uploads/there')
        lost = _lose_answer(store, operation)
        parts = [_until_done(lambda: upload.part(1, b'x'))]
        _until_done(lambda: upload.finish(parts, 'blobs/here'))
        assert lost == [operation]
        assert store.read('blobs/here') == b'x'
        assert bucket.keys() == ['blobs/here']

    def test_an_aborted_upload_leaves_nothing_and_cannot_be_finished(self, store: S3Store, bucket: Bucket) -> None:
        upload = store.upload('k')
        parts = [upload.part(1, b'x')]
        upload.abort()
        assert bucket.uploads() == []
        with pytest.raises(Refused):
            store.resume(upload.id).finish(parts, 'k')
        with pytest.raises(Refused):
            upload.part(2, b'y')
        assert bucket.keys() == []

    def test_parts_that_are_too_small_are_refused(self, store: S3Store) -> None:
        upload = store.upload('k')
        with pytest.raises(Refused):
            upload.finish([upload.part(1, b'small'), upload.part(2, b'small')], 'k')
        upload.abort()

    def test_a_part_that_was_written_over_cannot_be_finished(self, store: S3Store) -> None:
        upload = store.upload('k')
        first = upload.part(1, b'first')
        upload.part(1, b'second')
        with pytest.raises(Refused):
            upload.finish([first], 'k')
        upload.abort()

    def test_what_is_too_large_for_a_copy_is_copied_in_parts(
        self, store: S3Store, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr('objreg.drivers.s3_upload._COPIED_PART', 5 * MIB)
        monkeypatch.setattr(store, '_preset', replace(PRESETS['minio'], max_copy=MIB))
        data = os.urandom(12 * MIB)
        store.put('source', data)
        store.copy('source', 'target')
        assert calls.count('UploadPartCopy') == 3
        assert store.read('target') == data

    def test_a_copy_in_parts_that_fails_leaves_no_upload(
        self, store: S3Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, '_preset', Preset(max_copy=1))
        with pytest.raises(NotFound):
            store.copy_sized('missing', 'target', 10 * MIB)
        assert bucket.uploads() == []

    @pytest.mark.parametrize('largest', [None, MIB])
    def test_the_server_copies_from_another_bucket(
        self, largest: int | None, store: S3Store, calls: list[str], bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = 'blobs/sha256/a' if largest else 'a b+c%2F&é'
        monkeypatch.setattr('objreg.drivers.s3_upload._COPIED_PART', 5 * MIB)
        monkeypatch.setattr(store, '_preset', replace(store._preset, max_copy=largest))
        other, data = bucket.server.make_bucket(), os.urandom(12 * MIB)
        source = S3Store(**other.options, prefix='old')
        try:
            source.put(key, data)
            assert store.take(Origin(source, key), 'target')
            with pytest.raises(NotFound):
                store.take(Origin(source, 'missing'), 'target')
        finally:
            source.close()
            other.remove()
        assert calls.count('UploadPartCopy') == (3 if largest else 0)
        assert 'PutObject' not in calls
        assert 'GetObject' not in calls
        assert store.read('target') == data
        assert bucket.uploads() == []

    def test_what_other_credentials_open_is_not_taken(self, store: S3Store, calls: list[str], bucket: Bucket) -> None:
        store.put('source', b'x')
        calls.clear()
        others = S3Store(**{**bucket.options, 'access_key': 'another', 'secret_key': 'secret'})
        elsewhere = S3Store(**{**bucket.options, 'endpoint': 'http://127.0.0.1:9'})
        assert not store.take(Origin(others, 'source'), 'target')
        assert not store.take(Origin(elsewhere, 'source'), 'target')
        assert calls == []
        others.close()
        elsewhere.close()

    def test_a_file_is_sent_within_a_mebibyte_or_so_of_memory(self, store: S3Store) -> None:
        store.put('warm', b'')
        with _sparse(64 * MIB) as file:
            assert _peak(lambda: store.put('large', file, 64 * MIB)) < 3 * MIB
        assert _peak(lambda: sum(map(len, store.get('large')))) < 3 * MIB
        assert store.stat('large').size == 64 * MIB

    def test_a_closed_answer_does_not_spoil_the_next(self, store: S3Store) -> None:
        store.put('k', os.urandom(4 * MIB))
        for _ in range(40):
            with store.get('k') as content:
                next(content)
        assert len(store.read('k')) == 4 * MIB

    @pytest.mark.parametrize('method', ['GET', 'HEAD'])
    def test_a_signed_url_opens_one_object_for_one_method(self, method: str, store: S3Store) -> None:
        store.put('blobs/a', b'content')
        url = urlsplit(store.url('blobs/a', 60, method=method, content_type='text/x-told') or '')
        connection = http.client.HTTPConnection(url.netloc)
        connection.request(method, f'{url.path}?{url.query}')
        answer = connection.getresponse()
        assert (answer.status, answer.headers['Content-Type']) == (200, 'text/x-told')
        assert answer.read() == (b'content' if method == 'GET' else b'')
        connection.request('GET', f'{url.path}b?{url.query}')
        assert connection.getresponse().status == 403
        connection.close()

    def test_check_is_content_with_an_empty_bucket(self, store: S3Store) -> None:
        store.check()

    def test_two_stores_share_a_bucket_by_their_prefixes(self, bucket: Bucket) -> None:
        one, two = (S3Store(**bucket.options, prefix=prefix) for prefix in ('one', 'two'))
        one.put('k', b'1')
        two.put('k', b'2')
        upload = two.upload('uploads/x')
        upload.finish([upload.part(1, io.BytesIO(b'up'), 2)], 'u')
        assert (one.read('k'), two.read('k'), two.read('u')) == (b'1', b'2', b'up')
        assert [entry.key for entry in one.list('')] == ['k']
        one.delete(['k', 'u'])
        assert bucket.keys() == ['two/k', 'two/u']
        one.close()
        two.close()


def _lose_answer(store: S3Store, operation: str) -> list[str]:
    """Have the answer to the first such operation lost on its way; tells when that has happened."""
    lost: list[str] = []

    def lose(**_: Any) -> None:
        if not lost:
            lost.append(operation)
            raise ConnectionResetError

    store.client.meta.events.register(f'before-parse.s3.{operation}', lose)
    return lost


def _until_done(call: Any) -> Any:
    """As a wrapping store would: once more when it did not work."""
    try:
        return call()
    except Unavailable:
        return call()


def _sparse(size: int) -> io.BufferedRandom:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - its user closes it
    file.truncate(size)
    return file  # type: ignore[return-value]


def _peak(call: Any) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
