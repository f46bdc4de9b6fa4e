"""Mail that was sent, for tests of what people do with it; nothing leaves this process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from objreg.hub import smtp
from objreg.hub.mailer import Mailer
from objreg.hub.smtp import Letter, MailFailed

URL = 'https://hub.example'


def mail_file(folder: Path, **more: Any) -> Path:
    """A ``mail.yml``."""
    lines = {'url': URL, 'from': 'Registry <registry@hub.example>', 'host': 'smtp.invalid', 'tls': 'none', **more}
    path = folder / 'mail.yml'
    path.write_text(''.join(f'{name}: {value}\n' for name, value in lines.items()))
    return path


class Post:
    """What was sent by the hubs of this process; `failure` is what the next attempts raise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.letters: list[Letter] = []
        self.failure: MailFailed | None = None
        self._mailers: set[Mailer] = set()
        later = Mailer.later
        monkeypatch.setattr(smtp, 'send', self._send)
        monkeypatch.setattr(Mailer, 'later', lambda mailer, write: self._mailers.add(mailer) or later(mailer, write))

    def _send(self, settings: Any, letter: Letter) -> None:
        smtp.message(settings, letter)
        if self.failure is not None:
            raise self.failure
        self.letters.append(letter)

    def close(self) -> None:
        """Nothing is sent any more."""
        for mailer in self._mailers:
            mailer.close(20)

    def of(self, hub: Any) -> list[Letter]:
        """What was sent since this was asked, once nothing is under way."""
        hub.mail.mailer.flush(20)
        taken, self.letters = self.letters, []
        return taken

    def one(self, hub: Any) -> Letter:
        """The one that was."""
        letter, = self.of(hub)
        return letter


def code_of(letter: Letter) -> str:
    """The code of its link."""
    found = re.search(r'#(\S+)', letter.text)
    assert found, letter
    return found[1]
