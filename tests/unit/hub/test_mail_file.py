"""``mail.yml``: what it may say, and that what is secret in it is told to nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objreg.config import ConfigError
from objreg.hub import mail_file
from objreg.hub.smtp import Letter, MailFailed, message
from tests.mail import mail_file as written


def read(folder: Path, **more: Any) -> mail_file.MailSettings:
    return mail_file.read(str(written(folder, **more)))


def test_the_sample_is_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SMTP_PASSWORD', 'secret')
    found = mail_file.read(str(Path(__file__).parents[3] / 'examples/mail/mail.yml'))
    assert (found.tls, found.port, found.password) == ('starttls', 587, 'secret')


def test_what_is_not_said_has_a_good_default(tmp_path: Path) -> None:
    found = read(tmp_path, tls='starttls', url='https://hub.example:8443/')
    assert (found.url, found.port, found.timeout) == ('https://hub.example:8443', 587, 10.0)
    assert (str(found.sender), found.sender.addr_spec) == ('Registry <registry@hub.example>', 'registry@hub.example')
    assert read(tmp_path, tls='tls').port == 465 and read(tmp_path, tls='none').port == 25
    assert read(tmp_path, port=2525, timeout='2 s')[3] == 2525


def test_the_password_is_in_the_environment_or_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'password').write_text('one\n')
    assert read(tmp_path, tls='tls', user='u', password_file='${here}/password').password == 'one'
    monkeypatch.setenv('SMTP', 'two')
    assert read(tmp_path, tls='tls', user='u', password='${SMTP}').password == 'two'


@pytest.mark.parametrize(('options', 'problem'), [
    ({'url': 'hub.example'}, "url: 'hub.example' is not like"), ({'url': 'ftp://x'}, 'url: '),
    ({'url': 'https://u@x'}, 'url: '), ({'url': 'https://x/path'}, 'url: is to end with the host'),
    ({'url': 'https://x:0'}, 'url: '), ({'url': 'https://x y'}, 'url: '), ({'url': 'https://[x'}, 'url: '),
    ({'from': 'nobody'}, 'from: '), ({'from': '"A <a@b>, B <b@c>"'}, 'from: '), ({'host': '""'}, 'host: needed'),
    ({'tls': 'ssl'}, "tls: 'ssl' is none of starttls, tls, none"), ({'tls': True}, 'tls: is not text'),
    ({'port': 0}, 'port: '), ({'port': 'smtp'}, 'port: '), ({'timeout': '5 min'}, 'timeout: '),
    ({'user': 'u'}, 'user and password: '), ({'user': 'u', 'password': 'p'}, 'tls: a password is not sent without'),
    ({'pasword': 'p'}, "pasword: there is no such option; did you mean 'password'"),
    ({'password': '${NOT_SET_AT_ALL}'}, 'NOT_SET_AT_ALL is not set'), ({'ca': '/nowhere'}, 'ca: /nowhere: '),
    ({'password_file': '/nowhere'}, 'password_file: /nowhere: '),
])
def test_what_makes_no_sense_is_one_line(tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, **options)
    text = str(error.value)
    assert text.startswith(f'mail: {tmp_path}/mail.yml: ') and problem in text and '\n' not in text


@pytest.mark.parametrize('text', ['', '- a', 'url', 'url: [', '\0'])
def test_what_is_no_such_file(tmp_path: Path, text: str) -> None:
    (tmp_path / 'mail.yml').write_text(text)
    with pytest.raises(ConfigError, match='^mail: '):
        mail_file.read(str(tmp_path / 'mail.yml'))
    with pytest.raises(ConfigError, match='No such file'):
        mail_file.read(str(tmp_path / 'other.yml'))


@pytest.mark.parametrize('subject', ['Hello\r\nBcc: eve@example.org', 'Hello\n\nbody', 'x' * 2000, 'Grüße'])
def test_no_text_becomes_a_header(tmp_path: Path, subject: str) -> None:
    """CWE-93."""
    made = message(read(tmp_path), Letter('carol@example.org', subject, 'Good day\r\n.\r\nMAIL FROM: <x>\n'))
    parsed = made.as_bytes().partition(b'\n\n')[0]
    assert made['Bcc'] is None and b'\nBcc' not in parsed and made['To'] == 'carol@example.org'
    assert {name for name, _ in made.items()} == {
        'From', 'To', 'Subject', 'Date', 'Message-ID', 'Auto-Submitted', 'Content-Type', 'Content-Transfer-Encoding',
        'MIME-Version',
    }


def test_what_a_server_says_is_told_without_codes() -> None:
    told = str(MailFailed('554 spam:\nhttps://hub.example/hub/password#objreg_code_0123456789abcdef and more'))
    assert '0123456789' not in told and '\n' not in told and 'and more' in told
