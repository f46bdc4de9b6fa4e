"""Mail is sent beside the requests, tried again, and never without a bound."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from objreg.config import ConfigError
from objreg.hub import mailer as module
from objreg.hub.mailer import Letter, Mailer, MailFailed
from objreg.store import Unavailable
from tests.mail import Post, mail_file

LETTER = Letter('carol@example.org', 'Hello', 'https://hub.example/hub/password#objreg_code_0123456789\n')


def made(folder: Path, *pauses: float) -> Mailer:
    return Mailer(str(mail_file(folder)), pauses=pauses)


def wait(mailer: Mailer) -> None:
    mailer.flush(20)


def test_what_is_later_is_written_and_sent_on_another_thread(tmp_path: Path, post: Post) -> None:
    threads: list[threading.Thread] = []

    def write() -> Letter:
        threads.append(threading.current_thread())
        return LETTER

    mailer = made(tmp_path)
    mailer.later(write)
    mailer.later(lambda: None)
    wait(mailer)
    assert post.letters == [LETTER] and threads != [threading.main_thread()]


def test_what_fails_for_now_is_tried_again_and_then_given_up(
    tmp_path: Path, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    mailer = made(tmp_path, 0.01, 0.01)
    attempts: list[int] = []

    def fail(settings: object, letter: Letter) -> None:
        attempts.append(1)
        raise MailFailed(f'the server said 451 later {letter.text}')

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.smtp, 'send', fail)
        mailer.later(lambda: LETTER)
        deadline = time.monotonic() + 20
        while 'given up' not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.005)
    assert len(attempts) == 3 and caplog.text.count('tried again') == 2
    assert '0123456789' not in caplog.text, 'codes are not logged'


def test_what_is_final_and_what_cannot_be_written_is_not_tried_again(
    tmp_path: Path, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    mailer = made(tmp_path, 0.01)

    def unavailable() -> Letter:
        raise Unavailable('the store is away')

    def broken() -> Letter:
        raise KeyError('x')

    for write in (unavailable, broken):
        mailer.later(write)
    wait(mailer)
    post.failure = MailFailed('the server said 550 nobody of that name', is_final=True)
    mailer.later(lambda: LETTER)
    wait(mailer)
    assert caplog.text.count('not written') == 2 and caplog.text.count('given up') == 1
    post.failure = None
    mailer.later(lambda: LETTER)
    wait(mailer)
    assert post.letters == [LETTER], 'the threads live'


def test_more_than_can_wait_is_not_taken(
    tmp_path: Path, post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, '_MOST', 3)
    mailer, go = made(tmp_path), threading.Event()

    def write() -> Letter:
        go.wait(20)
        return LETTER

    deadline = time.monotonic() + 20
    for _ in range(4):
        mailer.later(write)
        while mailer._waiting and time.monotonic() < deadline:
            time.sleep(0.005)
    for _ in range(5):
        mailer.later(write)
    go.set()
    wait(mailer)
    assert len(post.letters) == 7 and caplog.text.count('not sent') == 2


def test_the_end_waits_a_little_and_no_longer(
    tmp_path: Path, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    mailer, go = made(tmp_path), threading.Event()
    mailer.later(lambda: LETTER)
    mailer.close(20)
    assert post.letters == [LETTER]
    mailer.later(lambda: LETTER)
    assert 'not sent' in caplog.text
    slow = made(tmp_path)
    slow.later(lambda: LETTER if go.wait(20) else None)
    began = time.monotonic()
    slow.close(0.05)
    assert time.monotonic() - began < 5 and 'ended before 1 were sent' in caplog.text
    go.set()


def test_the_file_is_read_again_and_what_was_read_stays_if_it_is_wrong(tmp_path: Path) -> None:
    mailer = made(tmp_path)
    mail_file(tmp_path, url='https://other.example')
    mailer.reload()
    assert mailer.url == 'https://other.example'
    mail_file(tmp_path, tls='what')
    with pytest.raises(ConfigError):
        mailer.reload()
    assert mailer.url == 'https://other.example'
