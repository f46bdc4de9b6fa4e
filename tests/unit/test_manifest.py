"""Manifests: what is accepted, what they name, and what no two readers may read differently."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objreg import manifest as manifests
from objreg.descriptor import Descriptor
from objreg.errors import ManifestInvalid, RegistryError
from objreg.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, parse
from objreg.names import Digest
from tests.documents import named
from tests.unit.test_descriptor import JSON

CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
OTHER = 'application/vnd.example.thing+json'


CONFIG = named(b'{}', CONFIG_TYPE)
IMAGE = {'schemaVersion': 2, 'config': CONFIG, 'layers': [named(b'a'), named(b'b')]}
INDEX = {'schemaVersion': 2, 'manifests': [named(b'm', OCI_MANIFEST)]}


def read(document, content_type='', **options):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse(data, content_type, **options)


@pytest.mark.parametrize(('document', 'content_type', 'found'), [
    (IMAGE, OCI_MANIFEST, OCI_MANIFEST),
    (IMAGE, DOCKER_MANIFEST, DOCKER_MANIFEST),
    (IMAGE, OCI_MANIFEST + '; charset=utf-8', OCI_MANIFEST),
    (IMAGE | {'mediaType': DOCKER_MANIFEST}, DOCKER_MANIFEST, DOCKER_MANIFEST),
    (INDEX, OCI_INDEX, OCI_INDEX),
    (INDEX, DOCKER_LIST, DOCKER_LIST),
    ({'schemaVersion': 2, 'manifests': []}, OCI_INDEX, OCI_INDEX),
    (IMAGE | {'layers': None}, OCI_MANIFEST, OCI_MANIFEST),
    # a header that says nothing: the document tells
    (IMAGE, '', OCI_MANIFEST),
    (INDEX, 'application/json', OCI_INDEX),
    (IMAGE | {'mediaType': DOCKER_MANIFEST}, 'Application/Octet-Stream', DOCKER_MANIFEST),
    ({'mediaType': OTHER}, '', OTHER),
    ({'mediaType': OTHER, 'blobs': [named(b'a')]}, OTHER, OTHER),
    ({'mediaType': 'application/x.Y', 'schemaVersion': '3'}, 'application/x.Y', 'application/x.Y'),
])
def test_the_media_type(document, content_type, found):
    assert read(document, content_type).media_type == found


@pytest.mark.parametrize(('document', 'content_type', 'reason'), [
    ([], OCI_MANIFEST, 'JSON object'),
    (b'', OCI_MANIFEST, 'not JSON'),
    (b'{', OCI_MANIFEST, 'not JSON'),
    ({}, '', 'say what it is'),
    ({'schemaVersion': 2}, OTHER, 'has to say its mediaType'),
    (IMAGE, 'nonsense', 'begins with application/'),
    ({'mediaType': 'text/html'}, 'text/html', 'begins with application/'),
    ({'mediaType': 'application/x\r\nA: b'}, '', 'begins with application/'),
    ({'mediaType': 'application/' + 'x' * 128}, '', 'begins with application/'),
    ({'mediaType': 'application/\u0661'}, '', 'begins with application/'),
    (IMAGE | {'mediaType': 5}, OCI_MANIFEST, 'mediaType is a string'),
    (IMAGE | {'mediaType': DOCKER_MANIFEST}, OCI_MANIFEST, 'Content-Type is'),
    (IMAGE | {'mediaType': OTHER}, OCI_MANIFEST, 'Content-Type is'),
    (IMAGE | {'schemaVersion': 3}, OCI_MANIFEST, 'schemaVersion is not 2'),
    (IMAGE | {'schemaVersion': '2'}, OCI_MANIFEST, 'schemaVersion is not 2'),
    (IMAGE | {'schemaVersion': 1}, OCI_MANIFEST, 'skopeo copy'),
    ({'signatures': []}, 'application/vnd.docker.distribution.manifest.v1+prettyjws', 'skopeo copy'),
    (IMAGE | {'mediaType': 'application/vnd.docker.distribution.manifest.v1+json'}, '', 'skopeo copy'),
    (IMAGE | {'config': None}, OCI_MANIFEST, 'needs config and layers'),
    ({'schemaVersion': 2, 'config': CONFIG}, OCI_MANIFEST, 'needs config and layers'),
    ({'schemaVersion': 2, 'layers': []}, OCI_MANIFEST, 'needs config and layers'),
    ({'schemaVersion': 2}, OCI_INDEX, 'needs manifests'),
    (IMAGE | {'layers': {}}, OCI_MANIFEST, 'layers is a list'),
    (INDEX | {'manifests': 'x'}, OCI_INDEX, 'manifests is a list'),
    (IMAGE | {'layers': [5]}, OCI_MANIFEST, 'JSON object'),
    (IMAGE | {'config': CONFIG | {'size': -1}}, OCI_MANIFEST, 'size in bytes'),
    (IMAGE | {'subject': 5}, OCI_MANIFEST, 'JSON object'),
    (IMAGE | {'artifactType': 5}, OCI_MANIFEST, 'artifactType is a string'),
    (IMAGE | {'annotations': {'a': 5}}, OCI_MANIFEST, 'annotations are strings'),
    (IMAGE | {'annotations': []}, OCI_MANIFEST, 'annotations are strings'),
    (IMAGE | {'config': CONFIG | {'data': b64encode(b'[]').decode()}}, OCI_MANIFEST, 'does not match'),
    (IMAGE | {'config': CONFIG | {'data': '!'}}, OCI_MANIFEST, 'base64'),
], ids=str)
def test_what_is_no_manifest(document, content_type, reason):
    with pytest.raises(ManifestInvalid) as caught:
        read(document, content_type)
    assert reason in caught.value.detail


@pytest.mark.parametrize(('document', 'content_type'), [
    (IMAGE | INDEX, OCI_MANIFEST), (IMAGE | INDEX, OCI_INDEX), (IMAGE, OCI_INDEX), (INDEX, OCI_MANIFEST),
    (INDEX | {'layers': []}, OCI_INDEX), (INDEX | {'config': None}, OCI_INDEX), (INDEX | IMAGE, ''),
    (IMAGE | INDEX | {'mediaType': OTHER}, OTHER), (IMAGE | {'manifests': None}, OCI_MANIFEST),
])
def test_one_document_is_never_both_an_image_and_an_index(document, content_type):
    """CVE-2021-41190: a document with layers and manifests is what its Content-Type says, today this, tomorrow that."""
    with pytest.raises(ManifestInvalid):
        read(document, content_type)


@pytest.mark.parametrize('text', [
    '{"schemaVersion":2,"config":%s,"layers":[],"layers":[]}',
    '{"schemaVersion":2,"config":%s,"layers":[],"annotations":{"a":"b","a":"c"}}',
    '{"schemaVersion":2,"config":%s,"layers":[],"Manifests":[]}',
    '{"schemaVersion":2,"config":%s,"layers":[],"layer\u017f":[]}',
    '{"schemaVersion":2,"config":%s,"layers":[],"MediaType":"' + OCI_INDEX + '"}',
    '{"schemaVersion":2,"config":%s,"layers":[],"x":NaN}',
    '{"schemaVersion":2,"config":%s,"layers":[],"x":-Infinity}',
    '{"schemaVersion":2,"config":%s,"layers":[],"x":1e999}',
    '\ufeff{"schemaVersion":2,"config":%s,"layers":[]}',
])
def test_what_two_readers_of_json_may_read_differently_is_refused(text):
    data = (text % json.dumps(CONFIG)).encode()
    with pytest.raises(ManifestInvalid):
        read(data, OCI_MANIFEST)


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'utf-32', 'utf-8-sig'])
def test_json_is_utf_8(encoding):
    with pytest.raises(ManifestInvalid):
        read(json.dumps(IMAGE).encode(encoding), OCI_MANIFEST)


@pytest.mark.parametrize('bomb', [
    b'[' * 100_000, b'{"a":' * 100_000, b'[' * 65 + b']' * 65, b'9' * 5000,
    b'{"schemaVersion":' + b'9' * 100_000 + b'}',
    b'"\\ud800', b'\xed\xa0\x80', b'\xc0\xaf', b'{"a":' + b'1e' + b'9' * 5000 + b'}',
], ids=lambda bomb: bomb[:12].decode('latin-1'))
def test_json_bombs_get_the_error_of_a_manifest(bomb):
    with pytest.raises(ManifestInvalid) as caught:
        read(bomb, OCI_MANIFEST)
    assert len(caught.value.detail) < 300


def test_a_manifest_may_be_deep_but_not_deeper_than_every_reader_can_go():
    def nested(depth):
        return IMAGE | {'x': json.loads('[' * depth + ']' * depth), 'y': [[]] * 70}
    assert read(nested(manifests.MAX_DEPTH - 1), OCI_MANIFEST)
    with pytest.raises(ManifestInvalid, match='in each other'):
        read(nested(manifests.MAX_DEPTH), OCI_MANIFEST)


def test_the_number_of_children_is_bounded():
    many = IMAGE | {'layers': [named(b'a')] * 9}
    assert len(read(many, OCI_MANIFEST, max_children=10).blobs) == 10
    with pytest.raises(ManifestInvalid, match='10 things; 9 at most'):
        read(many, OCI_MANIFEST, max_children=9)


def test_what_an_image_names():
    found = read(IMAGE | {'subject': named(b's', OCI_MANIFEST), 'annotations': {'a': 'b'}}, OCI_MANIFEST)
    assert [child.digest for child in found.blobs] == [Digest.of(b'{}'), Digest.of(b'a'), Digest.of(b'b')]
    assert found.manifests == ()
    assert found.subject == Descriptor(OCI_MANIFEST, Digest.of(b's'), 1)
    assert found.annotations == {'a': 'b'}


def test_what_an_index_names():
    found = read(INDEX, OCI_INDEX)
    assert found.blobs == ()
    assert [child.digest for child in found.manifests] == [Digest.of(b'm')]


def test_what_an_unknown_type_names_is_checked_like_the_rest():
    found = read({'mediaType': OTHER, 'blobs': [named(b'a')], 'config': CONFIG}, OTHER)
    assert [child.digest for child in found.blobs] == [Digest.of(b'{}'), Digest.of(b'a')]


@pytest.mark.parametrize(('document', 'artifact_type'), [
    (IMAGE, CONFIG_TYPE), (IMAGE | {'artifactType': 'a/b'}, 'a/b'), (IMAGE | {'artifactType': ''}, CONFIG_TYPE),
    (INDEX, ''), (INDEX | {'artifactType': 'a/b'}, 'a/b'), ({'mediaType': OTHER, 'config': CONFIG}, ''),
])
def test_the_artifact_type(document, artifact_type):
    assert read(document).artifact_type == artifact_type


def test_a_data_field_that_matches_is_taken():
    assert read(IMAGE | {'config': CONFIG | {'data': b64encode(b'{}').decode()}}, OCI_MANIFEST).blobs[0].data == b'{}'


@pytest.mark.parametrize(('media_type', 'urls', 'elsewhere'), [
    ('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', ('https://a',), True),
    ('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', ('https://a',), True),
    ('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', (), False),
    ('application/vnd.oci.image.layer.v1.tar+gzip', ('https://a',), False),
])
def test_layers_that_need_not_be_here(media_type, urls, elsewhere):
    assert manifests.is_elsewhere(Descriptor(media_type, Digest.of(b''), 0, urls=urls)) is elsewhere


@pytest.mark.parametrize(('accepted', 'taken'), [
    ('', True), ('*/*', True), ('application/*', True), (OCI_INDEX, True), (f'text/plain, {OCI_INDEX};q=0.5', True),
    ('text/html, */*;q=0.1', True), (OCI_INDEX.upper(), True), (DOCKER_LIST, False), ('text/*', False), (',', False),
])
def test_accept(accepted, taken):
    assert manifests.is_accepted(OCI_INDEX, accepted) is taken


def test_the_image_that_an_old_client_gets_of_an_index():
    arm = named(b'arm', OCI_MANIFEST, platform={'os': 'linux', 'architecture': 'arm64'})
    amd = named(b'amd', OCI_MANIFEST, platform={'os': 'linux', 'architecture': 'amd64'})
    assert manifests.child_for(read(INDEX | {'manifests': [arm, amd]}, OCI_INDEX)) == Digest.of(b'amd')
    assert manifests.child_for(read(INDEX | {'manifests': [arm, named(b'x')]}, OCI_INDEX)) is None


@given(
    st.binary(max_size=60) | st.builds(
        lambda base, change: json.dumps(base | change).encode(), st.sampled_from([IMAGE, INDEX, {}]),
        st.dictionaries(
            st.sampled_from(['schemaVersion', 'mediaType', 'config', 'layers', 'blobs', 'manifests', 'subject',
                             'artifactType', 'annotations', 'Layers', '']),
            JSON | st.sampled_from([CONFIG, [CONFIG], OCI_INDEX, OTHER, CONFIG | {'platform': {'os': 'linux'}}]),
        ),
    ),
    st.sampled_from([OCI_MANIFEST, OCI_INDEX, OTHER, '', 'application/json']) | st.text(max_size=20),
)
def test_any_bytes_are_a_manifest_or_get_an_error_of_the_specification(data, content_type):
    try:
        found = parse(data, content_type)
    except RegistryError as error:
        assert error.status == 400
        error.response()
    else:
        assert parse(data, found.media_type) == found
