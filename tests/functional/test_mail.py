"""Mail by a real server: with TLS and a password, and by one that refuses, closes, or says nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from objreg.hub import mail_file, smtp
from objreg.hub.mailer import Letter, Mailer, MailFailed
from tests.servers.smtp import BadServer, MailServer, certificate

# of the server's library: the TLS below it, from the first byte, it does not see
pytestmark = pytest.mark.filterwarnings('ignore:Requiring AUTH while not requiring TLS:UserWarning')
LETTER = Letter('carol@example.org', 'A new password', 'https://hub.example/hub/password#objreg_code_abc\n.\nend\n')


def send(path: Path) -> None:
    smtp.send(mail_file.read(str(path)), LETTER)


@pytest.mark.parametrize('tls', ['starttls', 'tls', 'none'])
def test_a_mail_comes_as_it_was_written_to_one_address(tmp_path: Path, tls: str) -> None:
    with MailServer(tmp_path, tls) as server:
        send(server.file('https://hub.example'))
        taken = server.next()
    assert server.peers == [('registry@hub.example', ['carol@example.org'])]
    assert (taken['To'], taken['From'], taken['Subject']) == (
        'carol@example.org', 'Registry <registry@hub.example>', 'A new password'
    )
    assert taken.get_content().replace('\r\n', '\n') == LETTER.text


def test_a_wrong_password_is_final_and_is_not_told(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        with pytest.raises(MailFailed, match='the server said 535') as error:
            send(server.file('https://hub.example', password='wrong one'))
        assert error.value.is_final and 'wrong one' not in str(error.value)


@pytest.mark.parametrize('tls', ['starttls', 'tls'])
def test_a_server_that_cannot_show_who_it_is_gets_neither_password_nor_mail(tmp_path: Path, tls: str) -> None:
    certificate(tmp_path / 'other')
    with MailServer(tmp_path, tls) as server:
        for more in ({'ca': tmp_path / 'other/smtp.crt'}, {'host': '127.0.0.1'}):
            with pytest.raises(MailFailed, match='certificate verify failed'):
                send(server.file('https://hub.example', **more))
        assert server.peers == []


def test_a_server_without_tls_gets_nothing_where_it_is_wanted(tmp_path: Path) -> None:
    """Whoever is on the way takes the offer out of the answer (CVE-2011-0411's neighbour)."""
    certificate(tmp_path)
    with MailServer(tmp_path, 'none') as server:
        with pytest.raises(MailFailed, match='STARTTLS'):
            send(server.file('https://hub.example', tls='starttls'))
        assert server.peers == []


def test_what_is_a_matter_of_time_is_tried_again_and_what_is_not_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with MailServer(tmp_path) as server:
        server.answers = ['451 later', '421 busy']
        mailer = Mailer(str(server.file('https://hub.example')), pauses=(0.1, 0.1))
        mailer.later(lambda: LETTER)
        assert server.next()['To'] == 'carol@example.org'
        server.answers = ['554 spam: objreg_code_abc']
        mailer.later(lambda: LETTER)
        deadline = time.monotonic() + 20
        while 'given up' not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.02)
        assert '554' in caplog.text and 'code_abc' not in caplog.text and not server.answers
        mailer.close(5)


def close(one: socket.socket) -> None:
    one.close()


def say_nothing(one: socket.socket) -> None:
    pass


def close_after_the_greeting(one: socket.socket) -> None:
    one.sendall(b'220 hello\r\n')
    one.close()


def no_smtp(one: socket.socket) -> None:
    one.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n' + b'x' * 100_000)
    one.close()


@pytest.mark.parametrize('act', [close, say_nothing, close_after_the_greeting, no_smtp])
@pytest.mark.parametrize('tls', ['none', 'tls'])
def test_a_bad_server_takes_a_bounded_time(tmp_path: Path, act: Callable[[socket.socket], None], tls: str) -> None:
    with BadServer(act) as server:
        path = MailServer(tmp_path, 'none').file('https://hub.example', port=server.port, tls=tls, timeout='0.5')
        began = time.monotonic()
        with pytest.raises(MailFailed) as error:
            send(path)
        assert time.monotonic() - began < 5 and not error.value.is_final


def test_nobody_waits_for_a_server_that_says_nothing(tmp_path: Path) -> None:
    """Nor does the end of the process."""
    options: dict[str, Any] = {'timeout': '30 s'}
    with BadServer(say_nothing) as server:
        mailer = Mailer(str(MailServer(tmp_path, 'none').file('https://hub.example', port=server.port, **options)))
        began = time.monotonic()
        for _ in range(20):
            mailer.later(lambda: LETTER)
        mailer.close(0.2)
        assert time.monotonic() - began < 5
