"""What a store promises of bodies: bytes, files and iterables are read as far as was said, and all or nothing is kept.

The same holds for an object and for a part of an upload, so each promise is tried on both.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from objreg.store import CHUNK, Body, Exists, NotFound, Refused, Store
from objreg.testing.ledger import Ledger
from objreg.testing.promises import Promises, sample

Write = Callable[[Store, Body, 'int | None'], None]


def _put(store: Store, body: Body, size: int | None) -> None:
    store.put('k', body, size)


def _upload(store: Store, body: Body, size: int | None) -> None:
    upload = store.upload('k')
    try:
        part = upload.part(1, body, size)
    except BaseException:
        upload.abort()
        raise
    upload.finish([part], 'k')


class Stream(io.RawIOBase):
    """What a server hands over as it comes in: it can be read once, and gives less than it is asked for."""

    def __init__(self, data: bytes, step: int = 1000) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(self._step if size < 0 else min(size, self._step))

    @property
    def left(self) -> int:
        """How much was not read."""
        return len(self._file.getbuffer()) - self._file.tell()


class BodyFailed(Exception):
    """What the tests' bodies raise."""


def _breaking(data: bytes, error: Exception) -> Iterator[bytes]:
    yield data
    raise error


class BodyPromises(Promises):
    """The tests."""

    @pytest.fixture(params=[_put, _upload], ids=['put', 'part'])
    def write(self, request: pytest.FixtureRequest) -> Write:
        """One of the two ways to write."""
        way: Write = request.param
        return way

    @pytest.mark.parametrize('size', [0, 1, CHUNK + 1, 3 * CHUNK])
    def test_any_body_is_written_whole(self, size: int, write: Write, objects: Ledger, tmp_path: Path) -> None:
        data = sample(size)
        (tmp_path / 'body').write_bytes(data)
        with (tmp_path / 'body').open('rb') as file, (tmp_path / 'body').open('rb', buffering=0) as unbuffered:
            bodies: list[tuple[str, Body]] = [
                ('bytes', data),
                ('file in memory', io.BytesIO(data)),
                ('file', file),
                ('unbuffered file', unbuffered),
                ('list', [data[:7], data[7:]]),
                ('iterator', (data[at:at + 999] for at in range(0, size, 999))),
                ('empty chunks between', [b'', data[:7], b'', b'', data[7:], b'']),
                ('stream', Stream(data)),
            ]
            for name, body in bodies:
                write(objects, body, size)
                assert objects.read('k') == data, name

    def test_bytes_need_no_size(self, write: Write, objects: Ledger) -> None:
        write(objects, b'some bytes', None)
        assert objects.read('k') == b'some bytes'

    @pytest.mark.parametrize('size', [10, 2 * CHUNK + 1])
    def test_a_file_is_read_from_where_it_stands_and_no_further(
        self, size: int, write: Write, objects: Ledger, tmp_path: Path
    ) -> None:
        data = sample(size)
        (tmp_path / 'body').write_bytes(b'before' + data + b'behind')
        with (tmp_path / 'body').open('rb') as file:
            for body in (file, io.BytesIO(b'before' + data + b'behind')):
                assert body.read(6) == b'before'
                write(objects, body, size)
                assert objects.read('k') == data
                assert body.read() == b'behind'

    def test_no_more_of_a_stream_is_read_than_was_said(self, write: Write, objects: Ledger) -> None:
        def chunks() -> Iterator[bytes]:
            yield b'all of it'
            raise AssertionError('asked for more than its size')

        write(objects, chunks(), 9)
        assert objects.read('k') == b'all of it'
        stream = Stream(b'all of it, and what is not ours')
        write(objects, stream, 9)
        assert objects.read('k') == b'all of it'
        assert stream.left == len(b', and what is not ours')

    def test_a_pipe_is_a_body(self, write: Write, objects: Ledger) -> None:
        reading, writing = os.pipe()
        os.write(writing, b'through a pipe')
        os.close(writing)
        with open(reading, 'rb') as pipe:
            write(objects, pipe, 14)
        assert objects.read('k') == b'through a pipe'

    @pytest.mark.parametrize('had', [b'what was there', None])
    def test_a_body_shorter_than_its_size_writes_nothing(
        self, had: bytes | None, write: Write, objects: Ledger, tmp_path: Path
    ) -> None:
        (tmp_path / 'body').write_bytes(b'too short')
        if had is not None:
            objects.put('k', had)
        with (tmp_path / 'body').open('rb') as file:
            bodies: tuple[Body, ...] = (
                b'too short', io.BytesIO(b'too short'), file, [b'too', b' short'], [], Stream(b'too short'),
            )
            for body in bodies:
                with pytest.raises(Refused):
                    write(objects, body, 2 * CHUNK)
                self._is_still(objects, had)

    @pytest.mark.parametrize('had', [b'what was there', None])
    def test_a_body_that_breaks_writes_nothing(self, had: bytes | None, write: Write, objects: Ledger) -> None:
        if had is not None:
            objects.put('k', had)
        for error in (BodyFailed('the client went away'), ConnectionResetError('so it did')):
            for size in (100, 2 * CHUNK):
                with pytest.raises(type(error)) as raised:
                    write(objects, _breaking(sample(size), error), size + 1)
                assert raised.value is error
                self._is_still(objects, had)

    @staticmethod
    def _is_still(objects: Ledger, had: bytes | None) -> None:
        if had is None:
            with pytest.raises(NotFound):
                objects.stat('k')
        else:
            assert objects.read('k') == had

    def test_a_body_that_came_too_late_is_not_written(self, objects: Ledger) -> None:
        objects.put('k', b'first')
        for body in (io.BytesIO(b'later'), [b'later'], Stream(b'later')):
            with pytest.raises(Exists):
                objects.put('k', body, 5, if_absent=True)
        assert objects.read('k') == b'first'

    def test_a_part_ends_where_its_body_ends_if_parts_may_have_any_size(self, objects: Ledger) -> None:
        if objects.capabilities.min_part:
            return
        data = sample(CHUNK + 9)
        upload = objects.upload('k')
        parts = [
            upload.part(1, iter([data[:5], b'', data[5:]])),
            upload.part(2, io.BytesIO(data)),
            upload.part(3, Stream(data)),
        ]
        assert [part.size for part in parts] == [len(data)] * 3
        upload.finish(parts, 'k')
        assert objects.read('k') == data * 3
