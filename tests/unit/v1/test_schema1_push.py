"""Manifests of schema 1 that clients push: what becomes of them, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from objreg import keys
from objreg import manifest as manifests
from objreg.errors import ManifestInvalid
from objreg.libtrust import payload_of
from objreg.middleware.readonly import ReadOnly
from objreg.names import Digest
from objreg.testing.v1_client import V1Image
from objreg.v1 import schema1_intake
from objreg.v1.image import EMPTY_LAYER
from tests import libtrust
from tests.inprocess import Answer
from tests.unit.v1.registries import Both, images, layer, packed
from tests.unit.v1.test_schema1 import SIGNED, UNSIGNED

EMPTY = 'sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4'
IMAGES = images(packed(layer('a')), EMPTY_LAYER, layer('b'))
MEMBERS = [image.layer for image in IMAGES if image.layer != EMPTY_LAYER]
Change = Callable[[dict[str, Any]], Any]


def digest_of(data: bytes) -> str:
    return f'sha256:{hashlib.sha256(data).hexdigest()}'


def document(pushed: list[V1Image] = IMAGES, **fields: Any) -> dict[str, Any]:
    """Of these images, the root's first."""
    return {
        'schemaVersion': 1, 'name': 'team/app', 'tag': '1', 'architecture': 'amd64',
        'fsLayers': [{'blobSum': digest_of(image.layer)} for image in reversed(pushed)],
        'history': [{'v1Compatibility': image.json.decode()} for image in reversed(pushed)], **fields,
    }


def dump(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, indent=3).encode()


@pytest.fixture
def registry() -> Both:
    """It accepts them, and ``team/app`` has the layers."""
    made = Both(schema1='accept')
    for data in MEMBERS:
        made.push_blob('team/app', data)
    return made


def put(registry: Both, body: bytes, reference: str = '1', name: str = 'team/app', type: str = SIGNED,
        **headers: str) -> Answer:
    given = {'Content-Type': type} if type else {}
    return registry('PUT', f'/v2/{name}/manifests/{reference}', body, {**given, **headers})


def refused(registry: Both, body: bytes, **more: str) -> str:
    """Why; nothing was written."""
    before = {entry.key for entry in registry.store.list('')}
    answer = put(registry, body, **more)
    assert (answer.status, answer.code) == (400, 'MANIFEST_INVALID'), answer
    assert {entry.key for entry in registry.store.list('')} == before
    detail: str = answer.json()['errors'][0]['detail']
    return detail


# What becomes of it


@pytest.mark.parametrize(('type', 'sign'), [
    (SIGNED, True), (UNSIGNED, False), ('', True), ('application/json', True),
    ('application/json; charset=utf-8', False),
])
def test_it_becomes_a_manifest_of_schema_2(registry: Both, type: str, sign: bool) -> None:
    payload = dump(document())
    answer = put(registry, libtrust.signed(payload) if sign else payload, type=type)
    assert (answer.status, answer['Docker-Content-Digest']) == (201, digest_of(payload))
    found = registry('GET', '/v2/team/app/manifests/1')
    assert found['Content-Type'] == manifests.DOCKER_MANIFEST
    assert answer['Location'].endswith(found['Docker-Content-Digest'])
    manifest = found.json()
    assert [one['digest'] for one in manifest['layers']] == [digest_of(data) for data in MEMBERS]
    assert [one['size'] for one in manifest['layers']] == [len(data) for data in MEMBERS]
    config = registry('GET', f'/v2/team/app/blobs/{manifest["config"]["digest"]}').json()
    assert config['rootfs']['diff_ids'] == [digest_of(layer('a')), digest_of(layer('b'))]
    assert [step.get('empty_layer', False) for step in config['history']] == [False, True, False]
    assert [step['created_by'] for step in config['history']] == [
        f'/bin/sh -c #(nop) step {number}' for number in range(3)]
    assert config['config'] == {'Cmd': ['/bin/sh'], 'Env': ['PATH=/bin']}


def test_the_first_version_pulls_the_very_images(registry: Both) -> None:
    put(registry, libtrust.signed(dump(document())))
    assert registry.v1().pull('team/app', '1') == IMAGES


def test_what_is_served_again_is_of_the_same_layers(registry: Both) -> None:
    put(registry, dump(document()))
    served = registry('GET', '/v2/team/app/manifests/1', headers={'Accept': SIGNED})
    fields = json.loads(libtrust.payload_of(served.body))
    assert fields['fsLayers'] == document()['fsLayers']


def test_what_is_served_is_accepted_and_comes_back_the_same(registry: Both) -> None:
    put(registry, dump(document()))
    served = registry('GET', '/v2/team/app/manifests/1', headers={'Accept': SIGNED})
    assert put(registry, served.body)['Docker-Content-Digest'] == served['Docker-Content-Digest']
    ids = [json.loads(one['v1Compatibility'])['id'] for one in json.loads(served.body)['history']]
    pulled = registry.v1().pull('team/app', '1')
    assert [image.id for image in reversed(pulled)] == ids


def test_a_layer_is_read_once(registry: Both) -> None:
    assert put(registry, dump(document())).status == 201
    with patch('objreg.v1.schema1_intake.LayerScan', side_effect=AssertionError):
        assert put(registry, dump(document(tag='2')), '2').status == 201
        assert put(Both(registry.store, schema1='accept'), dump(document(tag='3')), '3').status == 201


def test_what_a_manifest_of_schema_2_says_of_its_layers_is_not_believed(registry: Both) -> None:
    """Its author may say any digest; the images that are noted of it are no witness."""
    put(registry, dump(document()))
    found = registry('GET', '/v2/team/app/manifests/1').json()
    lying = registry('GET', f'/v2/team/app/blobs/{found["config"]["digest"]}').json()
    lying['rootfs']['diff_ids'] = [digest_of(b'lie'), digest_of(b'lie')]
    del lying['objreg.v1.ids']
    data = json.dumps(lying).encode()
    other = Both(schema1='accept')
    for blob in (data, *MEMBERS):
        other.push_blob('team/app', blob)
    found['config'] |= {'digest': digest_of(data), 'size': len(data)}
    assert other.push('team/app', 'lie', json.dumps(found).encode(), manifests.DOCKER_MANIFEST).status == 201
    other.v1().pull('team/app', 'lie')
    assert put(other, dump(document())).status == 201
    stored = other('GET', '/v2/team/app/manifests/1').json()
    config = other('GET', f'/v2/team/app/blobs/{stored["config"]["digest"]}').json()
    assert config['rootfs']['diff_ids'] == [digest_of(layer('a')), digest_of(layer('b'))]


def test_an_id_that_is_taken_goes_on_meaning_what_it_meant(registry: Both) -> None:
    registry.v1().push('team/app', IMAGES, {'first': IMAGES[-1].id})
    others = [IMAGES[0], V1Image(IMAGES[1].json, packed(layer('x'))), *IMAGES[2:]]
    registry.push_blob('team/app', others[1].layer)
    assert put(registry, dump(document(others))).status == 201
    assert registry.v1().pull('team/app', 'first') == IMAGES
    pulled = registry.v1().pull('team/app', '1')
    assert [image.layer for image in pulled] == [image.layer for image in others]
    assert {image.id for image in pulled}.isdisjoint(image.id for image in IMAGES[1:])


def test_conditions_hold(registry: Both) -> None:
    put(registry, dump(document()))
    assert put(registry, dump(document()), **{'If-None-Match': '*'}).status == 412
    assert put(registry, dump(document()), **{'If-Match': f'"{digest_of(b"")}"'}).status == 412


def test_other_manifests_without_a_type_pass(registry: Both) -> None:
    registry.push_blob('team/app', b'{}')
    made = json.dumps({
        'schemaVersion': 2, 'mediaType': manifests.OCI_MANIFEST, 'layers': [], 'annotations': {'a': '"fsLayers"'},
        'config': {'mediaType': 'application/json', 'digest': digest_of(b'{}'), 'size': 2},
    }).encode()
    for type in ('', 'application/json'):
        assert put(registry, made, type=type)['Docker-Content-Digest'] == digest_of(made)
    assert put(registry, b'no JSON', type='').code == 'MANIFEST_INVALID'


@pytest.mark.parametrize('schema1', ['none', 'serve'])
def test_it_is_not_accepted_unless_that_is_said(schema1: str) -> None:
    answer = put(Both(schema1=schema1), dump(document()))
    assert (answer.status, answer.code) == (400, 'MANIFEST_INVALID')
    assert 'skopeo copy --format v2s2' in answer.json()['errors'][0]['detail']


# What is refused


def test_layers_that_the_repository_has_not(registry: Both) -> None:
    registry.push_blob('other/app', packed(layer('secret')))
    for data in (packed(layer('secret')), b'nobody has it'):
        answer = put(registry, dump(document(images(data))))
        assert (answer.status, answer.code) == (404, 'MANIFEST_BLOB_UNKNOWN')


def replaced(**fields: Any) -> Change:
    return lambda found: found.update(fields)


def inside(**fields: Any) -> Change:
    """Other fields of the topmost image."""
    def change(found: dict[str, Any]) -> None:
        said = json.loads(found['history'][0]['v1Compatibility']) | fields
        found['history'][0]['v1Compatibility'] = json.dumps({name: said[name] for name in said if said[name] != ''})
    return change


CHANGES: dict[str, tuple[Change, str]] = {
    'the name of another repository': (replaced(name='other/app'), 'name and tag'),
    'another tag': (replaced(tag='2'), 'name and tag'),
    'no tag': (lambda found: found.pop('tag'), 'name and tag'),
    'another schema': (replaced(schemaVersion=2), 'schemaVersion'),
    'a schema that is no number': (replaced(schemaVersion=True), 'schemaVersion'),
    'no layers': (replaced(fsLayers=[], history=[]), '0 steps'),
    'layers that are no list': (replaced(fsLayers={}), 'fsLayers is a list'),
    'a layer that is no object': (replaced(fsLayers=[EMPTY] * 3), 'blobSum'),
    'a layer too many': (lambda found: found['fsLayers'].append({'blobSum': EMPTY}), '4 fsLayers and 3'),
    'a layer too few': (lambda found: found['fsLayers'].pop(), '2 fsLayers and 3'),
    'history that is a list of texts': (replaced(history=['{}'] * 3), 'v1Compatibility'),
    'an image that is no JSON': (lambda found: found['history'][0].update(v1Compatibility='{'), 'not JSON'),
    'an image that is no object': (lambda found: found['history'][0].update(v1Compatibility='[]'), 'object'),
    'an image that is no text': (lambda found: found['history'][0].update(v1Compatibility={}), 'v1Compatibility'),
    'an image that says a thing twice': (
        lambda found: found['history'][0].update(v1Compatibility='{"id": "a", "id": "b"}'), 'twice'),
    'half a character': (lambda found: found['history'][0].update(v1Compatibility='{"id": "\ud800"}'), 'history'),
    'an image without an id': (inside(id=''), 'no id'),
    'an id that is none': (inside(id='../x'), 'no id'),
    'another parent': (inside(parent='f' * 64), 'parent'),
    'no parent': (inside(parent=''), 'parent'),
    'an image that is its own ancestor': (
        lambda found: found.update(
            history=[found['history'][0], *found['history']], fsLayers=[{'blobSum': EMPTY}, *found['fsLayers']]),
        'parent'),
    'a layer that is thrown away': (inside(throwaway=True), 'thrown away'),
    'a digest that is none': (lambda found: found['fsLayers'][0].update(blobSum='sha256:x'), 'digest'),
    'a digest of another kind': (lambda found: found['fsLayers'][0].update(blobSum=f'sha512:{"0" * 128}'), 'sha256'),
    'an architecture that is no text': (replaced(architecture=['amd64']), 'architecture'),
}


@pytest.mark.parametrize('change', CHANGES)
@pytest.mark.parametrize('sign', [True, False])
def test_what_is_not_such_a_manifest(registry: Both, change: str, sign: bool) -> None:
    apply, why = CHANGES[change]
    fields = document()
    apply(fields)
    assert why in refused(registry, libtrust.signed(dump(fields)) if sign else dump(fields))


def test_more_steps_than_anybody_needs(registry: Both) -> None:
    assert '501 steps' in refused(registry, dump(document(images(*[EMPTY_LAYER] * 501))))


def test_an_image_that_is_too_large(registry: Both) -> None:
    assert 'bytes' in refused(registry, dump(document(images(EMPTY_LAYER, comment='x' * 1024**2))))


def test_a_manifest_that_is_too_large(registry: Both) -> None:
    for type in (SIGNED, 'application/json'):
        assert put(registry, b' ' * (4 * 1024**2 + 1), type=type).status == 413


def test_a_name_that_is_there_twice(registry: Both) -> None:
    body = dump(document()).replace(b'"name"', b'"name": "other/app", "name"')
    assert 'twice' in refused(registry, body)


def test_by_digest(registry: Both) -> None:
    assert 'tag' in refused(registry, dump(document()), reference=digest_of(dump(document())))


@pytest.mark.parametrize('data', [packed(layer('a'))[:-9], packed(layer('a')) + b'more'])
def test_a_layer_that_cannot_be_unpacked(registry: Both, data: bytes) -> None:
    registry.push_blob('team/app', data)
    assert 'is no layer' in refused(registry, dump(document(images(data))))
    with patch.object(schema1_intake, '_PATIENCE', 0.0):
        assert put(registry, PAYLOAD).status == 201, 'it is the turn of the next one'


def test_one_push_reads_layers_at_a_time(registry: Both) -> None:
    turn = registry.app._schema1._intake._turn  # type: ignore[attr-defined]
    with patch.object(schema1_intake, '_PATIENCE', 0.0):
        with turn:
            answer = put(registry, PAYLOAD)
            assert (answer.status, answer['Retry-After']) == (503, '30')
        assert put(registry, PAYLOAD).status == 201


def test_a_layer_that_is_damaged_is_not_believed(registry: Both) -> None:
    registry.store.put(keys.content(Digest.of(MEMBERS[0])), packed(layer('z')))
    assert put(registry, PAYLOAD).status == 503


def test_what_the_layers_behind_refuse_is_told_as_they_say_it(registry: Both) -> None:
    registry.app.app = ReadOnly(registry.app.app)  # type: ignore[attr-defined]
    answer = put(registry, PAYLOAD)
    assert answer.status >= 400 and 'read-only' in answer.body.decode()
    assert [entry.key for entry in registry.store.list('images/')] == []


def test_layers_that_are_too_large_when_unpacked(registry: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Together: each alone is small enough."""
    monkeypatch.setattr(schema1_intake, 'MOST_UNPACKED', len(layer('a')) + 1024)
    assert 'is no layer' in refused(registry, dump(document()))


# Signatures


PAYLOAD = dump(document())
OTHER_KEY = libtrust.jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key())
ATTACKS: dict[str, tuple[bytes, str]] = {
    'no algorithm': (libtrust.signed(PAYLOAD, alg='none', signature=''), 'ES256'),
    'an algorithm with a secret': (
        libtrust.signed(PAYLOAD, alg='HS256', jwk={'kty': 'oct', 'k': 'AAAA'}), 'ES256'),
    'an algorithm that is no text': (libtrust.signed(PAYLOAD, alg=['ES256']), 'ES256'),
    'the key of somebody else': (libtrust.signed(PAYLOAD, jwk=OTHER_KEY), 'wrong'),
    'a key that is no point': (libtrust.signed(PAYLOAD, jwk={**OTHER_KEY, 'x': OTHER_KEY['y']}), 'wrong'),
    'a key of another kind': (libtrust.signed(PAYLOAD, jwk={**OTHER_KEY, 'crv': 'P-384'}), 'crv'),
    'no key': (libtrust.signed(PAYLOAD, jwk=None), 'jwk'),
    'a short signature': (libtrust.signed(PAYLOAD, signature='AAAA'), 'wrong'),
    'a signature that is no base64': (libtrust.signed(PAYLOAD, signature='!'), 'wrong'),
    'a length beyond the end': (libtrust.signed(PAYLOAD, protected={'formatLength': 10**9}), 'formatLength'),
    'a negative length': (libtrust.signed(PAYLOAD, protected={'formatLength': -5}), 'formatLength'),
    'a length that is none': (libtrust.signed(PAYLOAD, protected={'formatLength': True}), 'formatLength'),
    'no length': (libtrust.signed(PAYLOAD, protected={'formatLength': None}), 'formatLength'),
    'a length before the end': (libtrust.signed(PAYLOAD, protected={'formatLength': 20}), 'not JSON'),
    'a tail that brings fields': (
        libtrust.signed(PAYLOAD, protected={'formatTail': libtrust.encode(b',"tag":"2"}')}), 'formatTail'),
    'no tail': (libtrust.signed(PAYLOAD, protected={'formatTail': libtrust.encode(b'')}), 'formatTail'),
    'a tail that is not what was signed': (
        libtrust.signed(PAYLOAD, protected={'formatTail': libtrust.encode(b'}')}), 'wrong'),
    'an algorithm that is protected, too': (libtrust.signed(PAYLOAD, protected={'alg': 'none'}), 'protects'),
    'what has to be understood': (libtrust.signed(PAYLOAD, protected={'crit': ['b64'], 'b64': False}), 'protects'),
    'something else than what is signed': (
        libtrust.signed(PAYLOAD).replace(b',"signatures"', b',"more": 1,"signatures"'), 'another document'),
    'a change': (libtrust.signed(PAYLOAD).replace(b'"amd64"', b'"arm64"'), 'wrong'),
    'no signature': (PAYLOAD[:-2] + b',"signatures":[]}', 'signatures'),
    'signatures that are no list': (PAYLOAD[:-2] + b',"signatures":{}}', 'signatures'),
    'signatures that are none': (PAYLOAD[:-2] + b',"signatures":[1]}', 'signature'),
}


@pytest.mark.parametrize('attack', ATTACKS)
def test_a_signature_that_is_not_of_the_manifest(registry: Both, attack: str) -> None:
    body, why = ATTACKS[attack]
    assert why in refused(registry, body)


def test_the_id_of_another_key(registry: Both) -> None:
    body = json.loads(libtrust.signed(PAYLOAD))
    signature = body['signatures'][0]
    signature['header']['jwk']['kid'] = OTHER_KEY['kid']
    text = PAYLOAD[:-2] + b',"signatures":' + json.dumps([signature]).encode() + b'}'
    assert 'another one' in refused(registry, text)


def test_one_bad_signature_among_good_ones(registry: Both) -> None:
    blocks = [json.loads(libtrust.signed(PAYLOAD, **more))['signatures'][0] for more in ({}, {'jwk': OTHER_KEY})]
    for given, why in ((blocks, 'wrong'), (blocks[:1] * 17, 'signatures')):
        assert why in refused(registry, PAYLOAD[:-2] + b',"signatures":' + json.dumps(given).encode() + b'}')


def test_several_good_signatures_are_good(registry: Both) -> None:
    blocks = [json.loads(libtrust.signed(PAYLOAD))['signatures'][0] for _ in range(2)]
    body = PAYLOAD[:-2] + b',"signatures":' + json.dumps(blocks).encode() + b'}'
    assert put(registry, body)['Docker-Content-Digest'] == digest_of(PAYLOAD)


def test_a_signature_by_rsa() -> None:
    key = rsa.generate_private_key(65537, 2048)
    jwk = {'kty': 'RSA', 'e': 'AQAB', 'n': libtrust.encode(key.public_key().public_numbers().n.to_bytes(256))}
    protected = json.loads(libtrust.signed(PAYLOAD))['signatures'][0]['protected']
    raw = key.sign(f'{protected}.{libtrust.encode(PAYLOAD)}'.encode(), padding.PKCS1v15(), hashes.SHA256())
    for signature, is_good in ((raw, True), (bytes(256), False)):
        header = {'jwk': jwk, 'alg': 'RS256'}
        block = {'header': header, 'signature': libtrust.encode(signature), 'protected': protected}
        body = PAYLOAD[:-2] + b',"signatures":' + json.dumps([block]).encode() + b'}'
        if is_good:
            assert payload_of(body) == PAYLOAD
        else:
            with pytest.raises(ManifestInvalid):
                payload_of(body)


def test_a_layer_that_is_not_packed_is_as_it_was_pushed(registry: Both) -> None:
    assert gzip.decompress(MEMBERS[0]) == layer('a')
    put(registry, PAYLOAD)
    types = [one['mediaType'] for one in registry('GET', '/v2/team/app/manifests/1').json()['layers']]
    assert types == [f'application/vnd.docker.image.rootfs.diff.tar{packing}' for packing in ('.gzip', '')]
