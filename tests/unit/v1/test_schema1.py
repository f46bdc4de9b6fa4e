"""Manifests of schema 1 that are made of what the second version pushed: for whom, and byte for byte which."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from objreg import manifest as manifests
from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.middleware.ancestry import Ancestry
from objreg.names import Digest
from objreg.registry import Registry
from objreg.store import Body, Refused
from objreg.testing.faults import CountingStore
from objreg.v1.image import EMPTY_DIGEST, EMPTY_LAYER
from objreg.wrap.cache import CachedStore
from tests import documents, libtrust
from tests.inprocess import Answer
from tests.unit.v1.registries import Both, images, layer, packed

SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
UNSIGNED = 'application/vnd.docker.distribution.manifest.v1+json'
OLD = {'Accept': SIGNED}
LAYERS = [b'the first layer', b'the second layer']
EMPTY = 'a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4'
CONFIG = (
    b'{"os":"linux", "architecture":"amd64","config":{"Hostname":"x","Cmd":["/hello","<&>\\u00e9"],'
    b'"Env":["A=\xc3\xa9\xe2\x80\xa8"],"Volumes":null,"n":1.50e3},"created":"2020-01-01T00:00:00.100Z",'
    b'"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]},'
    b'"history":[{"created":"2020-01-01T00:00:00.120Z","created_by":"ADD file <a> & b\\tx\\u0007","author":"me",'
    b'"comment":"c"},{"created":"2020-01-01T00:00:01+02:00","created_by":"CMD","empty_layer":true},'
    b'{"created_by":"last"}]}' % (b'1' * 64, b'2' * 64)
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def manifest(config: bytes, *layers: bytes, packing: str = 'gzip', **more: Any) -> bytes:
    """Docker's."""
    return json.dumps({
        'schemaVersion': 2, 'mediaType': manifests.DOCKER_MANIFEST,
        'config': documents.named(config, 'application/vnd.docker.container.image.v1+json'),
        'layers': [
            documents.named(data, f'application/vnd.docker.image.rootfs.diff.tar.{packing}') for data in layers
        ], **more,
    }).encode()


def push(registry: Both, name: str = 'team/app', tag: str = '1', config: bytes = CONFIG, **more: Any) -> bytes:
    for data in (config, *LAYERS):
        registry.push_blob(name, data)
    made = manifest(config, *LAYERS, **more)
    assert registry.push(name, tag, made, manifests.DOCKER_MANIFEST).status == 201
    return made


def ask(registry: Both, name: str = 'team/app', tag: str = '1', method: str = 'GET', **headers: str) -> Answer:
    return registry(method, f'/v2/{name}/manifests/{tag}', headers=headers or OLD)


@pytest.fixture
def registry() -> Both:
    """``team/app:1`` is an image of three steps, the second without a layer."""
    made = Both()
    push(made)
    return made


# What it says


def test_it_is_the_image_with_derived_ids_the_topmost_first(registry: Both) -> None:
    answer = ask(registry)
    assert (answer.status, answer['Content-Type']) == (200, SIGNED)
    document = json.loads(libtrust.payload_of(answer.body))
    blobs = [sha256(LAYERS[0]), EMPTY, sha256(LAYERS[1])]
    root = sha256(f'{blobs[0]} '.encode())
    middle = sha256(f'{blobs[1]} {root}'.encode())
    top = sha256(f'{blobs[2]} {middle} '.encode() + CONFIG)
    history = [json.loads(one['v1Compatibility']) for one in document.pop('history')]
    assert document == {
        'schemaVersion': 1, 'name': 'team/app', 'tag': '1', 'architecture': 'amd64',
        'fsLayers': [{'blobSum': f'sha256:{blob}'} for blob in reversed(blobs)],
    }
    assert [(one['id'], one.get('parent')) for one in history] == [(top, middle), (middle, root), (root, None)]
    assert [one.get('throwaway') for one in history] == [None, True, None]
    assert history[0]['config']['Cmd'] == ['/hello', '<&>é']


def test_it_has_the_bytes_that_docker_registry_2_8_makes() -> None:
    """Docker's registry, as Debian has it, was given this image and said this digest."""
    registry = Both()
    push(registry)
    digest = 'sha256:99ad3b66282450c596b61f4ca8cc5cfe9833906678385d86f1fdcdf62df3419e'
    assert ask(registry)['Docker-Content-Digest'] == digest


def test_the_digest_is_that_of_the_bytes_without_signatures_and_always_the_same(registry: Both) -> None:
    other = Both()
    push(other)
    answers = [ask(registry), ask(registry), ask(other)]
    for answer in answers:
        assert answer['Docker-Content-Digest'] == f'sha256:{sha256(libtrust.payload_of(answer.body))}'
        assert answer['ETag'] == f'"{answer["Docker-Content-Digest"]}"'
    assert len({answer['Docker-Content-Digest'] for answer in answers}) == 1
    assert answers[0].body != answers[2].body, 'each process has a key of its own'


def test_head_is_get_without_the_bytes(registry: Both) -> None:
    said = dict(ask(registry, method='HEAD').headers)
    assert said == dict(ask(registry).headers)


def test_who_has_it_is_not_sent_it_again(registry: Both) -> None:
    digest = ask(registry)['Docker-Content-Digest']
    assert ask(registry, **OLD, **{'If-None-Match': f'"{digest}"'}).status == 304
    assert ask(registry, **OLD, **{'If-None-Match': f'"{Digest.of(b"")}"'}).status == 200


def test_who_takes_no_signatures_is_given_none(registry: Both) -> None:
    answer = ask(registry, Accept=UNSIGNED)
    assert answer['Content-Type'] == UNSIGNED
    assert answer.body == libtrust.payload_of(ask(registry).body)


def test_ids_that_a_configuration_names_are_not_believed(registry: Both) -> None:
    """They are not bound to what they name; old clients keep layers by id."""
    pushed = images(packed(layer('a')), packed(layer('b')))
    registry.v1().push('team/old', pushed, {'1': pushed[-1].id})
    document = json.loads(libtrust.payload_of(ask(registry, 'team/old').body))
    ids = {json.loads(one['v1Compatibility'])['id'] for one in document['history']}
    assert ids.isdisjoint(image.id for image in pushed)
    assert 'objreg.v1.ids' not in document['history'][0]['v1Compatibility']


def test_of_an_index_the_image_for_the_platform_is_given() -> None:
    registry = Both(platform='linux/arm64')
    for architecture in (b'amd64', b'arm64'):
        push(registry, tag=architecture.decode(), config=CONFIG.replace(b'amd64', architecture))
    children = [registry('GET', f'/v2/team/app/manifests/{name}').body for name in ('amd64', 'arm64')]
    index = json.dumps({'schemaVersion': 2, 'mediaType': manifests.DOCKER_LIST, 'manifests': [
        documents.named(child, manifests.DOCKER_MANIFEST, platform={'os': 'linux', 'architecture': name})
        for child, name in zip(children, ('amd64', 'arm64'), strict=True)
    ]}).encode()
    registry.push('team/app', 'multi', index, manifests.DOCKER_LIST)
    assert json.loads(ask(registry, tag='multi').body)['architecture'] == 'arm64'


# For whom


NEWER = [manifests.DOCKER_MANIFEST, manifests.OCI_MANIFEST, manifests.OCI_INDEX, manifests.DOCKER_LIST]


@pytest.mark.parametrize('headers', [
    {'Accept': SIGNED}, {'Accept': UNSIGNED}, {'Accept': f'{SIGNED}, {UNSIGNED};q=0.5'}, {'Accept': SIGNED.upper()},
    {'Accept': f'application/json, {SIGNED}'}, {'User-Agent': 'docker/1.9.1 go/go1.4.2'},
    {'User-Agent': 'docker/1.6.0 go/go1.4.2', 'Accept': 'application/json'}, {'User-Agent': 'docker/1.9'},
])
def test_who_knows_no_other_is_given_schema_1(registry: Both, headers: dict[str, str]) -> None:
    assert ask(registry, **headers).json()['schemaVersion'] == 1


@pytest.mark.parametrize('headers', [
    {'X': 'no Accept'}, {'Accept': '*/*'}, {'Accept': f'{SIGNED}, */*;q=0.1'}, {'Accept': f'{SIGNED},application/*'},
    {'Accept': f'{SIGNED}, {manifests.DOCKER_MANIFEST};q=0.9'},
    {'User-Agent': 'docker/1.10.0 go/go1.5.3'}, {'User-Agent': 'docker/17.05.0-ce', 'Accept': '*/*'},
    {'User-Agent': 'docker/1.9.1', 'Accept': manifests.DOCKER_MANIFEST}, {'User-Agent': 'a docker/1.9.1'},
    {'User-Agent': 'docker/1.9.1', 'Accept': '*/*'},
])
def test_anybody_else_is_given_what_was_pushed(registry: Both, headers: dict[str, str]) -> None:
    answer = ask(registry, **headers)
    assert (answer.status, answer.body) == (200, manifest(CONFIG, *LAYERS))


@pytest.mark.parametrize('newer', NEWER)
def test_who_knows_anything_newer_is_never_given_schema_1(registry: Both, newer: str) -> None:
    answer = ask(registry, Accept=f'{SIGNED}, {newer}')
    assert answer.status == 404 or answer.body == manifest(CONFIG, *LAYERS)


def test_a_digest_names_what_was_pushed_and_nothing_else(registry: Both) -> None:
    stored = Digest.of(manifest(CONFIG, *LAYERS))
    assert ask(registry, tag=str(stored)).body == manifest(CONFIG, *LAYERS)
    assert ask(registry, tag=ask(registry)['Docker-Content-Digest']).status == 404


def test_without_it_there_is_none() -> None:
    registry = Both(schema1='none')
    push(registry)
    assert (ask(registry).status, ask(registry).code) == (404, 'MANIFEST_UNKNOWN')


def test_an_option_that_means_nothing_stops_the_start() -> None:
    with pytest.raises(ConfigError, match='schema1'):
        Ancestry(lambda *_: [], registry=Registry(MemoryStore()), schema1='on')


def test_it_costs_nobody_else_a_call() -> None:
    bucket = MemoryStore()
    push(Both(bucket))
    costs = []
    for options in ({'schema1': 'none'}, {'schema1': 'serve'}):
        counting = CountingStore(bucket)
        registry = Both(CachedStore(counting), **options)
        counting.reset()
        accepts = {'Accept': ', '.join(NEWER), 'User-Agent': 'docker/27.1'}
        for method in ('HEAD', 'GET'):
            assert ask(registry, method=method, **accepts).status == 200
        assert registry('GET', f'/v2/team/app/blobs/{Digest.of(LAYERS[0])}').status == 200
        costs.append(dict(counting.calls))
    assert costs[0] == costs[1]


def test_it_costs_two_reads() -> None:
    bucket = MemoryStore()
    push(Both(bucket))
    counting = CountingStore(bucket)
    registry = Both(CachedStore(counting))
    counting.reset()
    assert ask(registry).status == 200
    assert dict(counting.calls) == {'get': 2}


# What has no such form


def reason(registry: Both, tag: str = '1') -> str:
    answer = ask(registry, tag=tag)
    assert (answer.status, answer.code) == (404, 'MANIFEST_UNKNOWN')
    detail: str = answer.json()['errors'][0]['detail']
    return detail


def test_layers_that_old_clients_cannot_unpack_are_not_named() -> None:
    registry = Both()
    push(registry, packing='zstd')
    assert 'zstd' in reason(registry)


def test_what_is_no_image_has_none(registry: Both) -> None:
    registry.push_blob('team/app', b'{}')
    registry.push('team/app', 'chart', documents.dump({
        'schemaVersion': 2, 'mediaType': manifests.OCI_MANIFEST, 'layers': [],
        'config': documents.named(b'{}', 'application/vnd.cncf.helm.config.v1+json'),
    }))
    assert 'helm' in reason(registry, 'chart')
    assert ask(registry, tag='missing').status == 404


@pytest.mark.parametrize('config', [
    CONFIG.replace(b'"amd64"', b'["amd64"]'), CONFIG.replace(b'"amd64"', b'"\\ud800"'), b'[]', CONFIG[:-1],
    CONFIG.replace(b'"created_by":"last"', b'"created_by":"\\udfff","empty_layer":true'), b'[' * 5000,
    CONFIG.replace(b'"comment":"c"', b'"comment":"\\ud83d"'),
])
def test_a_configuration_that_is_no_text_makes_none(config: bytes) -> None:
    registry = Both()
    push(registry, config=config)
    answer = ask(registry)
    if answer.status == 200:
        libtrust.payload_of(answer.body).decode()
    else:
        assert answer.code == 'MANIFEST_UNKNOWN'


# The layer that changes nothing


def test_the_empty_layer_that_it_names_is_there(registry: Both) -> None:
    for method, body in (('HEAD', b''), ('GET', EMPTY_LAYER)):
        answer = registry(method, f'/v2/team/app/blobs/sha256:{EMPTY}')
        assert (answer.status, answer.body, answer['Content-Length']) == (200, body, '32')
    assert sha256(EMPTY_LAYER) == EMPTY


def test_whoever_was_told_that_it_is_there_can_name_it(registry: Both) -> None:
    """A client that pushes asks, and does not send what is there."""
    assert registry('HEAD', f'/v2/team/app/blobs/{EMPTY_DIGEST}').status == 200
    registry.push_blob('team/app', documents.CONFIG)
    assert registry.push('team/app', 'empty', documents.image(EMPTY_LAYER)).status == 201


def test_nothing_is_written_where_nobody_pushed() -> None:
    registry = Both()
    before = [entry.key for entry in registry.store.list('')]
    for method in ('HEAD', 'GET'):
        assert registry(method, f'/v2/no/where/blobs/{EMPTY_DIGEST}').status == 404
    assert [entry.key for entry in registry.store.list('')] == before


def test_a_store_that_cannot_be_written_serves_it_all_the_same() -> None:
    class Full(MemoryStore):
        is_full = False

        def put(self, key: str, body: Body, size: int | None = None, *, if_absent: bool = False) -> None:
            if self.is_full:
                raise Refused('full')
            super().put(key, body, size, if_absent=if_absent)

    bucket = Full()
    registry = Both(bucket)
    push(registry)
    bucket.is_full = True
    assert registry('GET', f'/v2/team/app/blobs/{EMPTY_DIGEST}').body == EMPTY_LAYER
    assert registry('HEAD', f'/v2/team/app/blobs/{EMPTY_DIGEST}').status == 200
    assert ask(registry).status == 200
