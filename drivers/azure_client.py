"""The client of the `azure` driver: credentials, connections, signed URLs, and the two calls that have to stream."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import quote

import requests
from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import (
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    UserDelegationKey,
    generate_blob_sas,
)

from objreg.drivers import options, sessions
from objreg.drivers.bodies import Window, md5_of
from objreg.drivers.transport import Transport, after_fork
from objreg.store import CHUNK

_VERSION = '2026-02-06'
"""The protocol that is spoken, whatever the library knows beside: the first that lists from a given name on."""
_WEEK = timedelta(days=7)
"""How long a key of an identity signs."""
_SKEW = timedelta(minutes=15)
"""By how much the clocks of this machine and of Azure may differ."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose requests they are; with neither a key nor a SAS: of the identity that azure-identity finds."""

    account: str
    endpoint: str
    account_key: str = ''
    sas_token: str = ''

    def __post_init__(self) -> None:
        options.needed(account=self.account)
        if self.account_key and self.sas_token:
            raise ValueError('account_key: either it or sas_token')
        with _as_option('account_key'):
            base64.b64decode(self.account_key, validate=True)
        if not self.endpoint.startswith(('https://', 'http://')):
            raise ValueError(f'endpoint: {self.endpoint!r} is no URL')
        if not (self.account_key or self.sas_token or self.endpoint.startswith('https://')):
            raise ValueError('endpoint: a token is sent by https only; set account_key or sas_token')

    def of_library(self) -> Any:
        """What the library takes for them."""
        if self.account_key:
            return {'account_name': self.account, 'account_key': self.account_key}
        return self.sas_token.lstrip('?') or _identity()


def credentials(
    account: str, endpoint: str, account_key: str, sas_token: str, connection_string: str
) -> Credentials:
    """From the options; what a connection string says stands where another option says nothing."""
    with _as_option('connection_string'):
        said = dict(part.split('=', 1) for part in connection_string.split(';') if part.strip())
    account = account or said.get('AccountName', '')
    scheme, suffix = said.get('DefaultEndpointsProtocol', 'https'), said.get('EndpointSuffix', 'core.windows.net')
    return Credentials(
        account, (endpoint or said.get('BlobEndpoint') or f'{scheme}://{account}.blob.{suffix}').rstrip('/'),
        account_key or said.get('AccountKey', ''), sas_token or said.get('SharedAccessSignature', ''),
    )


class Answer(NamedTuple):
    """An answer whose body is still to come."""

    headers: Mapping[str, str]
    chunks: Iterator[bytes]
    response: requests.Response

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()


class Account:
    """The account, and one container of it.  Many threads may share it."""

    def __init__(self, of: Credentials, transport: Transport, container: str, public_endpoint: str) -> None:
        self._of = of
        self.session = requests.Session()
        sessions.set_up(self.session, of.endpoint, transport.pool)
        self._public = public_endpoint.rstrip('/') or of.endpoint
        pipe = RequestsTransport(
            session=self.session, connection_timeout=transport.connect_timeout, read_timeout=transport.read_timeout,
            connection_verify=transport.verify, connection_data_block_size=CHUNK,
        )
        self.service = BlobServiceClient(
            of.endpoint, of.of_library(), api_version=_VERSION, transport=pipe, retry_total=0, user_agent='objreg',
        )
        self.container = self.service.get_container_client(container)
        self._key: UserDelegationKey | None = None
        self._key_until = datetime.min.replace(tzinfo=UTC)
        self._lock = Lock()
        after_fork(self.session, requests.Session.close)

    @property
    def can_sign(self) -> bool:
        """Whether it can make URLs for strangers; one's own SAS is not theirs to see."""
        return not self._of.sas_token

    def blob(self, name: str) -> BlobClient:
        """The client of a blob."""
        return self.container.get_blob_client(name)

    def get(self, name: str, wanted: str | None) -> Answer:
        """Read a blob, or a range of it.  The library's own `download_blob` keeps 32 MiB in memory, and retries."""
        response, chunks = self.blob(name)._client.blob.download(range=wanted, decompress=False, cls=_as_it_comes)
        return Answer(response.headers, chunks, response.internal_response)

    def put(self, name: str, data: bytes | Window, *, if_absent: bool) -> None:
        """Write a blob by one request.  The library's own `upload_blob` reads all of it into memory for that."""
        self.blob(name)._client.block_blob.upload(
            len(data), data, transactional_content_md5=md5_of(data),
            headers={'If-None-Match': '*'} if if_absent else {},
        )

    def put_block(self, name: str, block: str, data: bytes | Window) -> None:
        """Write a block, which nobody sees until a list of blocks is committed."""
        self.blob(name)._client.block_blob.stage_block(
            base64.b64encode(block.encode()).decode(), len(data), data,
            transactional_content_md5=md5_of(data),
        )

    def source(self, name: str) -> str:
        """The URL by which Azure itself reads a blob that it is to copy."""
        if self._of.sas_token:
            return self.blob(name).url
        return f'{self.blob(name).url}?{self._sas(name, timedelta(hours=1))}'

    def signed(self, name: str, seconds: int, content_type: str | None) -> str:
        """A URL by which anyone may read a blob for that long."""
        sas = self._sas(name, timedelta(seconds=max(1, seconds)), content_type)
        return f'{self._public}/{self.container.container_name}/{quote(name, safe="/~")}?{sas}'

    def close(self) -> None:
        """Give back the connections."""
        self.service.close()
        self.session.close()

    def _sas(self, name: str, span: timedelta, content_type: str | None = None) -> str:
        span = min(span, _WEEK - 2 * _SKEW)
        key = self._of.account_key
        signing: dict[str, Any] = {'account_key': key} if key else {'user_delegation_key': self._delegated(span)}
        return generate_blob_sas(
            self._of.account, self.container.container_name, name, permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + span, content_type=content_type, **signing,
        )

    def _delegated(self, span: timedelta) -> UserDelegationKey:
        """The key by which an identity signs, asked for once in some days; it must outlive what it signs."""
        with self._lock:
            now = datetime.now(UTC)
            if self._key is None or self._key_until < now + span + _SKEW:
                until = now + _WEEK - _SKEW
                self._key = self.service.get_user_delegation_key(now - _SKEW, until)
                self._key_until = until
            return self._key


def _as_it_comes(answer: Any, chunks: Iterator[bytes], _: Any) -> tuple[Any, Iterator[bytes]]:
    return answer.http_response, chunks


def _identity() -> TokenCredential:
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise ValueError(
            'account_key: needed, or sas_token, or an identity of this machine by: pip install azure-identity'
        ) from error
    return DefaultAzureCredential()


@contextlib.contextmanager
def _as_option(option: str) -> Iterator[None]:
    """What cannot be read of an option is wrong; what it is, is a secret."""
    try:
        yield
    except (ValueError, binascii.Error) as error:
        raise ValueError(f'{option}: not what Azure gives out') from error
