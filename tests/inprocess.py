"""A client of the pipeline in this process, that gives it requests as a server would and looks at each answer."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from objreg import access
from objreg.app import RegistryApp
from objreg.drivers.memory import MemoryStore
from objreg.manifest import OCI_MANIFEST
from objreg.middleware.dedup import Dedup
from objreg.names import Digest
from objreg.registry import Registry
from objreg.resources.base import Settings
from objreg.store import Store
from tests import documents


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        """The one header of that name."""
        values = self.all(name)
        assert len(values) == 1, f'{name}: {values} in {self}'
        return values[0]

    def all(self, name: str) -> list[str]:
        """The headers of that name."""
        return [value for header, value in self.headers if header.lower() == name.lower()]

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the error."""
        code: str = self.json()['errors'][0]['code']
        return code


class Stream(io.RawIOBase):
    """A body that a server hands on as it comes: it can be read once, and may break off."""

    def __init__(self, pieces: Iterable[bytes], error: OSError | None = None) -> None:
        self._pieces = iter(pieces)
        self._left = b''
        self._error = error

    def read(self, size: int = -1) -> bytes:
        self._left = self._left or next(self._pieces, b'')
        if not self._left and self._error is not None:
            raise self._error
        size = len(self._left) if size < 0 else size
        piece, self._left = self._left[:size], self._left[size:]
        return piece


@dataclass(frozen=True)
class User:
    """Somebody who may do what `rights` say: names of repositories by action."""

    subject: str
    rights: Mapping[str, Iterable[str]]
    is_unrestricted: bool = False

    def may(self, action: str, name: str) -> bool:
        """Whether it is granted."""
        return name in self.rights.get(action, ())


class Client:
    """Calls the pipeline (dedup and the storage application) over a store."""

    def __init__(
        self, store: Store | None = None, *, as_user: User | None = None, registry: Registry | None = None,
        **settings: Any,
    ) -> None:
        self.registry = registry or Registry(store or MemoryStore())
        self.store = self.registry.store
        self.registry.start()
        self.app = Dedup(RegistryApp(self.registry, Settings(**settings)), registry=self.registry)
        self.user = as_user

    def __call__(
        self, method: str, target: str, body: bytes | Stream = b'', headers: Mapping[str, str] | None = None, *,
        user: User | None = None, length: int | None = None, environ: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One request; a `Stream` is a chunked body (or one of `length`) of a server that does not spool it."""
        answer = self.send(method, target, body, headers, user=user, length=length, environ=environ)
        _check(method, answer)
        return answer

    def send(
        self, method: str, target: str, body: bytes | Stream = b'', headers: Mapping[str, str] | None = None, *,
        user: User | None = None, length: int | None = None, environ: Mapping[str, Any] | None = None,
    ) -> Answer:
        """The same, whatever version of the API it is of."""
        environ = _environ(method, target, body, headers or {}, length) | dict(environ or {})
        if user or self.user:
            environ[access.KEY] = user or self.user
        given: list[Any] = []
        result = self.app(environ, lambda status, headers, _=None: given.extend((status, headers)))  # type: ignore
        try:
            content = b''.join(result)
        finally:
            getattr(result, 'close', lambda: None)()
        status, received = given
        for header, value in received:
            assert isinstance(value, str) and not set(value) & set('\r\n\0'), f'{header}: {value!r}'
            value.encode('latin-1')
        return Answer(int(status.split()[0]), received, content)

    # What clients do, step by step

    def push_blob(self, name: str, data: bytes) -> str:
        """Push a blob whose digest is said at once; tells the digest."""
        digest = str(Digest.of(data))
        answer = self('POST', f'/v2/{name}/blobs/uploads/?digest={digest}', data)
        assert answer.status == 201, answer
        return digest

    def push(self, name: str, reference: str, manifest: bytes, media_type: str = OCI_MANIFEST, **more: Any) -> Answer:
        """PUT a manifest."""
        return self('PUT', f'/v2/{name}/manifests/{reference}', manifest, {'Content-Type': media_type}, **more)

    def push_image(self, name: str, tag: str, *layers: bytes, **more: Any) -> bytes:
        """Push an image with its blobs; tells the bytes of the manifest."""
        for data in (documents.CONFIG, *layers):
            self.push_blob(name, data)
        manifest = documents.image(*layers, **more)
        answer = self.push(name, tag, manifest)
        assert answer.status == 201, answer
        return manifest

    def start(self, name: str, **more: Any) -> str:
        """Begin an upload; tells its URL."""
        answer = self('POST', f'/v2/{name}/blobs/uploads/', **more)
        assert answer.status == 202, answer
        return answer['Location']

    def pages(self, target: str) -> list[Answer]:
        """A listing, page after page, as ``Link`` leads."""
        pages = [self('GET', target)]
        while links := pages[-1].all('Link'):
            assert len(pages) < 1000, 'Link leads round and round'
            address, _, relation = links[0].partition('>; ')
            assert relation == 'rel="next"', links
            pages.append(self('GET', address.removeprefix('<')))
        return pages


def _environ(
    method: str, target: str, body: bytes | Stream, headers: Mapping[str, str], length: int | None
) -> dict[str, Any]:
    path, _, query = target.partition('?')
    environ: dict[str, Any] = {
        'REQUEST_METHOD': method, 'SCRIPT_NAME': '', 'PATH_INFO': unquote_to_bytes(path).decode('latin-1'),
        'QUERY_STRING': query, 'SERVER_NAME': 'localhost', 'SERVER_PORT': '5000', 'SERVER_PROTOCOL': 'HTTP/1.1',
        'HTTP_HOST': 'localhost:5000', 'REMOTE_ADDR': '127.0.0.1', 'wsgi.url_scheme': 'http', 'wsgi.version': (1, 0),
        'wsgi.errors': io.StringIO(), 'wsgi.multithread': True, 'wsgi.multiprocess': True, 'wsgi.run_once': False,
    }
    if isinstance(body, bytes):
        environ |= {'wsgi.input': io.BytesIO(body), 'wsgi.input_terminated': True, 'CONTENT_LENGTH': str(len(body))}
    elif length is None:
        environ |= {'wsgi.input': body, 'HTTP_TRANSFER_ENCODING': 'chunked'}
    else:
        environ |= {'wsgi.input': body, 'CONTENT_LENGTH': str(length)}
    for name, value in headers.items():
        variable = name.upper().replace('-', '_')
        environ[variable if variable in ('CONTENT_TYPE', 'CONTENT_LENGTH') else f'HTTP_{variable}'] = value
    return environ


def _check(method: str, answer: Answer) -> None:
    """What holds for every answer."""
    assert answer.all('Docker-Distribution-Api-Version') == ['registry/2.0'], answer
    lengths = answer.all('Content-Length')
    assert len(lengths) <= 1, answer
    if method == 'HEAD' or answer.status in (204, 304):
        assert answer.body == b'', answer
    elif lengths:
        assert int(lengths[0]) == len(answer.body), answer
    if answer.status >= 400 and method != 'HEAD':
        errors = answer.json()['errors']
        assert errors and all(set(error) <= {'code', 'message', 'detail'} for error in errors), answer
