"""A mail server (aiosmtpd) on a free port of 127.0.0.1, that keeps what it takes, or does what bad ones do."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.servers.process import free_ports

USER, PASSWORD = 'registry', 'a secret of the registry'


def certificate(folder: Path) -> tuple[Path, Path]:
    """Of ``localhost``: the certificate, which is its own authority, and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    made, key = folder / 'smtp.crt', folder / 'smtp.key'
    subprocess.run([
        'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', made, '-days', '2',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
    ], check=True, capture_output=True)
    return made, key


class MailServer:
    """`tls` is ``starttls``, ``tls`` or ``none``; with one of the first two it wants `USER` and `PASSWORD`.

    `answers` are what it says to the next mails instead of taking them.
    """

    def __init__(self, folder: Path, tls: str = 'starttls') -> None:
        self.folder = folder
        self.tls = tls
        self.port = free_ports(1)
        self.answers: list[str] = []
        self.peers: list[tuple[str, list[str]]] = []
        self._taken: list[EmailMessage] = []
        self._came = threading.Condition()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """aiosmtpd's: the answer to a mail."""
        with self._came:
            if self.answers:
                return self.answers.pop(0)
            self.peers.append((envelope.mail_from, list(envelope.rcpt_tos)))
            self._taken.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default)))
            self._came.notify_all()
        return '250 taken'

    def next(self, seconds: float = 20) -> EmailMessage:
        """The mail that came first, once it did."""
        deadline = time.monotonic() + seconds
        with self._came:
            while not self._taken:
                assert (left := deadline - time.monotonic()) > 0, 'no mail came'
                self._came.wait(left)
            return self._taken.pop(0)

    def file(self, url: str, **more: Any) -> Path:
        """A ``mail.yml`` that names it."""
        lines: dict[str, Any] = {
            'url': url, 'from': 'Registry <registry@hub.example>', 'host': 'localhost', 'port': self.port,
            'tls': self.tls, 'timeout': 5,
        }
        if self.tls != 'none':
            lines |= {'user': USER, 'password': PASSWORD, 'ca': self.folder / 'smtp.crt'}
        path = self.folder / 'mail.yml'
        path.write_text(''.join(f'{name}: {value}\n' for name, value in (lines | more).items()))
        return path

    def __enter__(self) -> Self:
        made, key = certificate(self.folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made, key)
        options: dict[str, Any] = {
            'none': {}, 'tls': {'ssl_context': context, 'auth_require_tls': False},
            'starttls': {'tls_context': context, 'require_starttls': True},
        }[self.tls]
        if self.tls != 'none':
            options |= {'authenticator': _known, 'auth_required': True}
        self._controller = Controller(self, hostname='localhost', port=self.port, **options)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._controller.stop()


def _known(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    is_right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


class BadServer:
    """Accepts connections, and does one thing with each."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._listening = socket.create_server(('127.0.0.1', 0))
        self._act = act
        self._open: list[socket.socket] = []
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._open:
            one.close()

    def _work(self) -> None:
        while True:
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(one)
            self._act(one)
