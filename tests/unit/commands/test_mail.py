"""Commands of the hub that send mail, from a process that ends at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from objreg.check import check
from objreg.cli import main
from objreg.hub.smtp import MailFailed
from tests.mail import Post, mail_file

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path, cheap_passwords: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ``paste.ini`` names a ``mail.yml``."""
    (tmp_path / 'stores.yml').write_text('default: {driver: file, path: "${here}/var", sync: false}\n')
    (tmp_path / 'paste.ini').write_text((ROOT / 'paste.ini').read_text().replace('# mail =', 'mail = mail.yml'))
    mail_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    for variable in ('OBJREG_URL', 'OBJREG_TOKEN'):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def objreg(*arguments: str, given: str = '') -> Result:
    result = CliRunner().invoke(main, list(arguments), input=given)
    assert result.exit_code == 0, result.output
    return result


def test_a_command_ends_when_its_mail_was_sent(folder: Path, post: Post) -> None:
    objreg('user', 'add', 'alice', '--password-stdin', given='correct horse\n')
    shown = json.loads(objreg('user', 'email', 'alice', 'alice@example.org', '--json').stdout)
    assert [letter.to for letter in post.letters] == ['alice@example.org']
    assert (shown['email'], shown['email_proved']) == ('alice@example.org', False)


def test_an_invitation_is_sent_or_its_code_is_printed(folder: Path, post: Post) -> None:
    sent = objreg('user', 'invite', '--mail', 'bob@example.org')
    assert (sent.stdout, sent.stderr) == ('', 'sent to bob@example.org\n')
    assert [letter.to for letter in post.letters] == ['bob@example.org']
    post.failure = MailFailed('the server said 451 later')
    kept = objreg('user', 'invite', '--mail', 'bob@example.org')
    assert kept.stdout.startswith('objreg_code_') and 'could not send it' in kept.stderr


def test_the_file_is_checked_with_the_rest(folder: Path) -> None:
    assert check('paste.ini').problems == []
    mail_file(folder, tls='what')
    problem, = check('paste.ini').problems
    assert '[filter:hub] mail: ' in problem and "tls: 'what' is none of" in problem
