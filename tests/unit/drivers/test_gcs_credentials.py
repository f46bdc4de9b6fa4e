"""Whose requests the `gcs` driver makes, what becomes of a token that is refused, and what signs URLs."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from google.auth.compute_engine import _metadata

from objreg.drivers.gcs import MIB, GcsStore
from objreg.store import Refused, Unavailable
from tests.servers.gcs_buckets import ACCOUNT, account_key, private_key
from tests.servers.gcs_signatures import opens
from tests.unit.drivers.scripted import Answer, Scripted, scripted

OK = Answer(200, b'{}', {'Content-Type': 'application/json'})
REFUSED = Answer(401, b'{"error": {"message": "Invalid Credentials", "errors": [{"reason": "authError"}]}}',
                 {'Content-Type': 'application/json'})


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as running:
        yield running
        running.all_asked()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(('GOOGLE_', 'GCE_', 'CLOUDSDK_', 'GCLOUD_'))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setattr(_metadata, '_NO_GCE_CHECK', True)


def make(server: Scripted, **options: Any) -> GcsStore:
    return GcsStore(bucket='b', endpoint=server.url, **options)


def bearer(server: Scripted, at: int = -1) -> str:
    return server.asked[at].headers.get('authorization', '').removeprefix('Bearer ')


def claims(token: str) -> dict[str, Any]:
    payload = token.split('.')[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))
    return found


def test_the_key_of_the_options_signs_its_own_tokens(server: Scripted) -> None:
    server.will(OK)
    store = make(server, credentials=account_key())
    store.put('k', b'')
    assert claims(bearer(server))['iss'] == ACCOUNT
    store.close()


def test_a_key_of_the_environment_is_used_and_signs(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / 'key.json').write_text(account_key(token_uri=f'{server.url}/token'))
    monkeypatch.setenv('GOOGLE_APPLICATION_CREDENTIALS', str(tmp_path / 'key.json'))
    server.will(_token('environmental'), OK)
    store = make(server)
    store.put('k', b'')
    assert bearer(server) == 'environmental'
    assert opens(store.url('k', 60) or '', 'GET', private_key().public_key(), ACCOUNT)
    store.close()


def test_an_emulator_is_asked_without_a_name(server: Scripted) -> None:
    server.will(OK)
    store = make(server, credentials='anonymous')
    store.put('k', b'')
    assert 'authorization' not in server.asked[0].headers
    store.close()


def test_without_any_credentials_the_message_says_so(server: Scripted) -> None:
    store = make(server)
    with pytest.raises(Refused, match='no credentials are found; set credentials, or the environment') as raised:
        store.check()
    assert '\n' not in str(raised.value)
    store.close()


def test_looking_for_credentials_waits_until_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('google.auth.default', lambda **_: pytest.fail('asked'))
    GcsStore(bucket='b').close()


@pytest.mark.parametrize('size', [5, 3 * MIB])
def test_a_token_that_is_refused_in_the_middle_of_work_is_replaced_once(size: int, server: Scripted) -> None:
    store = make(server, credentials=account_key())
    data = os.urandom(size)
    server.will(OK, REFUSED, OK)
    store.put('first', b'')
    store.put('k', io.BytesIO(data), size)
    assert server.asked[1].body == server.asked[2].body
    assert data in server.asked[2].body
    store.close()


def test_credentials_that_are_refused_again_are_named(server: Scripted) -> None:
    store = make(server, credentials=account_key())
    for call in (store.check, lambda: store.put('k', b''), lambda: store.read('k')):
        server.will(REFUSED, REFUSED)
        with pytest.raises(Refused, match='the credentials are refused; mend credentials') as raised:
            call()
        assert '\n' not in str(raised.value)
        assert 'PRIVATE' not in repr(raised.value) + repr(raised.value.__cause__)
    store.close()


def test_a_stranger_who_is_refused_is_told_what_to_mend(server: Scripted) -> None:
    store = make(server, credentials='anonymous')
    server.will(REFUSED)
    with pytest.raises(Refused, match='mend credentials'):
        store.put('k', b'')
    store.close()


def test_a_server_of_tokens_that_fails_is_told_from_one_that_refuses(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / 'key.json').write_text(account_key(token_uri=f'{server.url}/token'))
    monkeypatch.setenv('GOOGLE_APPLICATION_CREDENTIALS', str(tmp_path / 'key.json'))
    store = make(server)
    server.will(Answer(400, b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}'))
    with pytest.raises(Refused, match='mend credentials'):
        store.stat('k')
    server.will(Answer(silent=True))
    with pytest.raises(Unavailable, match='the server of tokens'):
        store.stat('k')
    store.close()


# The metadata server of a virtual machine

@pytest.fixture
def universe() -> bytes:
    return b'googleapis.com'


@pytest.fixture
def metadata(universe: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    flavor = {'Metadata-Flavor': 'Google'}
    with scripted() as running:
        address = running.url.removeprefix('http://')
        monkeypatch.setattr(_metadata, '_NO_GCE_CHECK', False)
        monkeypatch.setattr(_metadata, '_GCE_METADATA_HOST', address)
        monkeypatch.setenv('GCE_METADATA_IP', address)
        account = {'email': ACCOUNT, 'scopes': ['cloud-platform'], 'aliases': ['default']}
        running.will(
            Answer(200, b'', flavor),
            Answer(200, b'example', {**flavor, 'Content-Type': 'application/text'}),
            Answer(200, universe, {**flavor, 'Content-Type': 'application/text'}),
            Answer(200, json.dumps(account).encode(), {**flavor, 'Content-Type': 'application/json'}),
            _token('of the machine', **flavor),
        )
        yield running


def test_the_account_of_a_machine_is_used_and_does_not_sign_by_itself(server: Scripted, metadata: Scripted) -> None:
    server.will(OK)
    store = make(server)
    store.put('k', b'')
    assert bearer(server) == 'of the machine'
    assert store.url('k', 60) is None
    metadata.all_asked()
    store.close()


def test_the_account_of_a_machine_signs_by_iam_if_told(
    server: Scripted, metadata: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = requests.Session.request

    def instead(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        if 'signBlob' not in url:
            return send(self, method, url, **more)
        assert ACCOUNT in url
        payload = base64.b64decode(json.loads(more['data'])['payload'])
        signature = private_key().sign(payload, padding.PKCS1v15(), hashes.SHA256())
        answer = requests.Response()
        answer.status_code, answer._content = 200, json.dumps(
            {'signedBlob': base64.b64encode(signature).decode()}).encode()
        return answer

    monkeypatch.setattr(requests.Session, 'request', instead)
    store = make(server, sign='iam')
    assert opens(store.url('k', 60) or '', 'GET', private_key().public_key(), ACCOUNT)
    store.close()


@pytest.mark.parametrize('universe', [b'another.example.net'])
def test_an_account_of_another_cloud_is_refused(metadata: Scripted) -> None:
    store = GcsStore(bucket='b', endpoint='http://127.0.0.1:9')
    with pytest.raises(Refused, match='mend credentials'):
        store.check()
    store.close()


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / 'stores.yml').write_text('default: {driver: gcs, bucket: b}')
    code = (
        'import sys\nsys.modules["google.cloud.storage"] = None\n'
        'from objreg.stores import load_store\nload_store(sys.argv[1], "default")'
    )
    done = subprocess.run(
        [sys.executable, '-c', code, str(tmp_path / 'stores.yml')], text=True, capture_output=True, check=False,
    )
    assert "gcs needs what is not installed: pip install 'objreg[gcs]'" in done.stderr.splitlines()[-1]


def _token(token: str, **headers: str) -> Answer:
    told = {'access_token': token, 'expires_in': 3600, 'token_type': 'Bearer'}
    return Answer(200, json.dumps(told).encode(), {'Content-Type': 'application/json', **headers})
