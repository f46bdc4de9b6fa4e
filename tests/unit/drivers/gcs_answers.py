"""What Cloud Storage answers, for a scripted server, and a store that asks it."""

from __future__ import annotations

import json
from typing import Any

from objreg.drivers.gcs import GcsStore
from tests.servers.gcs_buckets import account_key
from tests.unit.drivers.scripted import Answer, Scripted

NO_BUCKET = 'The specified bucket does not exist.'
STAT = {'name': 'k', 'size': '3', 'updated': '2026-11-24T04:49:05.850Z', 'etag': 'CJD'}
GONE = 'HTTP/1.1 204 No Content\r\n\r\n'
"""What became of one deletion of several."""


def make(server: Scripted, **options: Any) -> GcsStore:
    """A store on that server."""
    given = {'bucket': 'b', 'endpoint': server.url, 'credentials': account_key(), 'read_timeout': 2}
    return GcsStore(**{**given, **options})


def refusal(status: int, reason: str, said: str = 'told', **headers: str) -> Answer:
    """An error as Google's JSON API answers it."""
    told = {'code': status, 'message': said, 'errors': [{'message': said, 'domain': 'global', 'reason': reason}]}
    kind = {'Content-Type': 'application/json; charset=UTF-8'}
    return Answer(status, json.dumps({'error': told}).encode(), kind | {
        name.replace('_', '-'): value for name, value in headers.items()
    })


def found(**told: Any) -> Answer:
    """What Google tells of an object, a bucket or a listing."""
    return Answer(200, json.dumps(told).encode(), {'Content-Type': 'application/json; charset=UTF-8'})


def text(status: int, said: str) -> Answer:
    """An error as it comes of a download."""
    return Answer(status, said.encode(), {'Content-Type': 'text/html; charset=UTF-8'})


def batch(*answers: str) -> Answer:
    """What Google answers to several requests in one, in no order."""
    parts = [
        f'--x\r\nContent-Type: application/http\r\nContent-ID: <response-b+{at}>\r\n\r\n{answer}\r\n'
        for at, answer in enumerate(answers)
    ]
    return Answer(200, f'{"".join(reversed(parts))}--x--'.encode(), {'Content-Type': 'multipart/mixed; boundary=x'})


def failing(status: int, reason: str, said: str = 'told') -> str:
    """What became of one deletion of several that failed."""
    body = json.dumps({'error': {'code': status, 'message': said, 'errors': [{'message': said, 'reason': reason}]}})
    return f'HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n\r\n{body}'
