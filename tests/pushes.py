"""A client that pushes and notes what was acknowledged, and a look at the bucket afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from objreg.app import RegistryApp
from objreg.manifest import OCI_MANIFEST
from objreg.middleware.dedup import Dedup
from objreg.middleware.errors import Errors
from objreg.names import Digest
from objreg.resources.base import Settings
from objreg.store import Store
from objreg.testing import consistency
from objreg.wrap.cache import CachedStore
from tests import layout
from tests.inprocess import Answer, Client, Stream


class GivenUp(Exception):
    """The registry answered that it could not, and the client stopped."""


class Pusher:
    """A client that notes what was acknowledged, to look at it later."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.there: dict[str, bytes] = {}
        """By target, what a GET has to give."""
        self.gone: list[str] = []
        """Targets of which a GET has to give nothing."""

    def ask(
        self, method: str, target: str, body: bytes | Stream = b'', headers: dict[str, str] | None = None
    ) -> Answer:
        answer = self.client(method, target, body, headers)
        if answer.status >= 500:
            assert answer.status == 503 and int(answer['Retry-After']) > 0, answer
            raise GivenUp
        return answer

    def blob(self, name: str, data: bytes, how: str = 'monolithic', *, cuts: Sequence[int] = (5, 20)) -> None:
        """Push a blob that is not there yet: ``monolithic``, ``patch``, ``stream`` or ``pieces``, cut there."""
        digest, start = Digest.of(data), f'/v2/{name}/blobs/uploads/'
        if self.ask('HEAD', f'/v2/{name}/blobs/{digest}').status != 200:
            if how == 'monolithic':
                answer = self.ask('POST', f'{start}?digest={digest}', data)
            else:
                at = self.ask('POST', start)['Location']
                for piece in _pieces(data, how, cuts):
                    at = self.ask('PATCH', at, piece)['Location']
                answer = self.ask('PUT', f'{at}&digest={digest}')
            assert answer.status == 201, answer
        self.there[f'/v2/{name}/blobs/{digest}'] = data

    def mount(self, name: str, data: bytes, source: str) -> None:
        digest = Digest.of(data)
        answer = self.ask('POST', f'/v2/{name}/blobs/uploads/?mount={digest}&from={source}')
        assert answer.status == 201, answer
        self.there[f'/v2/{name}/blobs/{digest}'] = data

    def manifest(self, name: str, reference: str, data: bytes, media_type: str = OCI_MANIFEST) -> None:
        answer = self.ask('PUT', f'/v2/{name}/manifests/{reference}', data, {'Content-Type': media_type})
        assert answer.status == 201, answer
        self.there[f'/v2/{name}/manifests/{Digest.of(data)}'] = data
        self.there[f'/v2/{name}/manifests/{reference}'] = data

    def pull(self) -> None:
        """All that was acknowledged."""
        for target, data in self.there.items():
            answer = self.ask('GET', target)
            assert (answer.status, answer.body) == (200, data), target

    def delete(self, target: str) -> None:
        assert self.ask('DELETE', target).status in (202, 404)
        self.gone.append(target)


def _pieces(data: bytes, how: str, cuts: Sequence[int]) -> Sequence[bytes | Stream]:
    """What is sent, request by request; a stream is chunked, and can be read once."""
    if how == 'pieces':
        return [piece for start, end in pairwise((0, *cuts, len(data))) if (piece := data[start:end])]
    return [Stream([data[:7], data[7:]])] if how == 'stream' else [data]


def node(bucket: Store, *, part_size: int = 0) -> Client:
    """A node that has just started over a bucket, with nothing in its cache."""
    client = Client(CachedStore(bucket))
    app = RegistryApp(client.registry, Settings(redirect='never'), part_size=part_size)
    client.app = Errors(Dedup(app, registry=client.registry), log='none')  # type: ignore[assignment]
    return client


def look(bucket: Store, push: Pusher, *, is_whole: bool) -> None:
    """On a node that has just started: what was acknowledged is there, and nothing dangles."""
    client = node(bucket)
    push.client = client
    push.pull()
    assert [target for target in push.gone if client('GET', target).status != 404] == []
    found = consistency.check(bucket)
    assert found.dangling == []
    if is_whole:
        assert found.incomplete == []
    assert [entry.key for entry in bucket.list('') if not layout.is_of_layout(entry.key)] == []
    client.registry.close()
