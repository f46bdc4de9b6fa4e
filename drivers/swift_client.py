"""How the `swift` driver speaks to an account: its token, its connections, one request.

A token is asked for again before it expires, and once when the server refuses it in the middle of work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from keystoneauth1 import session as keystone
from keystoneauth1.exceptions import EndpointNotFound
from keystoneauth1.plugin import BaseAuthPlugin
from swiftclient.authv1 import PasswordPlugin
from swiftclient.client import HTTPConnection
from swiftclient.exceptions import ClientException
from urllib3.exceptions import ProtocolError

from objreg.drivers import reading, sessions
from objreg.drivers.bodies import Window
from objreg.drivers.keystone import Login
from objreg.drivers.transport import Transport, after_fork

_KINDS = ('v3', 'v1')


@dataclass(frozen=True)
class Credentials(Login):
    """Who asks, and for which account; see the options of the driver."""

    auth: str
    storage_url: str

    def plugin(self) -> BaseAuthPlugin:
        if self.auth not in _KINDS:
            raise ValueError(f'auth: {self.auth!r} is neither v3 nor v1')
        if self.auth == 'v3':
            return super().plugin()
        self._check()
        self._need('username', 'password')
        v1: BaseAuthPlugin = PasswordPlugin(self.auth_url, self.username, self.password)
        return v1


class Answer:
    """What the server said.  An answer that is streamed holds its connection until it is closed."""

    def __init__(self, account: Account, connection: HTTPConnection, *, stream: bool) -> None:
        self._account = account
        self._connection: HTTPConnection | None = connection
        self._response = connection.getresponse()
        self.status: int = self._response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in self._response.getheaders()}
        """By names in lower case."""
        self.body = b''
        if 'date' not in self.headers:
            # every answer says it, and last; http.client takes headers amid which the connection ended for all of them
            self._response.close()
            raise ProtocolError('the connection ended amid the headers of the answer')
        if not stream or self.status >= 400:
            self.body = self._response.read()
            self.close()

    def chunks(self, size: int) -> Iterator[bytes]:
        """At most `size` bytes of a streamed body; fewer when the connection ends before."""
        return reading.chunks(self._response.read, size)

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back; one with something left to read in it is not used again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._response.close()
            self._account.keep(connection)


class Account:
    """The account that the credentials open.  Safe to be used by many threads."""

    def __init__(self, credentials: Credentials, transport: Transport) -> None:
        self._plugin = credentials.plugin()
        self._credentials = credentials
        self._transport = transport
        self._session = keystone.Session(
            auth=self._plugin, verify=transport.verify, timeout=transport.read_timeout,
        )
        self._idle: deque[HTTPConnection] = deque(maxlen=transport.pool)
        after_fork(self, Account.forget)

    def url(self) -> str:
        """Where the account is, without a slash at its end."""
        found = self._credentials.storage_url or self._plugin.get_endpoint(
            self._session, service_type='object-store', region_name=self._credentials.region or None,
            interface=self._credentials.interface, skip_discovery=True,
        )
        if not found:
            raise EndpointNotFound('no object-store in the catalogue')
        return str(found).rstrip('/')

    def ask(
        self, method: str, *place: str, query: str = '', headers: Mapping[str, str] | None = None,
        data: bytes | Window = b'', stream: bool = False,
    ) -> Answer:
        """One request to the account, a container or an object (`place`); raises what swiftclient has for errors."""
        path = '/'.join(quote(part) for part in place) + (f'?{query}' if query else '')
        token = self._token()
        answer = self._ask(method, path, {**(headers or {}), 'X-Auth-Token': token}, data, stream=stream)
        if answer.status == 401:
            self._renew(token)
            if isinstance(data, Window):
                data.seek(0)
            answer = self._ask(method, path, {**(headers or {}), 'X-Auth-Token': self._token()}, data, stream=stream)
        if answer.status >= 400:
            raise ClientException(
                f'{method} failed', http_status=answer.status, http_response_headers=answer.headers,
                http_response_content=answer.body,
            )
        return answer

    def _ask(
        self, method: str, path: str, headers: dict[str, str], data: bytes | Window, *, stream: bool
    ) -> Answer:
        url = self.url()
        connection = self._connection(url)
        try:
            slash = '/' if path and not path.startswith('?') else ''
            connection.request(method, f'{urlsplit(url).path}{slash}{path}', data or None, headers)
            return Answer(self, connection, stream=stream)
        except BaseException:
            connection.close()
            raise

    def info(self) -> Any:
        """What the server tells everybody of itself; None when it does not."""
        url = self.url()
        path = urlsplit(url).path.partition('/v1')[0] + '/info'
        connection = self._connection(url)
        connection.request('GET', path)
        with Answer(self, connection, stream=False) as answer:
            return answer.body if answer.status == 200 else None

    def keep(self, connection: HTTPConnection) -> None:
        """Take back a connection for the next request."""
        if len(self._idle) < (self._idle.maxlen or 0):
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()
        self._session.session.close()

    def forget(self) -> None:
        """Let go of all connections without a word to the server."""
        self._idle.clear()

    def _connection(self, url: str) -> HTTPConnection:
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._connect(url)
        if connection.host == urlsplit(url).netloc:
            return connection
        connection.close()
        return self._connect(url)

    def _connect(self, url: str) -> HTTPConnection:
        transport = self._transport
        made = HTTPConnection(url, cacert=transport.ca_bundle or None, timeout=transport.timeout)
        sessions.set_up(made.request_session, url, 1)
        return made

    def _token(self) -> str:
        return str(self._plugin.get_token(self._session))

    def _renew(self, refused: str) -> None:
        """Another token than that one, unless another thread has got it already."""
        if self._token() == refused:
            self._plugin.invalidate()
