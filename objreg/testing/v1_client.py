"""A client of the first version of the API, for tests: it pushes and pulls as Docker 0.9 to 1.12 did.

No Docker that old runs on today's kernels.  What is sent, in which order, and what is taken for an answer follow what
those clients did, their mistakes included: they look at few of the answers, know one error by its text, and ask for one
byte too many when they resume.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

_RESUMES = 5


class Answer(NamedTuple):
    """What a registry said; headers by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Send(Protocol):
    """How a request gets there: `path` with its query; `body` in pieces goes without a length.

    Redirects are followed.  Raises `Cut` where a connection ends too early.
    """

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | Iterator[bytes] | None
    ) -> Answer: ...


class Cut(Exception):
    """The connection broke; `answer` has what came until then."""

    def __init__(self, answer: Answer) -> None:
        super().__init__('the connection broke')
        self.answer = answer


class Failed(Exception):
    """What the client would have said."""

    def __init__(self, doing: str, answer: Answer) -> None:
        super().__init__(f'{doing}: {answer.status} {answer.body[:200]!r}')
        self.answer = answer


class V1Image(NamedTuple):
    """An image: the bytes of its JSON, and of its layer as they are sent."""

    json: bytes
    layer: bytes

    @property
    def id(self) -> str:
        """Its id."""
        return str(json.loads(self.json)['id'])

    @property
    def payload(self) -> str:
        """The checksum of both, as clients from 0.9 on have it."""
        return 'sha256:' + hashlib.sha256(self.json + b'\n' + self.layer).hexdigest()


@dataclass
class V1Client:
    """One of them.

    `version` is what it calls itself; `basic_always`: it was told that the registry stands alone, over https, and sends
    its password with each request.  `reach` is how registries are reached that the index names; without it all is asked
    of the index.
    """

    send: Send
    user: str = ''
    password: str = ''
    version: str = '1.12.6'
    basic_always: bool = False
    reach: Callable[[str], Send] | None = None
    piece: int = 32 * 1024
    sent: list[str] = field(default_factory=list)
    """What it asked for, ``METHOD path``."""
    token: str = ''
    registry: Send | None = None
    """That which is asked for images and tags; without one it is the index."""
    endpoints: list[Send] = field(default_factory=list)

    def ping(self) -> Answer:
        """Whether there is a registry; Docker up to 0.10 wants to know its version."""
        answer = self._ask('GET', '/v1/_ping')
        if 'x-docker-registry-version' not in answer.headers:
            raise Failed('ping', answer)
        return answer

    def login(self) -> str:
        """``docker login``: make an account, or try the password; what it says then."""
        account = {'username': self.user, 'password': self.password, 'email': f'{self.user}@example.org', 'auth': ''}
        made = self._ask('POST', '/v1/users/', {'Content-Type': 'application/json'}, json.dumps(account).encode())
        if made.status == 201:
            return 'Account created'
        if made.status not in (400, 401) or (
            made.status == 400 and made.body.strip() != b'"Username or email already exists"'
        ):
            raise Failed('login', made)
        found = self._ask('GET', '/v1/users/', self._basic())
        if found.status != 200:
            raise Failed('login', found)
        return 'Login Succeeded'

    # Push

    def push(self, name: str, images: Sequence[V1Image], tags: Mapping[str, str]) -> int:
        """Push images, the root first, and tags by name; returns how many layers were sent."""
        tagged = {id: tag for tag, id in tags.items()}
        listed = [{'id': image.id, **({'Tag': tagged[image.id]} if image.id in tagged else {})} for image in images]
        self._begin('PUT', f'/v1/repositories/{name}/', listed)
        layers = 0
        for registry in self.endpoints or [self.send]:
            self.registry = registry
            there = {image.id for image in images if self._ask('GET', f'/v1/images/{image.id}/json').status == 200}
            for image in images:
                if image.id not in there:
                    layers += self.push_image(image)
                for tag in (tag for tag, id in tags.items() if id == image.id):
                    path = f'/v1/repositories/{name}/tags/{tag}'
                    self._expect((200, 201), 'PUT', path, json.dumps(image.id).encode())
        self._end(name)
        return layers

    def push_image(self, image: V1Image) -> int:
        """One image; returns how many layers were sent for it."""
        path = f'/v1/images/{image.id}'
        made = self._ask('PUT', f'{path}/json', {'Content-Type': 'application/json'}, image.json)
        if made.status != 200:
            if _text(made) == 'Image already exists':
                return 0
            raise Failed('json', made)
        pieces = (image.layer[at:at + self.piece] for at in range(0, len(image.layer), self.piece))
        sent = self._ask('PUT', f'{path}/layer', {'Content-Type': 'application/octet-stream'}, pieces)
        if sent.status != 200:
            raise Failed('layer', sent)
        done = self._ask('PUT', f'{path}/checksum', {'X-Docker-Checksum-Payload': image.payload}, b'')
        if done.status != 200:
            raise Failed('checksum', done)
        return 1

    def _end(self, name: str) -> None:
        headers = {'Content-Type': 'application/json', **self._for_token()}
        answer = self._ask('PUT', f'/v1/repositories/{name}/images', headers, b'[]')
        if answer.status != 204:
            raise Failed('images', answer)

    # Pull

    def tags(self, name: str) -> dict[str, str]:
        """The ids by their tags."""
        self._begin('GET', f'/v1/repositories/{name}/images')
        return dict(self._expect((200,), 'GET', f'/v1/repositories/{name}/tags').json())

    def pull(self, name: str, tag: str = 'latest') -> list[V1Image]:
        """All images of a tag, the root first, of the first registry that has them."""
        self._begin('GET', f'/v1/repositories/{name}/images')
        *others, last = self.endpoints or [self.send]
        for registry in others:
            self.registry = registry
            with contextlib.suppress(Failed, Cut):
                return self._pulled(name, tag)
        self.registry = last
        return self._pulled(name, tag)

    def _pulled(self, name: str, tag: str) -> list[V1Image]:
        if tuple(map(int, self.version.split('.')[:2])) >= (1, 7):
            id = self._expect((200,), 'GET', f'/v1/repositories/{name}/tags/{tag}').json()
        else:
            id = self._expect((200,), 'GET', f'/v1/repositories/{name}/tags').json()[tag]
        return self.pull_image(id)

    def pull_image(self, id: str) -> list[V1Image]:
        """An image with all its ancestors, the root first."""
        ancestry = self._expect((200,), 'GET', f'/v1/images/{id}/ancestry').json()
        pulled = []
        for one in reversed(ancestry):
            said = self._expect((200,), 'GET', f'/v1/images/{one}/json')
            pulled.append(V1Image(said.body, self._layer(one, int(said.headers['x-docker-size']))))
        return pulled

    def _layer(self, id: str, size: int) -> bytes:
        got = b''
        headers: dict[str, str] = {}
        for _ in range(_RESUMES):
            try:
                answer = self._ask('GET', f'/v1/images/{id}/layer', headers)
            except Cut as cut:
                got += cut.answer.body
                if cut.answer.headers.get('accept-ranges') != 'bytes':
                    raise Failed('layer', cut.answer) from cut
                headers = {'Range': f'bytes={len(got)}-{size}'}
                continue
            if answer.status == 416 and got:
                return got
            if answer.status != (206 if headers else 200):
                raise Failed('layer', answer)
            return got + answer.body
        raise Failed('layer', Answer(0, {}, b'it breaks again and again'))

    # Requests

    def _begin(self, method: str, path: str, listed: Any = None) -> None:
        """The request that a token comes with."""
        body = None if listed is None else json.dumps(listed).encode()
        headers = {'X-Docker-Token': 'true', **({'Content-Type': 'application/json'} if body else {})}
        self.token = ''
        answer = self._ask(method, path, headers | self._basic(), body)
        if answer.status not in (200, 201):
            raise Failed('begin', answer)
        self.token = answer.headers.get('x-docker-token', '')
        named = answer.headers.get('x-docker-endpoints', '')
        self.endpoints = [self.reach(host.strip()) for host in named.split(',')] if self.reach and named else []
        self.registry = self.endpoints[0] if self.endpoints else None
        if method == 'PUT' and not (self.token and answer.headers.get('x-docker-endpoints')):
            raise Failed('no token, or no endpoints', answer)

    def _expect(self, statuses: Sequence[int], method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {'Content-Type': 'application/json'} if body is not None else {}
        answer = self._ask(method, path, headers, body)
        if answer.status not in statuses:
            raise Failed(path, answer)
        return answer

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
    ) -> Answer:
        self.sent.append(f'{method} {path}')
        said = {'User-Agent': f'docker/{self.version} go/go1.6.4 kernel/4.4.0 os/linux arch/amd64', **(headers or {})}
        if 'Authorization' not in said:
            said |= self._basic() if self.basic_always else self._with_token()
        is_of_registry = path.startswith('/v1/images/') or '/tags' in path
        send = self.registry if self.registry is not None and is_of_registry else self.send
        return send(method, path, said, body)

    def _for_token(self) -> dict[str, str]:
        return {'X-Docker-Token': 'true', **self._basic()}

    def _basic(self) -> dict[str, str]:
        if not self.user:
            return {}
        return {'Authorization': f'Basic {base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}'}

    def _with_token(self) -> dict[str, str]:
        return {'Authorization': f'Token {self.token}'} if self.token else {}


def _text(answer: Answer) -> str:
    try:
        return str(answer.json()['error'])
    except (ValueError, LookupError, TypeError):
        return ''
