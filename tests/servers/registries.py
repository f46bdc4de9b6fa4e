"""Registries as processes on free ports of 127.0.0.1: this one, and the CNCF registry that it is compared with."""

from __future__ import annotations

import configparser
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from http.client import HTTPMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from objreg.manifest import OCI_MANIFEST
from tests.servers.process import free_ports, is_listening

EMPTY = {
    'mediaType': 'application/vnd.oci.empty.v1+json', 'size': 2,
    'digest': 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
}
ROOT = Path(__file__).resolve().parents[2]

QUIET = {'filter:errors': {'log': 'none'}, 'app:registry': {'redirect': 'never'}}
"""Options of `Objreg` for measurements: the other registry writes no line for each request either."""


EVERYBODY = {'filter:auth': {'type': 'none'}}
"""Options of `Objreg` for whoever does not ask as somebody does who sits at this machine."""


class Server:
    """A process that listens on `port`; started and stopped by ``with``."""

    name = ''
    where = ROOT
    """Where it is run."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port or free_ports(1)
        self.log = folder / f'{self.name}.log'

    def command(self) -> list[str]:
        """What to run."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """With these variables."""
        return dict(os.environ)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open('ab') as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment(),
                cwd=self.where,
                start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while not is_listening(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f'{self.name} did not start: {self.log.read_text()[-2000:]}')
            time.sleep(0.05)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait(self, seconds: float) -> int:
        """The exit status, when it ends by itself."""
        return self._process.wait(seconds)

    def children(self) -> list[int]:
        """The processes that it started."""
        found = Path(f'/proc/{self.pid}/task/{self.pid}/children').read_text()
        return [int(pid) for pid in found.split()]

    def must(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HTTPMessage:
        """One request that has to succeed; the headers of its answer."""
        status, answer, found = self.call(method, path, headers, body)
        if status >= 300:
            raise RuntimeError(f'{self.name}: {method} {path}: {status} {answer[:200]!r}')
        return found

    def fill(self, repositories: Iterable[str], tags: Iterable[str]) -> None:
        """Push an artifact of a few bytes under all these tags of all these repositories."""
        manifest = json.dumps({
            'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'config': EMPTY, 'layers': [EMPTY],
        }).encode()
        tags = list(tags)
        for name in repositories:
            started = self.must('POST', f'/v2/{name}/blobs/uploads/', body=b'')
            place = started['Location'].removeprefix(f'http://127.0.0.1:{self.port}')
            self.must('PUT', f'{place}&digest={EMPTY["digest"]}', body=b'{}')
            for tag in tags:
                self.must('PUT', f'/v2/{name}/manifests/{tag}', {'Content-Type': OCI_MANIFEST}, manifest)

    @property
    def pid(self) -> int:
        """The process that was started; its workers, if there are any, are its children."""
        return self._process.pid

    def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, bytes, HTTPMessage]:
        """One request; status, body and headers of its answer."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()


class Peer(Server):
    """The CNCF registry, as Debian packages it."""

    name = 'peer'

    def __init__(
        self, folder: Path, storage: dict[str, Any], *, cache: bool, port: int = 0, auth: dict[str, Any] | None = None
    ) -> None:
        super().__init__(folder, port)
        self._document = {
            'version': 0.1, 'log': {'level': 'error', 'accesslog': {'disabled': True}},
            'http': {'addr': f'127.0.0.1:{self.port}'},
            **({'auth': auth} if auth else {}),
            'storage': {
                **storage, 'delete': {'enabled': True}, 'maintenance': {'uploadpurging': {'enabled': False}},
                **({'cache': {'blobdescriptor': 'inmemory'}} if cache else {}), 'redirect': {'disable': True},
            },
        }

    def command(self) -> list[str]:
        path = self.folder / 'peer.yml'
        path.write_text(json.dumps(self._document))  # JSON is YAML
        return ['docker-registry', 'serve', str(path)]

    def environment(self) -> dict[str, str]:
        # it does not start with a CA bundle for its S3 driver
        return {name: value for name, value in os.environ.items() if name != 'AWS_CA_BUNDLE'}


class Objreg(Server):
    """This registry, by its own command and with the ``paste.ini`` that it ships.

    `options` are options of that file by section, `arguments` are those of the command line, `others` further stores
    (there is always a folder ``names``).
    """

    name = 'objreg'

    def __init__(
        self, folder: Path, store: Mapping[str, Any], *arguments: str,
        options: Mapping[str, Mapping[str, str]] | None = None, others: Mapping[str, Any] | None = None, port: int = 0,
    ) -> None:
        super().__init__(folder, port)
        names = {'driver': 'file', 'path': str(self.folder / 'names')}
        self._stores = {'names': names, **(others or {}), 'default': dict(store)}
        self._arguments = arguments
        self._options = options or {}

    def configure(self) -> Path:
        """Write its configuration; the path of ``paste.ini``."""
        parser = configparser.RawConfigParser()
        parser.read(ROOT / 'paste.ini')
        if 'type' in self._options.get('filter:auth', {}):
            parser.remove_option('filter:auth', 'open')  # it goes with the type that is replaced
        for section, options in self._options.items():
            for name, value in options.items():
                parser.set(section, name, value)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / 'paste.ini'
        with path.open('w') as file:
            parser.write(file)
        (self.folder / 'stores.yml').write_text(json.dumps(self._stores))  # JSON is YAML
        return path

    def command(self) -> list[str]:
        return [
            sys.executable, '-m', 'objreg', 'serve', str(self.configure()), '--host', '127.0.0.1', '--port',
            str(self.port), *self._arguments,
        ]
