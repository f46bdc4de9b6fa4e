"""The boto3 client of the `s3` driver: credentials, and what makes it cheaper than its defaults.

boto3 spends more processor time on a small call than a store nearby needs to answer it.  What nobody asked for is left
out: retries (a wrapping store does them), checksums beside the signed one, a user agent put together anew for each
request, the validation of parameters, and the general parser of dates.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ProfileNotFound
from botocore.handlers import add_expect_header

from objreg.drivers.transport import Transport, after_fork

_LARGE = 1024**2
"""Bytes of a body worth asking for before they are sent."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose requests they are; all empty: boto3 looks in the environment, its files, and for the role of the host."""

    access_key: str = ''
    secret_key: str = ''
    session_token: str = ''
    profile: str = ''
    file: str = ''

    def __post_init__(self) -> None:
        if bool(self.access_key) != bool(self.secret_key):
            raise ValueError('access_key and secret_key belong together: one of them is missing')
        if self.access_key and (self.profile or self.file):
            raise ValueError('either access_key and secret_key, or profile and credentials_file')


def session(credentials: Credentials) -> boto3.session.Session:
    """A session of its own for each store: two may have different credentials."""
    core = botocore.session.Session(profile=credentials.profile or None)
    if credentials.file:
        if not os.path.isfile(credentials.file):
            raise ValueError(f'credentials_file: there is no {credentials.file}')
        core.set_config_variable('credentials_file', credentials.file)
    core.get_component('response_parser_factory').set_parser_defaults(timestamp_parser=parse_time)
    with _as_options():
        return boto3.session.Session(
            botocore_session=core, aws_access_key_id=credentials.access_key or None,
            aws_secret_access_key=credentials.secret_key or None, aws_session_token=credentials.session_token or None,
        )


def client(
    boto: boto3.session.Session, endpoint: str, region: str, addressing: str, transport: Transport
) -> Any:
    """A client for that endpoint, which many threads may share."""
    # the server checks the SHA-256 of the body that the signature carries; one reading, and faster than MD5
    s3: Any = {'addressing_style': addressing, 'payload_signing_enabled': True}
    config = Config(
        user_agent='objreg',
        signature_version='s3v4',
        s3=s3,
        request_checksum_calculation='when_required',
        response_checksum_validation='when_required',
        retries={'mode': 'standard', 'total_max_attempts': 1},
        parameter_validation=False,
        max_pool_connections=transport.pool,
        connect_timeout=transport.connect_timeout,
        read_timeout=transport.read_timeout,
        tcp_keepalive=True,
    )
    with _as_options():
        made = boto.client('s3', endpoint_url=endpoint or None, region_name=region or None,
                           verify=transport.ca_bundle or None, config=config)
    events = made.meta.events
    events.register('request-created.s3.DeleteObjects', _check_by_md5)
    events.unregister('before-call.s3', add_expect_header)
    events.register('before-call.s3', _expect)
    after_fork(made, BaseClient.close)
    return made


@contextlib.contextmanager
def _as_options() -> Iterator[None]:
    """What boto3 finds wrong before any request is wrong in the options, or in the files that they name."""
    try:
        yield
    except ProfileNotFound as error:
        raise ValueError(f'profile: {error}') from error
    except (BotoCoreError, ValueError) as error:
        raise ValueError(f'endpoint, region or pool: {error}') from error


def parse_time(text: str) -> datetime:
    """A time of S3's XML (ISO 8601) or of an HTTP header; boto3's own parser takes 30 times as long."""
    return datetime.fromisoformat(text) if text[:1].isdigit() else parsedate_to_datetime(text)


def _check_by_md5(request: Any, **_: Any) -> None:
    """Every server knows this header with a DeleteObjects; some refuse the newer ones that boto3 sends."""
    for name in [name for name in request.headers if name.lower().startswith(('x-amz-checksum', 'x-amz-sdk-checksum'))]:
        del request.headers[name]
    digest = hashlib.md5(request.data, usedforsecurity=False).digest()
    request.headers['Content-MD5'] = base64.b64encode(digest).decode()


def _expect(params: dict[str, Any], **_: Any) -> None:
    """Ask before sending a large body, and only then: it takes the server an answer more."""
    body = params.get('body')
    if isinstance(body, Sized) and len(body) > _LARGE:
        params['headers']['Expect'] = '100-continue'
