"""What a store promises of uploads: parts, their order and their owner, resuming, finishing, aborting."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from objreg.store import CHUNK, NotFound, Part, Refused
from objreg.testing.ledger import Ledger
from objreg.testing.promises import Promises, patient, sample

MISSING = Part(1, 1, '0' * 32)


class UploadPromises(Promises):
    """The tests."""

    def test_an_upload_makes_one_object_of_its_parts(self, objects: Ledger, others: Ledger) -> None:
        size = self.part_size(objects)
        data = sample(2 * size + 1234)
        upload = objects.upload('blobs/a')
        parts = [upload.part(number + 1, data[number * size:(number + 1) * size]) for number in range(3)]
        assert [part[:2] for part in parts] == [(1, size), (2, size), (3, 1234)]
        upload.finish(parts, 'blobs/a')
        assert others.read('blobs/a') == data
        assert others.stat('blobs/a').size == len(data)
        for start, end in ((size - 1, size + 1), (2 * size - 5, None), (0, 3), (10, 2 * size + 10)):
            assert others.get('blobs/a', start, end).read() == data[start:end]

    def test_an_upload_may_have_one_part_and_that_may_be_empty(self, objects: Ledger) -> None:
        for data in (b'x', b'', sample(2 * CHUNK)):
            upload = objects.upload('k')
            upload.finish([upload.part(1, data)], 'k')
            assert objects.read('k') == data

    def test_parts_may_differ_in_size_where_none_is_the_smallest(self, objects: Ledger) -> None:
        if objects.capabilities.min_part:
            return
        data = [sample(size, size) for size in (5, 3 * CHUNK, 1, 0, CHUNK + 1, 7)]
        upload = objects.upload('k')
        upload.finish([upload.part(number, body) for number, body in enumerate(data, 1)], 'k')
        assert objects.read('k') == b''.join(data)

    def test_as_many_parts_as_declared(self, objects: Ledger) -> None:
        if objects.capabilities.min_part:  # they would be gigabytes
            return
        count = min(objects.capabilities.max_parts, 1001)
        upload = objects.upload('k')
        with ThreadPoolExecutor(8) as pool:
            parts = list(pool.map(lambda number: upload.part(number, f'{number:04}'.encode()), range(1, count + 1)))
        upload.finish(parts, 'k')
        assert objects.read('k') == b''.join(f'{number:04}'.encode() for number in range(1, count + 1))

    def test_parts_may_be_written_in_any_order_and_at_once(self, objects: Ledger) -> None:
        size = self.part_size(objects)
        data = sample(3 * size + 1)
        upload = objects.upload('k')
        # where parts are of one size, the first one tells which
        before = [upload.part(1, data[:size])] if objects.capabilities.min_part else []
        last = upload.part(4, data[3 * size:])
        with ThreadPoolExecutor(3) as pool:
            parts = list(pool.map(
                lambda at: upload.part(at + 1, data[at * size:(at + 1) * size]), range(len(before), 3)
            ))
        upload.finish([*before, *parts, last], 'k')
        assert objects.read('k') == data

    def test_nothing_is_to_be_seen_before_the_finish(self, objects: Ledger, others: Ledger) -> None:
        upload = objects.upload('new/k')
        part = upload.part(1, b'content')
        with pytest.raises(NotFound):
            others.read('new/k')
        assert 'new/k' not in [entry.key for entry in others.list('new/')]
        others.put('new/k', b'another', if_absent=True)
        upload.finish([part], 'new/k')
        assert others.read('new/k') == b'content'

    def test_an_upload_finished_under_another_key_is_there_only(self, objects: Ledger, others: Ledger) -> None:
        size = self.part_size(objects)
        data = sample(size + 9)
        upload = objects.upload('uploads/u/data')
        parts = [upload.part(1, data[:size]), upload.part(2, data[size:])]
        upload.finish(parts, 'blobs/sha256/aa/target')
        assert others.read('blobs/sha256/aa/target') == data
        with pytest.raises(NotFound):
            others.stat('uploads/u/data')

    def test_a_finish_replaces_what_was_there(self, objects: Ledger, others: Ledger) -> None:
        for begun in ('k', 'uploads/u/data'):
            objects.put('k', b'old and longer')
            upload = objects.upload(begun)
            upload.finish([upload.part(1, b'new')], 'k')
            assert others.read('k') == b'new'

    def test_another_process_goes_on_with_an_upload(self, objects: Ledger, others: Ledger) -> None:
        size = self.part_size(objects)
        data = sample(2 * size + 3)
        upload = objects.upload('uploads/u/data')
        parts = [upload.part(1, data[:size])]
        assert 0 < len(upload.id) <= 512
        assert upload.id.isascii() and upload.id.isprintable()
        there = others.resume(upload.id)
        parts.append(there.part(2, data[size:2 * size]))
        assert there.id == upload.id
        parts.append(objects.resume(upload.id).part(3, data[2 * size:]))
        told = [Part(*one) for one in json.loads(json.dumps(parts))]
        others.resume(upload.id).finish(told, 'blobs/a')
        assert objects.read('blobs/a') == data

    def test_parts_of_the_same_number_do_not_mix(self, objects: Ledger, others: Ledger) -> None:
        upload = objects.upload('k')
        first = upload.part(1, b'first')
        second = others.resume(upload.id).part(1, b'second')
        assert first != second
        try:
            upload.finish([first], 'k')
        except Refused:
            upload.finish([second], 'k')
            assert objects.read('k') == b'second'
        else:
            assert objects.read('k') == b'first'

    def test_of_two_that_write_the_same_part_at_once_each_gets_its_own_or_nothing(self, objects: Ledger) -> None:
        for _ in range(self.rounds):
            upload = objects.upload('k')
            upload.part(1, b'so that the upload exists')
            bodies = [sample(CHUNK + number, number) for number in range(4)]
            with ThreadPoolExecutor(4) as pool:
                parts = list(pool.map(lambda body, upload=upload: patient(lambda: upload.part(1, body)), bodies))
            objects.put('k', b'before')
            for body, part in zip(bodies, parts, strict=True):
                try:
                    upload.finish([part], 'k')
                except Refused:
                    assert objects.read('k') == b'before'
                    continue
                assert objects.read('k') == body
                break
            else:
                raise AssertionError('none of the parts can be used')

    def test_two_uploads_to_one_key_do_not_mix(self, objects: Ledger, others: Ledger) -> None:
        one, two = objects.upload('k'), others.upload('k')
        parts = [one.part(1, b'one')], [two.part(1, b'two')]
        assert one.id != two.id
        two.finish(parts[1], 'k')
        assert objects.read('k') == b'two'
        with pytest.raises(Refused):
            others.resume(one.id).finish(parts[1], 'k')
        one.finish(parts[0], 'k')
        assert objects.read('k') == b'one'

    @pytest.mark.parametrize('numbers', [[], [2], [1, 3], [2, 1], [1, 1], [1, 2, 2], [0, 1]])
    def test_a_finish_of_other_parts_is_refused_and_spoils_nothing(self, numbers: list[int], objects: Ledger) -> None:
        size = self.part_size(objects)
        objects.put('k', b'before')
        upload = objects.upload('k')
        parts = {number: upload.part(number, sample(size, number)) for number in (1, 2, 3)}
        parts[0] = parts[1]._replace(number=0)
        with pytest.raises(Refused):
            upload.finish([parts[number] for number in numbers], 'k')
        assert objects.read('k') == b'before'
        upload.finish([parts[1], parts[2], parts[3]], 'k')
        assert objects.read('k') == sample(size, 1) + sample(size, 2) + sample(size, 3)

    def test_a_part_that_was_not_written_here_is_refused(self, objects: Ledger) -> None:
        size = self.part_size(objects)
        upload, strange = objects.upload('k'), objects.upload('k')
        mine, other = upload.part(1, sample(size, 1)), strange.part(1, b'not mine')
        for wrong in (MISSING, other, mine._replace(etag='../' + mine.etag), mine._replace(etag='')):
            with pytest.raises(Refused):
                upload.finish([mine, wrong._replace(number=2)], 'k')
        strange.abort()
        upload.finish([mine], 'k')
        assert objects.read('k') == sample(size, 1)

    def test_a_part_that_failed_can_be_written_again(self, objects: Ledger) -> None:
        size = self.part_size(objects)
        upload = objects.upload('k')
        parts = [upload.part(1, sample(size))]
        with pytest.raises(Refused):
            upload.part(2, iter([b'short']), 100)
        parts.append(upload.part(2, b'right'))
        upload.finish(parts, 'k')
        assert objects.read('k') == sample(size) + b'right'

    def test_an_aborted_upload_is_gone(self, objects: Ledger, others: Ledger) -> None:
        upload = objects.upload('k')
        parts = [upload.part(1, b'x')]
        others.resume(upload.id).abort()
        with pytest.raises(Refused):
            upload.finish(parts, 'k')
        with pytest.raises(Refused):
            others.resume(upload.id).finish(parts, 'k')
        upload.abort()
        with pytest.raises(NotFound):
            objects.stat('k')

    def test_aborting_nothing_is_no_error(self, objects: Ledger) -> None:
        upload = objects.upload('k')
        upload.abort()
        upload = objects.upload('k')
        part = upload.part(1, b'kept')
        upload.finish([part], 'k')
        upload.abort()
        objects.resume(upload.id).abort()
        assert objects.read('k') == b'kept'

    def test_finishing_again_succeeds_or_is_refused_and_changes_nothing(self, objects: Ledger, others: Ledger) -> None:
        for key in ('k', 'blobs/other'):
            upload = objects.upload('k' if key == 'k' else 'uploads/u/data')
            parts = [upload.part(1, b'content')]
            upload.finish(parts, key)
            for again in (upload, others.resume(upload.id)):
                with contextlib.suppress(Refused):
                    again.finish(parts, key)
                assert objects.read(key) == b'content'

    def test_of_two_that_finish_at_once_one_succeeds(self, objects: Ledger, others: Ledger) -> None:
        def finish(store: Ledger) -> bool:
            try:
                patient(lambda: store.resume(upload.id).finish(parts, 'blobs/target'))
            except Refused:
                return False
            return True

        for round in range(self.rounds):
            size = self.part_size(objects)
            upload = objects.upload('uploads/u/data')
            data = sample(size + round, round)
            parts = [upload.part(1, data[:size]), upload.part(2, data[size:])]
            with ThreadPoolExecutor(2) as pool:
                assert any(list(pool.map(finish, (objects, others))))
            assert objects.read('blobs/target') == data

    def test_an_uploaded_object_is_like_any_other(self, objects: Ledger) -> None:
        size = self.part_size(objects)
        data = sample(size + 1)
        upload = objects.upload('k')
        upload.finish([upload.part(1, data[:size]), upload.part(2, data[size:])], 'k')
        objects.settle()
        assert [entry[:2] for entry in objects.list('', detail=True)] == [('k', len(data))]
        objects.copy('k', 'copy')
        objects.delete(['k'])
        assert objects.read('copy') == data
        objects.put('copy', b'small')
        assert objects.read('copy') == b'small'
