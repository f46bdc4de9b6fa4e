"""The layer that tells of pushes and deletions."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from objreg.app import factory
from objreg.http import Request
from objreg.hub import keys
from objreg.hub.outbound import Answer
from objreg.hub.webhooks import Webhook, new_secret
from objreg.manifest import OCI_MANIFEST
from objreg.middleware.webhooks import WebhooksLayer
from objreg.store import Unavailable

EMPTY = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'


class Setup:
    """The layer before the registry, and what it sent."""

    def __init__(self, folder: Path) -> None:
        (folder / 'stores.yml').write_text(json.dumps({'default': {'driver': 'file', 'path': str(folder / 'data')}}))
        conf = {'here': str(folder), 'stores': 'stores.yml'}
        app = factory(conf)
        app.registry.start()
        self.layer = WebhooksLayer(app, conf)
        self.layer._is_started = True  # nothing in the background but what a test waits for
        self.sent: list[dict[str, Any]] = []
        self.layer.deliveries._post = self.post

    def post(self, url: str, body: bytes, headers: dict[str, str], allowed: Any) -> Answer:
        self.sent.append(json.loads(body))
        return Answer(200, '')

    def call(self, method: str, path: str, body: bytes = b'', **headers: str) -> Any:
        request = Request.blank(path, method=method, body=body, headers=headers)
        return request.get_response(self.layer)

    def push(self) -> str:
        """An artifact to acme/app, by the tag 1; its digest."""
        place = self.call('POST', '/v2/acme/app/blobs/uploads/').headers['Location']
        assert self.call('PUT', f'{place}&digest={EMPTY}', b'{}').status_code == 201
        child = {'mediaType': 'application/vnd.oci.empty.v1+json', 'size': 2, 'digest': EMPTY}
        manifest = {'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'config': child, 'layers': [child]}
        answer = self.call(
            'PUT', '/v2/acme/app/manifests/1', json.dumps(manifest).encode(), **{'Content-Type': OCI_MANIFEST})
        assert answer.status_code == 201, answer.body
        return str(answer.headers['Docker-Content-Digest'])


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.layer.drain()


def test_a_push_and_a_deletion_are_told(setup: Setup) -> None:
    setup.layer.webhooks.add('acme', Webhook('https://ci.example/', new_secret()))
    digest = setup.push()
    assert setup.call('DELETE', f'/v2/acme/app/manifests/{digest}').status_code == 202
    setup.layer.deliveries.close()  # waits for what has begun
    setup.layer.deliveries.run_due()
    assert sorted((one['type'], one['data'].get('digest')) for one in setup.sent) == [
        ('repository.delete', digest), ('repository.push', digest),
    ]
    push = next(one['data'] for one in setup.sent if one['type'] == 'repository.push')
    assert (push['repository'], push['tags'], push['media_type']) == ('acme/app', ['1'], OCI_MANIFEST)


def test_what_was_refused_is_not_told(setup: Setup) -> None:
    setup.layer.webhooks.add('acme', Webhook('https://ci.example/', new_secret()))
    assert setup.call('PUT', '/v2/acme/app/manifests/1', b'{}').status_code == 400
    assert setup.call('DELETE', f'/v2/acme/app/manifests/{EMPTY}').status_code == 404
    assert setup.call('GET', '/v2/acme/app/manifests/1').status_code == 404
    assert not list(setup.layer.registry.store.list(keys.QUEUE))


def test_a_push_is_acknowledged_although_nobody_can_be_told(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> Any:
        raise Unavailable('the store is away')

    monkeypatch.setattr(setup.layer.webhooks, 'wanting', fail)
    setup.push()
    assert [record.levelno for record in caplog.records if 'push of acme/app' in record.getMessage()] == [logging.ERROR]
