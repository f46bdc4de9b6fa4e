"""A registry that speaks both versions, in this process, and a client for each."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

from objreg.middleware.ancestry import Ancestry
from objreg.registry import Registry
from objreg.store import Store
from objreg.testing.v1_client import Answer, V1Client, V1Image
from tests import inprocess
from tests.inprocess import Stream, User


class Both(inprocess.Client):
    """Of the second version; `v1` makes one of the first."""

    def __init__(self, store: Store | None = None, *, registry: Registry | None = None, **options: Any) -> None:
        super().__init__(store, registry=registry)
        self.app = Ancestry(self.app, registry=self.registry, **options)  # type: ignore[assignment]

    def v1(
        self, *, user: User | None = None, streamed: bool = True, user_name: str = '', **options: Any
    ) -> V1Client:
        """A client; `streamed`: the server hands layers on as they come."""
        def send(
            method: str, path: str, headers: Mapping[str, str], body: bytes | Iterator[bytes] | None
        ) -> Answer:
            given: bytes | Stream = b''
            if body is not None:
                given = body if isinstance(body, bytes) else Stream(body) if streamed else b''.join(body)
            found = self.call_v1(method, path, given, headers, user=user)
            return Answer(found.status, {name.lower(): value for name, value in found.headers}, found.body)

        return V1Client(send, user_name, **options)

    def call_v1(
        self, method: str, path: str, body: bytes | Stream = b'', headers: Mapping[str, str] | None = None,
        *, user: User | None = None,
    ) -> inprocess.Answer:
        """One request of the first version."""
        return self.send(method, path, body, headers, user=user)


def layer(*names: str, content: bytes = b'content\n') -> bytes:
    """A tar archive with files of those names."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w') as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


_NUMBERS = random.Random(1)


def new_id() -> str:
    """As old clients made them: by chance, though here by the same in each process."""
    return f'{_NUMBERS.getrandbits(256):064x}'


def images(*layers: bytes, command: str = '/bin/sh', **more: Any) -> list[V1Image]:
    """A chain with these layers (as they are sent), the root first."""
    made: list[V1Image] = []
    for number, data in enumerate(layers):
        document: dict[str, Any] = {'id': new_id(), 'created': f'2014-05-0{number % 9 + 1}T12:00:00Z'}
        if made:
            document['parent'] = made[-1].id
        document |= {
            'container_config': {'Cmd': ['/bin/sh', '-c', f'#(nop) step {number}']},
            'config': {'Cmd': [command], 'Env': ['PATH=/bin']}, 'architecture': 'amd64', 'os': 'linux',
            'docker_version': '1.0.0', **more,
        }
        made.append(V1Image(json.dumps(document).encode(), data))
    return made


def packed(data: bytes) -> bytes:
    """As gzip."""
    return gzip.compress(data, mtime=0)
