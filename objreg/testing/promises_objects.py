"""What a store promises of objects: read, ranges, stat, replace, delete, copy, presigned URLs."""

from __future__ import annotations

import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from itertools import pairwise

import pytest

from objreg.store import CHUNK, Content, Exists, NotFound, Origin, Refused, Store
from objreg.testing.ledger import Ledger
from objreg.testing.promises import Promises, sample

SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 3)
_CLOCKS = 900
"""How many seconds the store's clock may differ from ours, for the tests."""


def whole(content: Content) -> bytes:
    """What comes, chunk by chunk, and as much of it as was said."""
    with content:
        chunks = list(content)
    assert sum(map(len, chunks)) == content.size
    assert all(len(chunk) <= CHUNK for chunk in chunks)
    return b''.join(chunks)


class ObjectPromises(Promises):
    """The tests."""

    @pytest.mark.parametrize('size', SIZES)
    def test_what_was_put_is_read_back(self, size: int, objects: Ledger, others: Ledger) -> None:
        data = sample(size)
        objects.put('blobs/a', data)
        assert objects.read('blobs/a') == data
        assert whole(others.get('blobs/a')) == data
        assert others.stat('blobs/a').size == size

    def test_an_empty_object_is_an_object(self, objects: Ledger) -> None:
        objects.put('k', b'')
        assert whole(objects.get('k', 0, 0)) == b''
        assert whole(objects.get('k', 0, 10)) == b''
        objects.settle()
        assert [entry[:2] for entry in objects.list('', detail=True)] == [('k', 0)]
        with pytest.raises(Refused):
            objects.get('k', 1)
        with pytest.raises(Exists):
            objects.put('k', b'', if_absent=True)

    @pytest.mark.parametrize(('start', 'end', 'expected'), [
        (0, None, b'0123456789'), (0, 0, b''), (0, 1, b'0'), (0, 10, b'0123456789'), (0, 11, b'0123456789'),
        (3, 7, b'3456'), (3, 3, b''), (3, 99, b'3456789'), (9, None, b'9'), (9, 10, b'9'), (9, 9, b''),
    ])
    def test_a_range_is_what_lies_from_start_up_to_end(
        self, start: int, end: int | None, expected: bytes, objects: Ledger
    ) -> None:
        objects.put('k', b'0123456789')
        assert whole(objects.get('k', start, end)) == expected

    @pytest.mark.parametrize('end', [None, 10, 11, 99])
    @pytest.mark.parametrize('start', [10, 11, 2**40])
    def test_a_range_beyond_the_last_byte_is_refused(self, start: int, end: int | None, objects: Ledger) -> None:
        objects.put('k', b'0123456789')
        with pytest.raises(Refused):
            objects.get('k', start, end)

    def test_ranges_of_a_large_object_are_exact(self, objects: Ledger) -> None:
        data = sample(4 * CHUNK + 5)
        objects.put('blobs/a', data)
        for start, end in ((CHUNK - 1, CHUNK + 1), (1, 3 * CHUNK), (CHUNK, 2 * CHUNK), (4 * CHUNK + 4, None)):
            assert whole(objects.get('blobs/a', start, end)) == data[start:end], (start, end)

    @pytest.mark.parametrize('call', [
        lambda store: store.get('repositories/missing'),
        lambda store: store.get('repositories/missing', 5),
        lambda store: store.get('repositories/missing', 5, 9),
        lambda store: store.get('repositories/missing', 5, 5),
        lambda store: store.read('repositories/missing'),
        lambda store: store.newest('repositories/missing'),
        lambda store: store.stat('repositories/missing'),
        lambda store: store.copy('repositories/missing', 'copy'),
    ])
    def test_what_is_missing_is_not_found_at_the_call(self, call: Callable[[Store], object], objects: Ledger) -> None:
        objects.put('repositories/missing/below', b'x')
        objects.put('repositories/missing too', b'x')
        with pytest.raises(NotFound, match='repositories/missing'):
            call(objects)

    def test_a_read_may_be_left_off_and_closed_twice(self, objects: Ledger) -> None:
        data = sample(4 * CHUNK)
        objects.put('k', data)
        for _ in range(20):
            with objects.get('k') as content:
                first = next(content)
                assert data.startswith(first)
            content.close()
        objects.get('k').close()
        assert whole(objects.get('k')) == data

    def test_a_file_that_is_handed_over_stands_at_the_first_byte(self, objects: Ledger) -> None:
        objects.put('k', b'0123456789')
        with objects.get('k', 3, 7) as content:
            file = content.file
            got = b''.join(content) if file is None else file.read(content.size)
        assert got == b'3456'

    def test_put_replaces_what_was_there(self, objects: Ledger, others: Ledger) -> None:
        for data in (b'first', sample(2 * CHUNK), b'', b'last'):
            objects.put('k', data)
            assert others.read('k') == data
            assert others.newest('k') == data
            assert others.stat('k').size == len(data)

    def test_a_read_that_has_begun_gives_the_old_object_or_fails(self, objects: Ledger, others: Ledger) -> None:
        old = sample(6 * CHUNK, 1)
        objects.put('k', old)
        with objects.get('k') as content:
            got = next(content)
            others.put('k', sample(7 * CHUNK, 2))
            got += b''.join(content)
        assert got == old

    def test_stat_tells_size_time_and_etag(self, objects: Ledger, others: Ledger) -> None:
        objects.put('k', b'12345')
        found = objects.stat('k')
        assert found.size == 5
        assert abs(found.modified - time.time()) < _CLOCKS
        assert found.etag
        assert others.stat('k') == found

    def test_the_etag_is_another_one_when_other_bytes_are_there(self, objects: Ledger) -> None:
        etags = []
        for number in range(10):
            objects.put('k', f'same size, number {number}'.encode())
            etags.append(objects.stat('k').etag)
        assert all(one != two for one, two in pairwise(etags))

    def test_what_was_deleted_is_gone(self, objects: Ledger, others: Ledger) -> None:
        objects.put('a', b'1')
        objects.put('b', b'2')
        objects.delete(['a'])
        for call in (others.get, others.read, others.stat):
            with pytest.raises(NotFound):
                call('a')
        assert others.read('b') == b'2'

    def test_deleting_what_is_not_there_is_no_error(self, objects: Ledger) -> None:
        objects.put('there', b'x')
        objects.delete(['missing'])
        objects.delete([])
        objects.delete(iter(['missing', 'there', 'there', 'also/missing', 'there/below']))
        with pytest.raises(NotFound):
            objects.stat('there')

    def test_a_deletion_does_not_reach_beyond_its_key(self, objects: Ledger) -> None:
        for key in ('a', 'a/b', 'a/b/c', 'ab', 'a/bc'):
            objects.put(key, key.encode())
        objects.delete(['a/b'])
        objects.settle()
        objects.delete(['a'])
        objects.delete(['a/b/c'])
        assert objects.read('a/bc') == b'a/bc'

    def test_what_was_deleted_can_be_written_again(self, objects: Ledger) -> None:
        for data in (b'first', b'second'):
            objects.put('a/b/c', data, if_absent=True)
            assert objects.read('a/b/c') == data
            objects.delete(['a/b/c'])

    def test_if_absent_writes_only_where_nothing_is(self, objects: Ledger, others: Ledger) -> None:
        objects.put('k', b'first', if_absent=True)
        with pytest.raises(Exists, match='k'):
            others.put('k', b'second', if_absent=True)
        assert objects.read('k') == b'first'
        objects.put('k', b'third')
        assert others.read('k') == b'third'

    def test_a_copy_has_the_bytes_and_a_life_of_its_own(self, objects: Ledger, others: Ledger) -> None:
        data = sample(3 * CHUNK + 1)
        objects.put('source', data)
        objects.put('target', b'replaced')
        objects.copy('source', 'target')
        assert (others.read('source'), others.read('target')) == (data, data)
        objects.delete(['source'])
        assert whole(others.get('target', CHUNK, CHUNK + 9)) == data[CHUNK:CHUNK + 9]
        objects.put('empty', b'')
        objects.copy('empty', 'target')
        assert others.read('target') == b''

    def test_a_copy_of_nothing_leaves_the_target_as_it_was(self, objects: Ledger) -> None:
        objects.put('target', b'kept')
        with pytest.raises(NotFound):
            objects.copy('missing', 'target')
        assert objects.read('target') == b'kept'

    def test_what_is_taken_from_another_store_has_the_bytes_and_a_life_of_its_own(
        self, objects: Ledger, others: Ledger
    ) -> None:
        for data in (sample(3 * CHUNK + 1), b''):
            others.put('a b+c%2F&é', data)
            objects.put('target', b'replaced')
            origin = others.origin('a b+c%2F&é')
            taken = origin is not None and objects.take(origin, 'target')
            assert self.takes in (None, taken)
            assert others.read('target') == (data if taken else b'replaced')
            others.delete(['a b+c%2F&é'])
            assert objects.read('target') == (data if taken else b'replaced')

    def test_nothing_is_taken_where_nothing_is(self, objects: Ledger, others: Ledger) -> None:
        objects.put('target', b'kept')
        objects.put('missing/below', b'x')
        try:
            origin = others.origin('missing')
            assert origin is None or not objects.take(origin, 'target')
        except NotFound:
            pass
        else:
            assert not self.takes
        assert objects.read('target') == b'kept'

    def test_what_a_store_of_another_kind_has_is_not_taken(self, objects: Ledger) -> None:
        objects.put('source', b'x')
        objects.put('target', b'kept')
        assert objects.take(Origin(objects, 'source'), 'target') is False
        assert objects.read('target') == b'kept'

    def test_a_hint_writes_nothing(self, objects: Ledger) -> None:
        objects.remember('catalog/never-written', b'{}')
        with pytest.raises(NotFound):
            objects.stat('catalog/never-written')
        objects.put('catalog/written', b'{}')
        assert objects.known('catalog/written') in (None, b'{}')

    def test_a_store_that_works_says_so(self, objects: Ledger) -> None:
        objects.check()
        objects.put('system/format', b'1')
        objects.check()

    def test_a_presigned_url_opens_the_object_to_anyone(self, objects: Ledger) -> None:
        data = sample(1000)
        for key in ('blobs/sha256/ab/abc', 'a b+c%2F&é'):
            objects.put(key, data)
            url = objects.url(key, 60, content_type='text/x-told')
            if not objects.capabilities.presign:
                assert url is None
                continue
            status, told, body = self.fetch(url)
            assert (status, body) == (200, data)
            assert told in ('text/x-told', 'application/octet-stream')
            assert self.fetch(url, {'Range': 'bytes=10-19'})[::2] == (206, data[10:20])
            assert self.fetch(objects.url(key, 60, method='HEAD'), method='HEAD')[::2] == (200, b'')

    def test_a_presigned_url_opens_nothing_else_and_not_for_ever(self, objects: Ledger) -> None:
        objects.put('blobs/a', b'a')
        objects.put('blobs/ab', b'secret')
        if not objects.capabilities.presign:
            assert objects.url('blobs/a', 1) is None
            return
        url = objects.url('blobs/a', 1)
        assert url is not None
        assert self.fetch(url.replace('/blobs/a', '/blobs/ab'))[0] in (401, 403)
        assert self.fetch(url, method='DELETE')[0] in (401, 403, 405)
        time.sleep(2.1)
        assert self.fetch(url)[0] in (401, 403)
        assert objects.read('blobs/a') == b'a'

    def fetch(
        self, url: str | None, headers: dict[str, str] | None = None, method: str = 'GET'
    ) -> tuple[int, str, bytes]:
        """Status, type and body of what a stranger gets there; a driver's tests say otherwise for its own CA."""
        assert url is not None
        assert urllib.parse.urlsplit(url).scheme in ('http', 'https')
        request = urllib.request.Request(url, headers=headers or {}, method=method)  # noqa: S310 - looked at above
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            answer = opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.headers.get('Content-Type', ''), answer.read()
