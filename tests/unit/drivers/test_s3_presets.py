"""The table of what S3 servers do differently."""

from __future__ import annotations

import subprocess
import sys

import pytest

from objreg.drivers.s3 import S3Store
from objreg.drivers.s3_presets import PRESETS
from tests.unit.drivers.scripted import Answer, scripted


@pytest.mark.parametrize('name', PRESETS)
def test_a_preset_declares_what_the_store_does(name: str) -> None:
    store = S3Store(bucket='my-bucket', preset=name, endpoint='https://store.example.net', access_key='a',
                    secret_key='s')
    assert store.capabilities.conditional_put is PRESETS[name].conditional_put
    assert store.capabilities.max_parts == PRESETS[name].max_parts
    assert store.capabilities.min_part >= 5 * 1024**2
    store.close()


@pytest.mark.parametrize('name', [name for name, preset in PRESETS.items() if preset.endpoint is not None])
def test_a_preset_that_knows_its_endpoint_needs_none(name: str) -> None:
    store = S3Store(bucket='my-bucket', preset=name, region='there-1', access_key='a', secret_key='s')
    url = store.url('k', 60)
    assert url is not None
    assert url.startswith('https://')
    assert 'my-bucket' in url
    store.close()


@pytest.mark.parametrize(('addressing', 'expected'), [
    ('path', 'https://store.example.net/my-bucket/k?'), ('virtual', 'https://my-bucket.store.example.net/k?'),
])
def test_addressing_puts_the_bucket_into_the_path_or_the_host(addressing: str, expected: str) -> None:
    store = S3Store(bucket='my-bucket', preset='minio', endpoint='https://store.example.net', access_key='a',
                    secret_key='s', addressing=addressing)
    assert str(store.url('k', 60)).startswith(expected)
    store.close()


def test_what_is_declared_can_be_overridden() -> None:
    store = S3Store(bucket='b', preset='ceph', endpoint='http://e', access_key='a', secret_key='s',
                    conditional_put=False)
    assert not store.capabilities.conditional_put
    store.close()


def test_where_many_cannot_be_deleted_at_once_each_is_a_call() -> None:
    with scripted() as server:
        server.will(Answer(204), Answer(204))
        store = S3Store(bucket='b', preset='gcs', endpoint=server.url, access_key='a', secret_key='s')
        store.delete(['x', 'y'])
        assert [(asked.method, asked.target) for asked in server.asked] == [('DELETE', '/b/x'), ('DELETE', '/b/y')]
        store.close()


@pytest.mark.parametrize(('sse', 'headers'), [
    ('AES256', {'x-amz-server-side-encryption': 'AES256'}),
    ('aws:kms', {'x-amz-server-side-encryption': 'aws:kms'}),
    ('aws:kms:key-1', {
        'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
    }),
])
def test_encryption_and_class_are_asked_for_with_every_write(sse: str, headers: dict[str, str]) -> None:
    with scripted() as server:
        server.will(Answer())
        store = S3Store(bucket='b', preset='ceph', endpoint=server.url, access_key='a', secret_key='s', sse=sse,
                        storage_class='STANDARD_IA')
        store.put('k', b'')
        assert {**headers, 'x-amz-storage-class': 'STANDARD_IA'}.items() <= server.asked[0].headers.items()
        store.close()


_FORKING = """
import os, sys
from objreg.drivers.s3 import S3Store
store = S3Store(bucket='b', preset='ceph', endpoint=sys.argv[1], access_key='a', secret_key='s')
store.put('k', b'')
child = os.fork()
if child == 0:
    store.put('k', b'')
    os._exit(0)
status = os.waitpid(child, 0)[1]
store.put('k', b'')
store.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_forked_worker_does_not_speak_through_its_parents_connection() -> None:
    with scripted(keep_alive=True) as server:
        server.will(Answer(), Answer(), Answer())
        subprocess.run([sys.executable, '-c', _FORKING, server.url], check=True, timeout=60)
        assert len(server.asked) == 3
        assert server.connections == 2
