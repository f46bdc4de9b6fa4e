"""One mail, by SMTP: written so that no text in it becomes a header, and sent to exactly one address."""

from __future__ import annotations

import re
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import NamedTuple

from objreg.hub.mail_file import MailSettings
from objreg.hub.mailboxes import AddressRefused, check_address

_CODE = re.compile(r'objreg_code_\w+')
_LONGEST = 300


class Letter(NamedTuple):
    """What is sent, and to which address."""

    to: str
    subject: str
    text: str


class MailFailed(Exception):
    """It was not taken; `is_final`: nor would it be later.  The text is for the log, without what is secret."""

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        super().__init__(_CODE.sub('objreg_code_…', ' '.join(text.split()))[:_LONGEST])
        self.is_final = is_final


def send(settings: MailSettings, letter: Letter) -> None:
    """Send it now; raises `MailFailed`.  Each answer of the server is waited for as long as `timeout` says."""
    try:
        made = message(settings, letter)
        with _connected(settings) as server:
            if settings.user:
                server.login(settings.user, settings.password)
            server.send_message(made, settings.sender.addr_spec, [letter.to])
    except AddressRefused as error:
        raise MailFailed(str(error), is_final=True) from error
    except smtplib.SMTPRecipientsRefused as error:
        code, text = error.recipients[letter.to]
        raise MailFailed(_told(code, text), is_final=code >= 500) from error
    except smtplib.SMTPResponseException as error:
        raise MailFailed(_told(error.smtp_code, error.smtp_error), is_final=error.smtp_code >= 500) from error
    except (OSError, ssl.SSLError, ValueError) as error:  # smtplib's other errors are the first
        raise MailFailed(f'{settings.host}:{settings.port}: {type(error).__name__}: {error}') from error


def message(settings: MailSettings, letter: Letter) -> EmailMessage:
    """The mail itself; raises `AddressRefused`."""
    made = EmailMessage()
    made['From'] = settings.sender
    made['To'] = Address(addr_spec=check_address(letter.to))
    made['Subject'] = ' '.join(letter.subject.split())
    made['Date'] = formatdate()
    made['Message-ID'] = make_msgid(domain=settings.sender.domain)
    made['Auto-Submitted'] = 'auto-generated'
    made.set_content(letter.text, cte='8bit' if letter.text.isascii() else 'quoted-printable')
    return made


def _connected(settings: MailSettings) -> smtplib.SMTP:
    if settings.tls == 'tls':
        context = settings.context()
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
    try:
        if settings.tls == 'starttls':
            server.starttls(context=settings.context())
    except Exception:
        server.close()
        raise
    return server


def _told(code: int, text: bytes | str) -> str:
    shown = text.decode('utf-8', 'replace') if isinstance(text, bytes) else text
    return f'the server said {code} {shown}'
