"""What an operator took away stays away, by whatever route, and what was deleted stays deleted; with precedents."""

from __future__ import annotations

import pytest

from objreg.drivers.memory import MemoryStore
from objreg.middleware.readonly import ReadOnly
from objreg.names import Digest
from objreg.store import Store
from objreg.testing.faults import CountingStore
from objreg.wrap.cache import CachedStore
from tests import documents
from tests.inprocess import Client

LAYER = b'a layer'
IMAGE = documents.image(LAYER)
BLOB, MANIFEST = Digest.of(LAYER), Digest.of(IMAGE)
WRITING = {'put', 'delete', 'copy', 'part', 'finish', 'abort'}
REQUESTS = [
    ('POST', '/v2/other/blobs/uploads/'), ('POST', f'/v2/other/blobs/uploads/?digest={Digest.of(b"x")}'),
    ('POST', f'/v2/other/blobs/uploads/?mount={BLOB}&from=app'), ('POST', f'/v2/other/blobs/uploads/?mount={BLOB}'),
    ('PUT', '/v2/app/manifests/v1'), ('PUT', '/v2/app/manifests/v2'), ('PUT', f'/v2/app/manifests/{MANIFEST}?tag=v2'),
    ('DELETE', '/v2/app/manifests/v1'), ('DELETE', f'/v2/app/manifests/{MANIFEST}'),
    ('DELETE', f'/v2/app/blobs/{BLOB}'),
]
"""All that would change something."""


@pytest.fixture
def bucket() -> Store:
    bucket = MemoryStore()
    Client(bucket).push_image('app', 'v1', LAYER)
    return bucket


@pytest.mark.parametrize(('method', 'target'), [
    *REQUESTS, *((method, 'a session') for method in ('PATCH', 'PUT', 'DELETE')),
])
def test_nothing_is_written_while_it_is_read_only(bucket: Store, method: str, target: str) -> None:
    """CVE-2026-41888: a switch was obeyed by one of several routes."""
    counting = CountingStore(bucket)
    client = Client(counting)
    at = client('PATCH', client.start('app'), b'some')['Location']
    target = f'{at}&digest={Digest.of(b"some")}' if target == 'a session' else target
    client.app = ReadOnly(client.app)  # type: ignore[assignment]
    counting.reset()
    body = IMAGE if 'manifests' in target and method == 'PUT' else b'x'
    answer = client(method, target, body, {'Content-Type': 'application/vnd.oci.image.manifest.v1+json'})
    assert (answer.status, answer.code) == (405, 'UNSUPPORTED')
    assert not WRITING & counting.calls.keys()
    assert client('GET', '/v2/app/manifests/v1').body == IMAGE


@pytest.mark.parametrize('target', [target for method, target in REQUESTS if method == 'DELETE'])
def test_nothing_is_deleted_where_that_is_switched_off(bucket: Store, target: str) -> None:
    """CVE-2026-41888: a tag could be deleted where deleting was switched off."""
    counting = CountingStore(bucket)
    client = Client(counting, delete=False)
    counting.reset()
    answer = client('DELETE', target)
    assert (answer.status, answer.code) == (400, 'UNSUPPORTED')
    assert not WRITING & counting.calls.keys()


@pytest.mark.parametrize('target', [f'/v2/app/blobs/{BLOB}', f'/v2/app/manifests/{MANIFEST}', '/v2/app/manifests/v1'])
@pytest.mark.parametrize('method', ['GET', 'HEAD'])
def test_what_was_deleted_stays_so_on_every_node(bucket: Store, target: str, method: str) -> None:
    """CVE-2026-35172, CVE-2025-23208: a cache brought back what was deleted, and rights that were taken away."""
    now = 0.0
    here, there = (Client(CachedStore(bucket, seconds=60, timer=lambda: now)) for _ in range(2))
    for node in (here, there):
        for asked in (target, '/v2/app/manifests/v1'):
            assert node('GET', asked).status == 200
    assert here('DELETE', target).status == 202
    assert here(method, target).status == 404
    now = 61.0
    assert there(method, target).status == 404
    assert here(method, target).status == 404
