"""Whatever images there are: pushed by one version, pulled by the other, and back, they stay the same."""

from __future__ import annotations

import hashlib
import json
import lzma
from typing import Any

import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objreg.testing.v1_client import V1Image
from objreg.v1.compression import unpacked
from objreg.v1.image import EMPTY_LAYER
from tests.unit.v1.registries import Both, layer, packed

TEXT = st.text(st.characters(exclude_categories=['Cs', 'Cc']), max_size=12)
PACKED = {'plain': bytes, 'gzip': packed, 'xz': lzma.compress, 'zstd': zstandard.ZstdCompressor().compress}


@st.composite
def histories(draw: st.DrawFn) -> list[list[V1Image]]:
    """Some images that share what is below: each chain begins as one of those before."""
    chains: list[list[V1Image]] = []
    for _ in range(draw(st.integers(1, 3))):
        chain: list[V1Image] = []
        if chains:
            below = draw(st.sampled_from(chains))
            chain = below[:draw(st.integers(0, len(below)))]
        for _ in range(draw(st.integers(1, 3))):
            chain = [*chain, draw(image(chain[-1].id if chain else ''))]
        chains.append(chain)
    return chains


@st.composite
def image(draw: st.DrawFn, parent: str) -> V1Image:
    document: dict[str, Any] = {'id': f'{draw(st.integers(0, 2**256 - 1)):064x}'}
    if parent:
        document['parent'] = parent
    document |= draw(st.fixed_dictionaries({}, optional={
        'created': st.just('2014-05-01T12:00:00Z'), 'author': TEXT, 'comment': TEXT, 'architecture': st.just('arm64'),
        'container_config': st.fixed_dictionaries({'Cmd': st.none() | st.lists(TEXT, max_size=3)}),
        'config': st.none() | st.fixed_dictionaries({'Labels': st.dictionaries(TEXT, TEXT, max_size=2)}),
        'unheard_of': st.lists(st.integers()), 'Size': st.integers(0, 10),
    }))
    how = draw(st.sampled_from([*PACKED, 'empty']))
    content = layer(*draw(st.lists(st.sampled_from('abcdef'), min_size=1, unique=True)), content=draw(st.binary()))
    data = EMPTY_LAYER if how == 'empty' else PACKED[how](content)
    return V1Image(json.dumps(document, ensure_ascii=draw(st.booleans())).encode(), data)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(chains=histories())
def test_a_round_trip_through_both_versions_changes_nothing(chains: list[list[V1Image]]) -> None:
    registry = Both()
    if len({image.id for chain in chains for image in chain}) < len({image for chain in chains for image in chain}):
        return  # two images by chance with one id
    for number, chain in enumerate(chains):
        registry.v1().push('team/app', chain, {str(number): chain[-1].id})
    for number, chain in enumerate(chains):
        tag = str(number)
        assert _without_zstd(registry.v1().pull('team/app', tag)) == _without_zstd(chain)
        found = registry('GET', f'/v2/team/app/manifests/{tag}')
        manifest = found.json()
        config = registry('GET', f'/v2/team/app/blobs/{manifest["config"]["digest"]}').json()
        stored = [registry('GET', f'/v2/team/app/blobs/{one["digest"]}').body for one in manifest['layers']]
        assert stored == [image.layer for image in chain if image.layer != EMPTY_LAYER]
        assert config['rootfs']['diff_ids'] == [
            f'sha256:{hashlib.sha256(b"".join(unpacked([data], 10**9))).hexdigest()}' for data in stored]
        top = json.loads(chain[-1].json)
        for field in ('config', 'author', 'created', 'unheard_of', 'container_config'):
            assert config.get(field) == top.get(field)

        other = Both()  # a client of the second version takes it elsewhere
        for one in (manifest['config'], *manifest['layers']):
            other.push_blob('else/where', registry('GET', f'/v2/team/app/blobs/{one["digest"]}').body)
        other.push('else/where', tag, found.body, manifest['mediaType'])
        pulled = other.v1().pull('else/where', tag)
        assert [image.id for image in pulled] == [image.id for image in chain]
        assert _layers(pulled) == _layers(chain)
        other.v1().push('else/where', pulled, {'again': pulled[-1].id})
        assert other('GET', '/v2/else/where/manifests/again').body == found.body


def _layers(chain: list[V1Image]) -> list[bytes]:
    """Unpacked where old clients get another packing than was pushed."""
    return [image.layer for image in _without_zstd(chain)]


def _without_zstd(chain: list[V1Image]) -> list[V1Image]:
    return [
        image._replace(layer=packed(b''.join(unpacked([image.layer], 10**9))))
        if image.layer.startswith((b'\x28\xb5\x2f\xfd', b'\x1f\x8b')) and image.layer != EMPTY_LAYER else image
        for image in chain
    ]
