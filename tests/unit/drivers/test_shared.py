"""What drivers share: where listings go on, bodies of known length, which answers pass, options of connections,
and what is an answer."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from objreg.drivers import answers, options, reading, sessions
from objreg.drivers.bodies import Joined, Window, pieces_of
from objreg.drivers.listing import LAST, beyond, rolled_up
from objreg.drivers.transport import Transport
from objreg.store import CHUNK, Part, Refused, Unavailable, check_parts


@pytest.mark.parametrize(('prefix', 'after', 'delimiter', 'rolled'), [
    ('', 'a/b', '', ''),
    ('', 'a', '/', ''),
    ('', 'a/', '/', 'a/'),
    ('', 'a/b/c', '/', 'a/'),
    ('a/', 'a/b/c', '/', 'a/b/'),
    ('a/b', 'a/b/c', '/', 'a/b/'),
    ('b/', 'a/b/c', '/', ''),
])
def test_a_listing_goes_on_after_a_key_or_all_that_is_rolled_up_with_it(
    prefix: str, after: str, delimiter: str, rolled: str
) -> None:
    assert rolled_up(prefix, after, delimiter) == rolled
    assert beyond(prefix, after, delimiter) == (rolled + LAST if rolled else after)


@pytest.mark.parametrize(('start', 'end', 'header'), [
    (0, None, {}), (0, 1, {'Range': 'bytes=0-0'}), (5, None, {'Range': 'bytes=5-'}), (5, 9, {'Range': 'bytes=5-8'}),
])
def test_only_a_part_is_asked_for_by_a_range(start: int, end: int | None, header: dict[str, str]) -> None:
    assert reading.range_header(start, end) == header


@pytest.mark.parametrize(('size', 'start'), [(0, 0), (1, 0), (9, 8)])
def test_an_empty_range_that_begins_in_the_object_is_empty(size: int, start: int) -> None:
    assert reading.nothing(size, start, 'k').read() == b''


@pytest.mark.parametrize(('size', 'start'), [(0, 1), (1, 1), (9, 9)])
def test_an_empty_range_that_begins_beyond_the_end_is_refused(size: int, start: int) -> None:
    with pytest.raises(Refused, match=f'^s: k: {start} is beyond its end$'):
        reading.nothing(size, start, 's: k')


def test_no_more_is_read_than_there_is_and_an_empty_body_once() -> None:
    asked: list[int] = []

    def read(size: int) -> bytes:
        asked.append(size)
        return b'x' * size

    assert b''.join(reading.chunks(read, CHUNK + 3)) == b'x' * (CHUNK + 3)
    assert asked == [CHUNK, 3]
    assert list(reading.chunks(read, 0)) == []
    assert asked == [CHUNK, 3, 1]


def test_a_body_that_ends_early_is_unavailable_after_its_last_bytes() -> None:
    body = reading.whole(iter([b'ab', b'c']), 5, 's: k', contextlib.nullcontext())
    assert [next(body), next(body)] == [b'ab', b'c']
    with pytest.raises(Unavailable, match='^s: k: the answer was cut 2 bytes before its end$'):
        next(body)


def test_what_reading_raises_is_translated() -> None:
    @contextlib.contextmanager
    def translated() -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable('translated') from error

    def breaking() -> Iterator[bytes]:
        yield b'a'
        raise ConnectionResetError

    body = reading.whole(breaking(), 2, 's: k', translated())
    assert next(body) == b'a'
    with pytest.raises(Unavailable, match='translated'):
        next(body)


@pytest.mark.parametrize('status', [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_status_that_passes_is_worth_another_try(status: int) -> None:
    assert answers.passing(status)


@pytest.mark.parametrize('status', [0, 400, 401, 403, 404, 409, 410, 412, 413, 501, 505, 507])
def test_a_status_that_stays_is_not(status: int) -> None:
    assert not answers.passing(status)


@pytest.mark.parametrize(('headers', 'seconds'), [
    ({}, None), ({'Retry-After': '3'}, 3.0), ({'retry-after': '1.5'}, 1.5), ({'RETRY-AFTER': ''}, None),
    ({'Retry-After': 'Tue, 24 Nov 2026 04:49:05 GMT'}, None),
])
def test_the_pause_that_a_server_asks_for_is_a_number(headers: dict[str, str], seconds: float | None) -> None:
    assert answers.retry_after(headers) == seconds


def test_pieces_are_one_body_again_and_again() -> None:
    file = io.BytesIO(b'..window..')
    file.seek(2)
    body = Joined(b'head ', Window(file, 6), b'', b' tail')
    assert len(body) == 16
    for _ in range(2):
        body.rewind()
        assert b''.join(iter(lambda: body.read(4), b'')) == b'head window tail'
    assert body.read() == b''


def test_a_window_that_was_walked_over_stands_at_its_start() -> None:
    window = Window(io.BytesIO(b'x' * (CHUNK + 1)), CHUNK + 1)
    assert list(map(len, pieces_of(window))) == [CHUNK, 1]
    assert window.tell() == 0
    assert list(pieces_of(b'abc')) == [b'abc']


@pytest.mark.parametrize('numbers', [[], [0], [2], [1, 3], [2, 1], [1, 1]])
def test_parts_that_are_not_numbered_from_1_without_gaps_are_refused(numbers: list[int]) -> None:
    check_parts([Part(1, 0, ''), Part(2, 0, '')], 'k')
    with pytest.raises(Refused, match='^k: the parts of an upload are numbered from 1, without gaps$'):
        check_parts([Part(number, 0, '') for number in numbers], 'k')


def test_a_folder_has_one_slash_at_its_end() -> None:
    assert [options.folder(text) for text in ('', '/', 'a', '/a/b/')] == ['', '', 'a/', 'a/b/']


CONNECTIONS = {'ca_bundle': '', 'pool': 32, 'connect_timeout': 5, 'read_timeout': 60}


@pytest.mark.parametrize('wrong', [
    {'pool': 0}, {'pool': 'many'}, {'connect_timeout': 0}, {'read_timeout': -1}, {'ca_bundle': '/none/such'},
])
def test_a_wrong_option_of_connections_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f'^{next(iter(wrong))}: '):
        Transport(**{**CONNECTIONS, **wrong})


def test_options_of_connections_may_be_text(tmp_path: Path) -> None:
    bundle = tmp_path / 'ca.pem'
    bundle.touch()
    made = Transport(ca_bundle=str(bundle), pool='4', connect_timeout='1.5', read_timeout='7')
    assert (made.pool, made.timeout, made.verify) == (4, (1.5, 7.0), str(bundle))
    assert Transport(**CONNECTIONS).verify is True  # type: ignore[arg-type]


@pytest.mark.parametrize(('head', 'is_whole'), [
    ('HTTP/1.1 200 OK|Content-Length: 0||', True),
    ('HTTP/1.1 200 OK|Transfer-Encoding: chunked||0||', True),
    ('HTTP/1.1 200 OK|Connection: close||', True),
    ('HTTP/1.0 200 OK||', True),
    ('HTTP/1.1 204 No Content||', True),
    ('HTTP/1.1 200 OK|Server: x|Content-Le', False),
    ('HTTP/1.1 200 OK|Server: x', False),
])
def test_an_answer_of_which_a_part_of_the_headers_came_is_none(head: str, is_whole: bool) -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener, requests.Session() as session:
        url = f'http://127.0.0.1:{listener.getsockname()[1]}/'
        sessions.set_up(session, url, 1)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head.replace('|', '\r\n').encode())

        thread = Thread(target=answer)
        thread.start()
        with contextlib.nullcontext() if is_whole else pytest.raises(requests.ConnectionError, match='amid the head'):
            assert session.get(url).content == b''
        thread.join()
