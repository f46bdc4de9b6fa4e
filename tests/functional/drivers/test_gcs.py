"""The `gcs` driver on an emulator (fake-gcs-server), which is not Google.

It checks preconditions atomically and CRC32C, limits `compose` to 32 sources, and keeps generations.  It does not look
at credentials, nor at signatures (`TestContract.fetch` does, in its place), nor keep rules of a bucket; a `compose` of
a source that is missing gets a 500 there and a 404 from Google.
"""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from objreg.drivers import gcs_client
from objreg.drivers.gcs import MIB, GcsStore
from objreg.store import NotFound, Origin, Refused, Unavailable
from objreg.testing.contract import StoreContract
from objreg.testing.ledger import Ledger
from tests.functional.drivers.again import Shared
from tests.servers.gcs_buckets import ACCOUNT, GcsBucket, private_key
from tests.servers.gcs_signatures import opens


class TestContract(Shared, StoreContract):
    """What every store promises."""

    takes = True

    @pytest.fixture(scope='class')
    @classmethod
    def store(cls, shared_gcs_bucket: GcsBucket) -> Iterator[GcsStore]:
        made = shared_gcs_bucket.store()
        made.of_test = shared_gcs_bucket  # type: ignore[attr-defined]
        yield made
        made.close()

    def another(self, store: Any) -> GcsStore:
        made: GcsStore = store.of_test.store()
        return made

    def leftovers(self, store: Any) -> list[str]:
        found: list[str] = store.of_test.parts()
        return found

    def test_parts_of_the_same_number_do_not_mix(
        self, objects: Ledger, others: Ledger, store: GcsStore
    ) -> None:
        super().test_parts_of_the_same_number_do_not_mix(objects, others)
        assert store.sweep(-1) == 1  # the one of the two that was not used

    def test_of_two_that_write_the_same_part_at_once_each_gets_its_own_or_nothing(
        self, objects: Ledger, store: GcsStore
    ) -> None:
        super().test_of_two_that_write_the_same_part_at_once_each_gets_its_own_or_nothing(objects)
        assert store.sweep(-1) == 4 * self.rounds

    def fetch(
        self, url: str | None, headers: dict[str, str] | None = None, method: str = 'GET'
    ) -> tuple[int, str, bytes]:
        if url is not None and not opens(url, method, private_key().public_key(), ACCOUNT):
            return 403, '', b''
        return super().fetch(url, headers, method)


@pytest.fixture
def store(gcs_bucket: GcsBucket) -> Iterator[GcsStore]:
    made = gcs_bucket.store()
    yield made
    made.close()


@pytest.fixture
def calls(store: GcsStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that the store makes, as they go."""
    made: list[str] = []
    send = requests.Session.request

    def noting(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        path = url.partition('?')[0].rpartition('/')
        made.append(f'{method} {next((word for word in WORDS if word in f"{path[0]}/{path[2]}"), "")}'.strip())
        return send(self, method, url, **more)

    monkeypatch.setattr(requests.Session, 'request', noting)
    return made


WORDS = ('batch', 'upload', 'download', 'rewriteTo', 'compose')


def test_each_operation_is_one_call(store: GcsStore, calls: list[str]) -> None:
    store.put('k', b'x')
    store.put('new', b'x', if_absent=True)
    store.read('k')
    store.get('k', 0, 1).read()
    store.stat('k')
    store.page('', 'j', delimiter='/', limit=10)
    store.copy('k', 'copy')
    store.delete(['k'])
    store.delete(['k', 'copy', 'new'])
    assert store.url('k', 60)
    assert calls == ['POST upload'] * 2 + ['GET download'] * 2 + [
        'GET', 'GET', 'POST rewriteTo', 'DELETE', 'POST batch',
    ]


def test_the_server_copies_from_below_another_path(store: GcsStore, gcs_bucket: GcsBucket, calls: list[str]) -> None:
    source = gcs_bucket.store(prefix='old')
    source.put('k', b'x' * 1000)
    calls.clear()
    assert store.take(Origin(source, 'k'), 'copy')
    assert calls == ['POST rewriteTo']
    assert store.read('copy') == b'x' * 1000
    elsewhere = gcs_bucket.store(endpoint='http://127.0.0.1:9')
    assert not store.take(Origin(elsewhere, 'k'), 'copy')
    source.close()
    elsewhere.close()


def test_an_upload_is_one_call_a_part_and_two_under_any_key(store: GcsStore, calls: list[str]) -> None:
    upload = store.upload('uploads/there')
    assert calls == []
    parts = [upload.part(1, b'x' * MIB), upload.part(2, b'y')]
    store.resume(upload.id).finish(parts, 'blobs/here')
    assert calls == ['POST upload', 'POST upload', 'POST compose', 'POST batch']


@pytest.mark.parametrize(('count', 'composed'), [(1, 1), (32, 1), (33, 2), (64, 3), (1025, 34)])
def test_any_number_of_parts_is_put_together_by_few_calls(
    count: int, composed: int, store: GcsStore, calls: list[str], gcs_bucket: GcsBucket
) -> None:
    upload = store.upload('k')
    data = [f'{number:04}'.encode() for number in range(1, count + 1)]
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(upload.part, range(1, count + 1), data))
    calls.clear()
    upload.finish(parts, 'k')
    assert calls.count('POST compose') == composed
    assert store.read('k') == b''.join(data)
    assert gcs_bucket.names() == ['k']


def test_no_listing_shows_parts(store: GcsStore, calls: list[str]) -> None:
    upload = store.upload('k')
    for number in range(1, 6):
        upload.part(number, b'x')
    store.put('after', b'')
    store.put('-before', b'')
    calls.clear()
    for prefix in ('', '/', '/parts/', '/p'):
        assert [entry.key for entry in store.list(prefix)] == ([] if prefix else ['-before', 'after'])
    assert store.page('', '-before', limit=1).entries == [('after', 0, None)]
    assert [entry.key for entry in store.list('', delimiter='/')] == ['-before', 'after']
    assert len(calls) < 12
    upload.abort()


def test_a_part_is_no_object(store: GcsStore, gcs_bucket: GcsBucket) -> None:
    store.upload('k').part(1, b'x')
    for name in gcs_bucket.parts():
        with pytest.raises(Refused):
            store.read(name)
        with pytest.raises(Refused):
            store.delete([name])


def test_a_sweep_takes_what_is_old_and_was_not_finished(store: GcsStore, gcs_bucket: GcsBucket) -> None:
    kept, left = store.upload('a'), store.upload('b')
    kept.finish([kept.part(1, b'kept')], 'a')
    left.part(1, b'left')
    assert store.sweep(3600) == 0
    assert len(gcs_bucket.parts()) == 1
    assert store.sweep(-1) == 1
    assert gcs_bucket.names() == ['a']


@pytest.mark.parametrize('operation', ['POST upload', 'POST compose', 'POST batch', 'DELETE', 'POST rewriteTo'])
def test_what_was_done_though_its_answer_was_lost_can_be_done_again(
    operation: str, store: GcsStore, monkeypatch: pytest.MonkeyPatch, gcs_bucket: GcsBucket
) -> None:
    lost = _lose_answer(operation, monkeypatch)
    upload = store.upload('uploads/there')
    parts = [_until_done(lambda: upload.part(1, b'x')), upload.part(2, b'y')]
    _until_done(lambda: upload.finish(parts, 'blobs/here'))
    _until_done(lambda: store.copy('blobs/here', 'copy'))
    _until_done(lambda: store.delete(['copy']))
    assert lost == [operation]
    assert store.read('blobs/here') == b'xy'
    store.sweep(-1)  # of a part whose answer was lost, the first copy
    assert gcs_bucket.names() == ['blobs/here']


def test_a_finish_that_lost_its_parts_on_the_way_is_known_by_what_it_made(store: GcsStore) -> None:
    upload = store.upload('k')
    parts = [upload.part(1, b'one'), upload.part(2, b'two')]
    upload.finish(parts, 'k')
    store.resume(upload.id).finish(parts, 'k')  # the parts are gone, and the object says what it is made of
    assert store.read('k') == b'onetwo'
    with pytest.raises(Refused, match='no such upload'):
        upload.finish(parts[:1], 'k')
    with pytest.raises(Refused, match='no such upload'):
        upload.finish(parts, 'other')


def test_what_is_spoiled_on_its_way_is_not_stored(store: GcsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcs_client, '_crc32c', lambda data: 'AAAAAA==')
    with pytest.raises(Unavailable, match='CRC32C'):
        store.put('k', b'content')
    with pytest.raises(Unavailable):
        store.upload('k').part(1, b'content')
    assert list(store.list('')) == []


def test_a_file_is_sent_within_a_mebibyte_or_so_of_memory(store: GcsStore) -> None:
    store.put('warm', b'')
    store.read('warm')
    with tempfile.TemporaryFile() as file:
        file.truncate(64 * MIB)
        assert _peak(lambda: store.put('large', file, 64 * MIB)) < 3 * MIB
    assert _peak(lambda: sum(map(len, store.get('large')))) < 3 * MIB
    assert store.stat('large').size == 64 * MIB


def test_a_closed_answer_does_not_spoil_the_next(store: GcsStore) -> None:
    store.put('k', os.urandom(4 * MIB))
    for _ in range(40):
        with store.get('k') as content:
            next(content)
    assert len(store.read('k')) == 4 * MIB


def test_two_stores_share_a_bucket_by_their_prefixes(gcs_bucket: GcsBucket) -> None:
    one, two = (gcs_bucket.store(prefix=prefix) for prefix in ('one', 'two'))
    one.put('k', b'1')
    two.put('k', b'2')
    upload, left = two.upload('uploads/x'), two.upload('uploads/y')
    upload.finish([upload.part(1, b'up')], 'u')
    left.part(1, b'left')
    assert (one.read('k'), two.read('k'), two.read('u')) == (b'1', b'2', b'up')
    assert [entry.key for entry in one.list('')] == ['k']
    assert [entry.key for entry in two.list('')] == ['k', 'u']
    assert (one.sweep(-1), two.sweep(-1)) == (0, 1)
    one.delete(['k', 'u'])
    assert gcs_bucket.names() == ['two/k', 'two/u']
    one.close()
    two.close()


def test_without_credentials_that_sign_no_url_is_given(gcs_bucket: GcsBucket) -> None:
    store = gcs_bucket.store(credentials='anonymous')
    store.put('k', b'x')
    assert store.url('k', 60) is None
    assert not store.capabilities.presign
    store.close()


def test_the_bucket_is_made_once(gcs_bucket: GcsBucket) -> None:
    store = gcs_bucket.store(bucket=f'{gcs_bucket.name}-more', expire_uploads=0)
    with pytest.raises(Refused, match='objreg store setup'):
        store.check()
    assert store.setup() == [f"made bucket '{gcs_bucket.name}-more'"]
    assert store.setup() == []
    store.connection.client.bucket(f'{gcs_bucket.name}-more').delete()
    store.close()


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'bucket': 'no-such-bucket'}, "'no-such-bucket': the bucket does not exist; make it by `objreg store setup`, or"),
    ({'endpoint': 'http://127.0.0.1:9'}, 'endpoint cannot be reached'),
])
def test_check_names_what_to_mend(wrong: dict[str, str], message: str, gcs_bucket: GcsBucket) -> None:
    store = gcs_bucket.store(**wrong)
    with pytest.raises((Refused, Unavailable), match=message) as raised:
        store.check()
    assert '\n' not in str(raised.value)
    store.close()


def test_a_write_to_a_missing_bucket_is_refused_and_never_a_missing_key(gcs_bucket: GcsBucket) -> None:
    store = gcs_bucket.store(bucket='no-such-bucket')
    for call in (lambda: store.put('k', b''), lambda: store.page(''), lambda: store.upload('k').part(1, b'x')):
        with pytest.raises(Refused, match='the bucket does not exist'):
            call()
    with pytest.raises(NotFound):  # the emulator does not tell; Google does (tests/unit/drivers/test_gcs.py)
        store.read('k')
    store.close()


def _lose_answer(operation: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the answer to the first such request lost on its way; tells when that has happened."""
    lost: list[str] = []
    send = requests.Session.request
    method, _, word = operation.partition(' ')

    def losing(self: requests.Session, asked: str, url: str, **more: Any) -> requests.Response:
        answer = send(self, asked, url, **more)
        if not lost and asked == method and word in url:
            lost.append(operation)
            raise requests.ConnectionError('lost')
        return answer

    monkeypatch.setattr(requests.Session, 'request', losing)
    return lost


def _until_done(call: Any) -> Any:
    """As a wrapping store would: once more when it did not work."""
    try:
        return call()
    except Unavailable:
        return call()


def _peak(call: Any) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
