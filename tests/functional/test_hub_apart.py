"""One hub, registries elsewhere: they trust its signature alone, and do without it while it is away."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from objreg.manifest import OCI_MANIFEST
from objreg.testing.v1_client import Failed, V1Client
from objreg.testing.v1_http import over_http
from tests.servers.process import free_ports
from tests.servers.registries import EMPTY, Objreg
from tests.unit.v1.registries import images, layer, packed

SERVICES = ('paris', 'tokyo')
PASSWORD = 'correct horse'
WANTED = 'repository:alice/app:pull,push,delete'
MANIFEST = json.dumps({
    'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'config': EMPTY, 'layers': [EMPTY],
}).encode()


def hub_on(folder: Path, bucket: Path, port: int = 0, **more: str) -> Objreg:
    """The hub by itself, over that bucket; `more` are options of it."""
    options = {
        'pipeline:main': {'pipeline': 'errors proxy healthcheck metrics limits hub nothing'},
        'filter:hub': {'services': ' '.join(SERVICES), **more}, 'server:main': {'unprotected': 'allow'},
    }
    return Objreg(folder, {'driver': 'file', 'path': str(bucket)}, options=options, port=port)


def registry_of(folder: Path, hub: Objreg, service: str, port: int = 0) -> Objreg:
    """A registry with a bucket of its own, that knows of the hub where its keys are."""
    at = f'http://127.0.0.1:{hub.port}'
    options = {
        'pipeline:main': {'pipeline': 'errors proxy healthcheck metrics limits auth ancestry dedup registry'},
        'filter:auth': {
            'type': 'token', 'realm': f'{at}/token', 'issuer': 'objreg', 'service': service,
            'jwks': f'{at}/.well-known/jwks.json', 'denied': f'{at}/.well-known/objreg/denied.json',
        },
    }
    store = {'driver': 'file', 'path': str(folder / 'store')}
    return Objreg(folder, store, '--workers', '1', options=options, port=port)


def command(hub: Objreg, *words: str, given: str = '') -> str:
    """``objreg …`` on the bucket of the hub."""
    done = subprocess.run(
        [sys.executable, '-m', 'objreg', *words, '--config', str(hub.configure())],
        input=given, capture_output=True, text=True, check=True,
    )
    return done.stdout.strip()


def token(hub: Objreg, service: str, secret: str = PASSWORD) -> dict[str, str]:
    """The header of an access token."""
    basic = {'Authorization': f'Basic {b64encode(f"alice:{secret}".encode()).decode()}'}
    status, body, _ = hub.call('GET', f'/token?service={service}&scope={WANTED}', basic)
    assert status == 200, body
    return {'Authorization': f'Bearer {json.loads(body)["token"]}'}


def push(registry: Objreg, header: dict[str, str], tag: str) -> int:
    """The status of a manifest, after its only blob."""
    path = f'/v2/alice/app/blobs/uploads/?digest={EMPTY["digest"]}'
    status = registry.call('POST', path, header, b'{}')[0]
    if status != 201:
        return status
    headers = {**header, 'Content-Type': OCI_MANIFEST}
    return registry.call('PUT', f'/v2/alice/app/manifests/{tag}', headers, MANIFEST)[0]


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / 'bucket'


@pytest.fixture
def both(tmp_path: Path, bucket: Path) -> Iterator[Any]:
    """The hub, which knows alice, what stops it, and two registries."""
    with contextlib.ExitStack() as registries, contextlib.ExitStack() as of_hub:
        hub = of_hub.enter_context(hub_on(tmp_path / 'hub', bucket))
        command(hub, 'user', 'add', 'alice', '--password-stdin', given=f'{PASSWORD}\n')
        found = [registries.enter_context(registry_of(tmp_path / one, hub, one)) for one in SERVICES]
        yield hub, of_hub, *found


def test_a_token_is_for_one_registry(both: Any) -> None:
    hub, _, paris, tokyo = both
    status, _, headers = paris.call('GET', '/v2/alice/app/tags/list')
    assert status == 401
    assert headers['WWW-Authenticate'] == (
        f'Bearer realm="http://127.0.0.1:{hub.port}/token",service="paris",scope="repository:alice/app:pull"'
    )
    for service, registry, other in (('paris', paris, tokyo), ('tokyo', tokyo, paris)):
        header = token(hub, service)
        assert push(registry, header, '1') == 201
        assert push(other, header, '1') == 401


def test_registries_serve_while_the_hub_is_away_and_it_comes_back_from_the_bucket_alone(
    both: Any, tmp_path: Path, bucket: Path
) -> None:
    hub, of_hub, paris, _ = both
    pat = command(hub, 'token', 'add', 'alice', '--label', 'laptop')
    header = token(hub, 'paris', pat)
    assert push(paris, header, '1') == 201
    of_hub.close()
    time.sleep(1)
    assert push(paris, header, '2') == 201
    assert paris.call('GET', '/v2/alice/app/manifests/1', header)[1] == MANIFEST
    # another machine, which has nothing but the bucket
    with hub_on(tmp_path / 'elsewhere', bucket, hub.port) as again:
        assert push(paris, token(again, 'paris', pat), '3') == 201
        assert push(paris, token(again, 'paris'), '4') == 201
        assert push(paris, header, '5') == 201, 'its keys are the same'


def test_what_is_revoked_ends_on_a_registry_elsewhere_within_a_minute(both: Any) -> None:
    hub, _, paris, _ = both
    pat = command(hub, 'token', 'add', 'alice')
    header, other = token(hub, 'paris', pat), token(hub, 'paris')
    assert push(paris, header, '1') == 201
    (listed,) = json.loads(command(hub, 'token', 'list', 'alice', '--json'))
    command(hub, 'token', 'revoke', 'alice', listed['id'])
    until = time.monotonic() + 60
    while push(paris, header, '2') == 201:
        assert time.monotonic() < until
        time.sleep(1)
    assert push(paris, header, '2') == 401
    assert push(paris, other, '2') == 201


@pytest.mark.parametrize('version', ['0.9.0', '1.3.3', '1.12.6'])
def test_old_clients_push_to_and_pull_from_two_registries_behind_one_hub(tmp_path: Path, version: str) -> None:
    """Up to 0.10 they are named one of them, and others both, of which either may be away when they pull."""
    first = free_ports(2)
    ports = (first, first + 1)
    named = '; '.join(f'127.0.0.1:{port}' for port in ports)
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(hub_on(tmp_path / 'hub', tmp_path / 'bucket', endpoints=named))
        command(hub, 'user', 'add', 'alice', '--password-stdin', given=f'{PASSWORD}\n')
        running = [registry_of(tmp_path / one, hub, one, port) for one, port in zip(SERVICES, ports, strict=True)]
        alone = [stack.enter_context(contextlib.ExitStack()) for _ in running]
        for registry, ends in zip(running, alone, strict=True):
            ends.enter_context(registry)

        def client(user: str = 'alice') -> V1Client:
            send = over_http(f'http://127.0.0.1:{hub.port}')
            return V1Client(
                send, user, PASSWORD if user else '', version=version, reach=lambda host: over_http(f'http://{host}'))

        assert client().login() == 'Login Succeeded'
        chain = images(packed(layer('a')), packed(layer('b')))
        sent = client().push('alice/app', chain, {'latest': chain[-1].id})
        is_one = version == '0.9.0'
        assert sent == len(chain) * (1 if is_one else 2)
        if is_one:  # which of the two has it is known to nobody but who pushed
            pulled = [V1Client(over_http(f'http://127.0.0.1:{hub.port}'), 'alice', PASSWORD, version=version,
                               reach=lambda host, port=port: over_http(f'http://127.0.0.1:{port}')) for port in ports]
            found = 0
            for one in pulled:
                with contextlib.suppress(Failed):
                    found += one.pull('alice/app') == chain
            assert found == 1
        with pytest.raises(Failed):
            client('').pull('alice/app')
        if not is_one:
            assert client().pull('alice/app') == chain
            alone[0].close()
            assert client().pull('alice/app') == chain, 'of the other one'
