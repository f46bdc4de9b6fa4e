"""How the `gcs` driver speaks to Cloud Storage: credentials, connections, and the two requests that carry content.

Google's library does the rest of the protocol.  Content it would hold in memory (a body of up to 8 MiB whole, a larger
one in pieces, each a request of its own), so those two requests are made here, on the library's own session.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

import google.auth
import google_crc32c
import requests
from google.api_core.exceptions import GoogleAPICallError, from_http_response
from google.auth import iam
from google.auth.credentials import AnonymousCredentials, Credentials, Signing
from google.auth.exceptions import InvalidOperation
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud.storage import Client
from google.oauth2 import service_account

from objreg.drivers import gcs_batch, sessions
from objreg.drivers.bodies import Joined, Window, pieces_of
from objreg.drivers.transport import Transport, after_fork

ANONYMOUS = 'anonymous'
_SCOPES = ('https://www.googleapis.com/auth/cloud-platform',)
"""All that the roles of the account allow, signing by IAM included."""
_GOOGLE = 'https://storage.googleapis.com'


class Envelope(Joined):
    """An object and what is said of it as one body (``multipart/related``)."""

    def __init__(self, said: dict[str, Any], data: bytes | Window) -> None:
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(said)}\r\n'
            f'--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        self.content_type = f'multipart/related; boundary={boundary}'
        super().__init__(head.encode(), data, f'\r\n--{boundary}--\r\n'.encode())


class Session(AuthorizedSession):
    """Requests with a token, which is asked for once again when it is refused; none is tried twice otherwise."""

    def __init__(self, credentials: Credentials, endpoint: str, transport: Transport) -> None:
        self._tokens = requests.Session()
        self.token_request = Request(self._tokens)
        super().__init__(credentials, max_refresh_attempts=1, auth_request=self.token_request)
        self.verify = transport.verify
        sessions.set_up(self, endpoint or _GOOGLE, transport.pool)

    def request(  # type: ignore[override]
        self, method: str, url: str, data: Any = None, **options: Any
    ) -> requests.Response:
        """A request; a body that was sent with a refused token is sent again from its start."""
        if isinstance(data, Joined):
            data.rewind()
        answer: requests.Response = super().request(method, url, data=data, **options)
        return answer

    def close(self) -> None:
        """Close what is idle."""
        super().close()
        self._tokens.close()


class _ByIam(Signing):
    """Signs by a call to the IAM API, for credentials without a key of their own."""

    def __init__(self, credentials: Any, request: Request) -> None:
        self._email = str(credentials.service_account_email)
        self._signer = iam.Signer(request, credentials, self._email)

    def sign_bytes(self, message: bytes) -> bytes:
        signature: bytes = self._signer.sign(message)
        return signature

    @property
    def signer_email(self) -> str:
        return self._email

    @property
    def signer(self) -> iam.Signer:
        return self._signer


class Connection:
    """A client that is made when it is first used: looking for credentials may need the network."""

    def __init__(self, credentials: str, project: str, endpoint: str, transport: Transport) -> None:
        self._given = _given(credentials)
        self._project = project
        self._endpoint = endpoint
        self.transport = transport
        self._made: tuple[Client, Session] | None = None
        self._lock = Lock()
        after_fork(self, Connection.close)

    @property
    def client(self) -> Any:
        """The library's client (a `google.cloud.storage.Client`), shared by all threads."""
        return self._opened()[0]

    def read(self, bucket: str, name: str, wanted: dict[str, str]) -> requests.Response:
        """Ask for the content of an object; `wanted` are headers.  What is returned must be closed."""
        path = f'/download/storage/v1/b/{quote(bucket)}/o/{quote(name, safe="")}?alt=media'
        # what is stored is to come as it is
        return self._ask('GET', path, headers={'Accept-Encoding': 'identity', **wanted}, stream=True)

    def write(
        self, bucket: str, name: str, data: bytes | Window, metadata: dict[str, str], *, only_new: bool = False
    ) -> None:
        """Write an object, which the server does only if its CRC32C is what was sent; `only_new`: if there is none."""
        body = Envelope({
            'name': name, 'contentType': 'application/octet-stream', 'crc32c': _crc32c(data), 'metadata': metadata,
        }, data)
        query = {'uploadType': 'multipart', 'fields': 'generation', **({'ifGenerationMatch': '0'} if only_new else {})}
        path = f'/upload/storage/v1/b/{quote(bucket)}/o?{urlencode(query)}'
        self._ask('POST', path, data=body, headers={'Content-Type': body.content_type}).close()

    def delete(self, bucket: str, names: Sequence[str]) -> Iterator[tuple[int, GoogleAPICallError]]:
        """Delete up to a hundred objects by one request; what went wrong with which of them."""
        body, kind = gcs_batch.deletions([f'/storage/v1/b/{quote(bucket)}/o/{quote(name, safe="")}' for name in names])
        path = '/batch/storage/v1'
        with self._ask('POST', path, data=body, headers={'Content-Type': kind}) as answer:
            return gcs_batch.failures(answer, len(names))

    def signer(self, *, by_iam: bool) -> Signing | None:
        """What signs URLs; None where these credentials cannot."""
        _, session = self._opened()
        credentials: Any = session.credentials
        if isinstance(credentials, service_account.Credentials) or (by_iam and isinstance(credentials, Signing)):
            return credentials
        if not by_iam or not hasattr(credentials, 'service_account_email'):
            return None
        if not credentials.valid:
            credentials.refresh(session.token_request)  # which tells the name of the account
        return _ByIam(credentials, session.token_request)

    def close(self) -> None:
        """Close what is idle."""
        if self._made is not None:
            self._made[0].close()

    def _opened(self) -> tuple[Client, Session]:
        with self._lock:
            if self._made is None:
                credentials, project = self._given, getattr(self._given, 'project_id', None)
                if credentials is None:
                    credentials, project = google.auth.default(scopes=_SCOPES)
                session = Session(credentials, self._endpoint, self.transport)
                options = {'api_endpoint': self._endpoint} if self._endpoint else None
                try:
                    client: Any = Client(self._project or project, credentials, _http=session, client_options=options)
                except ValueError as error:  # they are of another cloud than Google's
                    raise InvalidOperation(error) from error
                # it asks for the bucket behind our back, at first and after each 404, for traces that nobody reads
                client._bucket_metadata_cache = None
                self._made = client, session
        return self._made

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        client, session = self._opened()
        answer = session.request(method, f'{client.api_endpoint}{path}', timeout=self.transport.timeout, **options)
        if answer.status_code >= 300:
            with answer:
                raise from_http_response(answer)
        return answer


def _given(text: str) -> Credentials | None:
    """The credentials of the option; None: those of the environment."""
    if not text:
        return None
    if text == ANONYMOUS:
        return AnonymousCredentials()
    try:
        key = json.loads(text)
        found = service_account.Credentials.from_service_account_info(key, scopes=_SCOPES)
    except (ValueError, TypeError, AttributeError):
        raise ValueError('credentials: neither the JSON of the key of a service account, nor anonymous') from None
    # signs its own tokens: no server of tokens needs to be asked
    made: Credentials = found.with_always_use_jwt_access(True)
    return made


def _crc32c(data: bytes | Window) -> str:
    """What the server checks a body by; a window is left at its start."""
    checksum = google_crc32c.Checksum()
    for piece in pieces_of(data):
        checksum.update(piece)
    return base64.b64encode(checksum.digest()).decode()
