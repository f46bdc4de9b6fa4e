"""What clients of one version push, those of the other pull."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest

from objreg.v1.image import EMPTY_LAYER
from tests.unit.v1.registries import Both, images, layer, packed


@pytest.mark.parametrize('streamed', [True, False])
@pytest.mark.parametrize('version', ['0.9.0', '1.12.6'])
def test_an_image_comes_back_as_it_was_pushed(streamed: bool, version: str) -> None:
    registry = Both()
    pushed = images(packed(layer('a')), layer('b'), EMPTY_LAYER, packed(layer('c', 'd')))
    client = registry.v1(streamed=streamed, version=version)
    assert client.push('library/app', pushed, {'latest': pushed[-1].id, 'base': pushed[0].id}) == 4
    assert registry.v1(version=version).pull('library/app') == pushed
    assert registry.v1().tags('library/app') == {'latest': pushed[-1].id, 'base': pushed[0].id}


def test_what_was_pushed_is_a_manifest_of_the_second_version() -> None:
    registry = Both()
    pushed = images(packed(layer('a')), EMPTY_LAYER, layer('c'))
    registry.v1().push('team/app', pushed, {'1': pushed[-1].id})
    manifest = registry('GET', '/v2/team/app/manifests/1').json()
    config = registry('GET', f'/v2/team/app/blobs/{manifest["config"]["digest"]}').json()
    assert [registry('GET', f'/v2/team/app/blobs/{one["digest"]}').body for one in manifest['layers']] == [
        pushed[0].layer, pushed[2].layer]
    assert [entry.get('empty_layer', False) for entry in config['history']] == [False, True, False]
    assert [entry['created_by'] for entry in config['history']] == [
        f'/bin/sh -c #(nop) step {number}' for number in range(3)]
    assert config['config'] == {'Cmd': ['/bin/sh'], 'Env': ['PATH=/bin']}


def test_the_ids_survive_a_copy_by_the_second_version() -> None:
    registry = Both()
    pushed = images(packed(layer('a')), layer('b'))
    registry.v1().push('team/app', pushed, {'1': pushed[-1].id})
    found = registry('GET', '/v2/team/app/manifests/1')
    document = found.json()
    for one in (document['config'], *document['layers']):
        data = registry('GET', f'/v2/team/app/blobs/{one["digest"]}').body
        registry.push_blob('else/where', data)
    registry.push('else/where', 'copy', found.body, document['mediaType'])
    pulled = registry.v1().pull('else/where', 'copy')
    assert [image.id for image in pulled] == [image.id for image in pushed]
    assert [image.layer for image in pulled] == [image.layer for image in pushed]
    for ours, theirs in zip(pulled, pushed, strict=True):
        ours_said, theirs_said = json.loads(ours.json), json.loads(theirs.json)
        for field in ('id', 'parent', 'created'):
            assert ours_said.get(field) == theirs_said.get(field)


def test_the_same_images_make_the_same_manifest() -> None:
    registry, other = Both(), Both()
    pushed = images(packed(layer('a')), layer('b'))
    for one in (registry, other, registry):
        one.v1().push('team/app', pushed, {'1': pushed[-1].id})
    digests = {one('GET', '/v2/team/app/manifests/1')['Docker-Content-Digest'] for one in (registry, other)}
    assert len(digests) == 1
    assert registry('GET', '/v2/team/app/tags/list').json()['tags'] == ['1']


def test_what_the_second_version_pushed_is_pulled_by_the_first() -> None:
    registry = Both()
    layers = [packed(layer(str(number))) for number in range(3)]
    digest = push_v2(registry, 'app', '2', layers)
    pulled = registry.v1().pull('library/app', '2')
    assert [image.layer for image in pulled] == [layers[0], EMPTY_LAYER, *layers[1:]]
    client = registry.v1()
    client.push('library/app', pulled, {'again': pulled[-1].id})
    assert not any(line.startswith('PUT /v1/images') for line in client.sent), 'it was sent again'
    assert registry('GET', '/v2/app/manifests/again')['Docker-Content-Digest'] == digest


def push_v2(registry: Both, name: str, tag: str, layers: list[bytes]) -> str:
    """An image with these layers (as gzip) and an empty step; its digest."""
    config = {
        'architecture': 'amd64', 'os': 'linux', 'config': {'Cmd': ['/hello']},
        'rootfs': {
            'type': 'layers',
            'diff_ids': [f'sha256:{hashlib.sha256(gzip.decompress(data)).hexdigest()}' for data in layers],
        },
        'history': [
            {'created': '2020-01-01T00:00:00Z', 'created_by': 'ADD file'},
            {'created': '2020-01-01T00:00:01Z', 'created_by': 'ENV a=b', 'empty_layer': True},
            *({'created': '2020-01-01T00:00:02Z', 'created_by': 'RUN'} for _ in layers[1:]),
        ],
    }
    data = json.dumps(config).encode()
    manifest = {
        'schemaVersion': 2, 'mediaType': 'application/vnd.docker.distribution.manifest.v2+json',
        'config': {
            'mediaType': 'application/vnd.docker.container.image.v1+json', 'size': len(data),
            'digest': registry.push_blob(name, data),
        },
        'layers': [
            {
                'mediaType': 'application/vnd.docker.image.rootfs.diff.tar.gzip', 'size': len(one),
                'digest': registry.push_blob(name, one),
            } for one in layers
        ],
    }
    return registry.push(name, tag, json.dumps(manifest).encode(), str(manifest['mediaType']))['Docker-Content-Digest']
