"""Whose requests the `s3` driver makes: keys from its options, the environment, a file, or the role of the host."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from objreg.drivers.s3 import S3Store
from tests.unit.drivers.scripted import Answer, Scripted, scripted


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as running:
        yield running


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith('AWS_')]:
        monkeypatch.delenv(name)
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')


def access_key_used(server: Scripted, **options: Any) -> str:
    server.will(Answer())
    store = S3Store(bucket='b', preset='ceph', endpoint=server.url, **options)
    store.put('k', b'')
    store.close()
    return server.asked[-1].headers['authorization'].partition('Credential=')[2].partition('/')[0]


def test_keys_of_the_options_are_used(server: Scripted) -> None:
    assert access_key_used(server, access_key='mine', secret_key='s') == 'mine'


def test_keys_of_the_environment_are_used(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'environmental')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 's')
    assert access_key_used(server) == 'environmental'


def test_a_profile_of_another_file_is_used(server: Scripted, tmp_path: Path) -> None:
    file = tmp_path / 'keys'
    file.write_text('[registry]\naws_access_key_id = profiled\naws_secret_access_key = s\n')
    assert access_key_used(server, profile='registry', credentials_file=str(file)) == 'profiled'


def test_a_session_token_is_sent(server: Scripted) -> None:
    access_key_used(server, access_key='a', secret_key='s', session_token='temporary')
    assert server.asked[0].headers['x-amz-security-token'] == 'temporary'


def test_the_role_of_the_host_is_used(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    until = (datetime.now(UTC) + timedelta(hours=6)).strftime('%Y-%m-%dT%H:%M:%SZ')
    role = {'Code': 'Success', 'AccessKeyId': 'role', 'SecretAccessKey': 's', 'Token': 't', 'Expiration': until}
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'false')
    with scripted() as metadata:
        metadata.will(Answer(200, b'session'), Answer(200, b'registry-role'), Answer(200, json.dumps(role).encode()))
        monkeypatch.setenv('AWS_EC2_METADATA_SERVICE_ENDPOINT', metadata.url)
        assert access_key_used(server) == 'role'
        metadata.all_asked()


def test_without_any_credentials_the_message_says_so(server: Scripted) -> None:
    store = S3Store(bucket='b', preset='ceph', endpoint=server.url)
    with pytest.raises(Exception, match='no credentials; set access_key and secret_key, or a profile'):
        store.check()
    store.close()
