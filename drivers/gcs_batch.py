"""Deletions of the `gcs` driver, many in one request.

Google's library does that too, but does not number what it asks for, and so relies on the order of the answers.
"""

from __future__ import annotations

import email
import json
import secrets
from collections.abc import Iterator, Sequence
from email.message import Message

import requests
from google.api_core.exceptions import GoogleAPICallError, from_http_status

MANY = 100
"""How many requests Google takes in one."""


def deletions(paths: Sequence[str]) -> tuple[bytes, str]:
    """A request that deletes all that lies at these paths, and its type."""
    boundary = secrets.token_hex(16)
    lines = [
        f'--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <{boundary}+{number}>\r\n\r\n'
        f'DELETE {path} HTTP/1.1\r\n\r\n\r\n'
        for number, path in enumerate(paths)
    ]
    return f'{"".join(lines)}--{boundary}--\r\n'.encode(), f'multipart/mixed; boundary={boundary}'


def failures(answer: requests.Response, count: int) -> Iterator[tuple[int, GoogleAPICallError]]:
    """What went wrong with which of the `count` deletions; what has no answer went wrong with a status of 502."""
    kind = answer.headers.get('Content-Type', '')
    whole = email.message_from_bytes(f'Content-Type: {kind}\r\n\r\n'.encode() + answer.content)
    told = {_number(part): part for part in whole.walk() if part is not whole}
    for number in range(count):
        failed = _failure(told[number]) if number in told else _no_answer()
        if failed is not None:
            yield number, failed


def _number(part: Message) -> int:
    digits = str(part.get('Content-ID', '')).rpartition('+')[2].rstrip('>')
    return int(digits) if digits.isdigit() else -1


def _failure(part: Message) -> GoogleAPICallError | None:
    head, _, body = str(part.get_payload()).replace('\r\n', '\n').lstrip().partition('\n\n')
    status = head.split(' ', 2)[1:2]
    if not status or not status[0].isdigit():
        return _no_answer()
    if int(status[0]) < 300:
        return None
    try:
        told = json.loads(body)['error']
    except (ValueError, KeyError, TypeError):
        told = {}
    failed: GoogleAPICallError = from_http_status(
        int(status[0]), str(told.get('message', '')), errors=told.get('errors', ())
    )
    return failed


def _no_answer() -> GoogleAPICallError:
    failed: GoogleAPICallError = from_http_status(502, 'no answer')
    return failed
