"""Requests of all kinds, made up by hypothesis: each gets an answer, and none of them a 5xx.

The pipeline that ships, in this process, over one store that fills up; then the bucket is looked at.
"""

from __future__ import annotations

import configparser
import gc
import io
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from objreg import pipeline
from objreg.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from objreg.names import Digest
from objreg.testing import consistency
from tests import documents, layout
from tests.servers.registries import ROOT

REQUESTS = int(os.environ.get('OBJREG_TEST_REQUESTS', '30000'))
"""120000 makes it as many as docs/roadmap.md tells of."""
SHARDS = 4
MIXED = 40
LAYER = b'a layer'
IMAGE = documents.image(LAYER)
DIGESTS = [str(Digest.of(data)) for data in (LAYER, IMAGE, documents.CONFIG, b'')]

names = st.sampled_from(
    [
        'app',
        'app/sub',
        'a',
        'app2',
        'tags/list',
        'manifests',
        'blobs/uploads',
        '_catalog',
        '..',
        '../../etc',
        'a/../b',
        'A',
        'a//b',
        '',
        '.',
        'a' * 256,
        'x' * 5000,
        'é',
        'a%2fb',
        '_blobs',
        'app/_tags',
        'a\x00b',
        '-a',
        'a--b',
        'a__b',
        'a___b',
    ]
) | st.text(max_size=20)
references = st.sampled_from(
    [
        'latest',
        'v1',
        '..',
        '.',
        '_',
        '-',
        'x' * 128,
        'x' * 129,
        *DIGESTS,
        'sha256:',
        'sha256:' + 'a' * 63,
        'sha256:' + 'A' * 64,
        'sha512:' + 'a' * 64,
        'sha256:' + 'a' * 128,
        'md5:' + 'a' * 32,
        'sha256:../../../etc/passwd',
        ':',
        'sha256-' + 'a' * 64,
    ]
) | st.text(max_size=40)
numbers = st.sampled_from(
    ['0', '1', '-1', '1e9', '9' * 30, '', ' ', '0x10', 'NaN', '1000000000000', '٣']
) | st.integers().map(str)
paths = st.one_of(
    st.builds('/v2/{}/manifests/{}'.format, names, references),
    st.builds('/v2/{}/blobs/{}'.format, names, references),
    st.builds('/v2/{}/blobs/uploads/'.format, names),
    st.builds('/v2/{}/blobs/uploads/{}'.format, names, references),
    st.builds('/v2/{}/tags/list'.format, names),
    st.builds('/v2/{}/referrers/{}'.format, names, references),
    st.sampled_from(
        ['/v2/', '/v2', '/', '', '/v2/_catalog', '/v1/_ping', '/livez', '/readyz', '/metrics', '//v2//', '/v2/../v2/']
    ),
    st.text(max_size=60).map('/v2/{}'.format),
    st.text(max_size=30),
)
query_keys = st.sampled_from(
    ['n', 'last', 'digest', 'mount', 'from', 'tag', '_state', 'artifactType', 'digest-algorithm', 'x']
)
queries = st.lists(st.tuples(query_keys, references | numbers | names | st.text(max_size=30)), max_size=4).map(
    lambda pairs: '&'.join(f'{key}={value}' for key, value in pairs)
)
ranges = st.builds(
    '{}{}-{}{}'.format,
    st.sampled_from(['bytes=', 'bytes ', '', 'items=']),
    numbers,
    numbers,
    st.sampled_from(['', '/10', '/*', ',1-2']),
)
headers = st.dictionaries(
    st.sampled_from(
        [
            'HTTP_RANGE',
            'HTTP_CONTENT_RANGE',
            'HTTP_IF_MATCH',
            'HTTP_IF_NONE_MATCH',
            'HTTP_ACCEPT',
            'HTTP_AUTHORIZATION',
            'HTTP_HOST',
            'HTTP_X_FORWARDED_FOR',
            'HTTP_FORWARDED',
            'HTTP_X_FORWARDED_PREFIX',
            'HTTP_X_REQUEST_ID',
            'HTTP_ORIGIN',
            'CONTENT_TYPE',
            'CONTENT_LENGTH',
            'HTTP_TRANSFER_ENCODING',
            'HTTP_EXPECT',
            'HTTP_COOKIE',
            'HTTP_ACCEPT_ENCODING',
            'REMOTE_ADDR',
        ]
    ),
    ranges
    | numbers
    | references.filter(str.isascii)
    | st.sampled_from(
        [
            OCI_MANIFEST,
            OCI_INDEX,
            DOCKER_MANIFEST,
            DOCKER_LIST,
            '*',
            '*/*',
            '*/*;q=x',
            'chunked',
            'Basic Og==',
            'Bearer x',
            'x' * 9000,
            'application/vnd.docker.distribution.manifest.v1+prettyjws',
            'for=1.2.3.4;proto=https',
            '127.0.0.1',
            '"',
            '\x00',
            'é',
        ]
    ),
    max_size=4,
)
descriptors = st.fixed_dictionaries(
    {},
    optional={
        'mediaType': references | st.none() | st.integers(),
        'digest': references | st.none() | st.integers(),
        'size': st.integers() | st.floats() | numbers | st.none(),
        'urls': st.lists(names, max_size=2) | names,
        'annotations': st.dictionaries(names, names | st.none(), max_size=2) | names,
        'data': names,
        'platform': names | st.none(),
    },
)
manifests = st.fixed_dictionaries(
    {},
    optional={
        'schemaVersion': st.sampled_from([2, 1, 0, '2', 2.0, True, None, 10**400]),
        'mediaType': st.sampled_from([OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, 'x', '', 7, None]),
        'config': descriptors | st.none() | names,
        'layers': st.lists(descriptors, max_size=3) | descriptors | st.none(),
        'manifests': st.lists(descriptors, max_size=3) | st.none() | names,
        'subject': descriptors | names,
        'artifactType': names | st.integers(),
        'annotations': st.dictionaries(names, names, max_size=2) | names,
    },
)
bombs = st.sampled_from(
    [
        b'[' * 100_000,
        b'{"a":' * 50_000,
        b'{"schemaVersion":' + b'9' * 100_000 + b'}',
        b'1e999999999',
        b'"\\ud800"',
        b'\xff\xfe',
        b'{"schemaVersion": 2, "schemaVersion": 1}',
        b'{"layers": [' + b'{},' * 30_000 + b'{}]}',
        b'NaN',
        b'',
        b'\x00' * 1000,
        b'{"\\u0000": "\\u0000"}',
        b' ' * 100_000,
        IMAGE,
        LAYER,
        documents.CONFIG,
        IMAGE[:-1],
        IMAGE + b' ',
    ]
)
bodies = st.one_of(manifests.map(lambda document: json.dumps(document).encode()), bombs, st.binary(max_size=200))
methods = st.sampled_from(
    [
        'GET',
        'GET',
        'HEAD',
        'POST',
        'PUT',
        'PUT',
        'PATCH',
        'DELETE',
        'OPTIONS',
        'TRACE',
        'get',
        'X' * 500,
        '',
        '__init__',
        'méthode',
    ]
)


class Fuzzed:
    """The pipeline, and what came of it."""

    def __init__(self, folder: Path) -> None:
        parser = configparser.RawConfigParser()
        parser.read(ROOT / 'paste.ini')
        parser.set('filter:errors', 'log', 'json')
        parser.set('filter:proxy', 'trusted', '127.0.0.1')
        parser.set('filter:auth', 'type', 'none')  # so that what lies behind is reached
        parser.remove_option('filter:auth', 'open')
        with (folder / 'paste.ini').open('w') as file:
            parser.write(file)
        (folder / 'stores.yml').write_text('default: {driver: memory}')
        self.app: Any = pipeline.load(str(folder / 'paste.ini'))
        pipeline.start(self.app)
        (registry,) = pipeline.registries(self.app)
        self.store = registry.store
        self.count = 0
        self.statuses: dict[int, int] = {}
        self.uploads: list[str] = []
        for data in (LAYER, documents.CONFIG):
            self('POST', '/v2/app/blobs/uploads/', f'digest={Digest.of(data)}', data)
        self('PUT', '/v2/app/manifests/latest', '', IMAGE, {'CONTENT_TYPE': OCI_MANIFEST})

    def __call__(
        self, method: str, path: str, query: str, body: bytes = b'', more: dict[str, str] | None = None
    ) -> None:
        environ: dict[str, Any] = {
            'REQUEST_METHOD': method,
            'SCRIPT_NAME': '',
            'PATH_INFO': path.encode('utf-8', 'surrogatepass').decode('latin-1'),
            'QUERY_STRING': query.encode('utf-8', 'surrogatepass').decode('latin-1'),
            'SERVER_NAME': 'x',
            'SERVER_PORT': '80',
            'SERVER_PROTOCOL': 'HTTP/1.1',
            'REMOTE_ADDR': '192.0.2.1',
            'wsgi.url_scheme': 'http',
            'wsgi.input': io.BytesIO(body),
            'wsgi.input_terminated': True,
            'CONTENT_LENGTH': str(len(body)),
            'wsgi.version': (1, 0),
            'wsgi.errors': io.StringIO(),
            **(more or {}),
        }
        given: list[Any] = []
        result = self.app(environ, lambda *answer: given.append(answer))
        try:
            content = b''.join(result)
        finally:
            getattr(result, 'close', lambda: None)()
        ((status, answered),) = given
        self.count += 1
        number = int(status[:3])
        self.statuses[number] = self.statuses.get(number, 0) + 1
        assert number < 500, (method, path, query, body[:300], more, content)
        assert b'Traceback' not in content
        for name, value in answered:
            assert not set(name + value) & set('\r\n\0'), (name, value)
        if location := dict(answered).get('Location', ''):
            assert location.startswith('/'), location
            if '/uploads/' in location:
                self.uploads = [*self.uploads[-20:], location]


class Change(NamedTuple):
    """To go on with an upload, if there is one: with which digest, and what of its state is changed where."""

    upload: int
    digest: str | None
    at: int | None
    text: str

    def target(self, uploads: list[str]) -> tuple[str, str]:
        """Path and query."""
        path, _, query = uploads[self.upload % len(uploads)].partition('?')
        query += '' if self.digest is None else f'&digest={self.digest}'
        if self.at is not None:
            at = self.at % len(query)
            query = query[:at] + self.text + query[at + 1 :]
        return path, query


targets = st.tuples(paths, queries) | st.builds(
    Change, st.integers(0, 99), st.none() | references, st.none() | st.integers(0, 500), st.text(max_size=3)
)


def _several(strategy: st.SearchStrategy[Any], count: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, min_size=count, max_size=count)


@pytest.mark.parametrize('shard', range(SHARDS))
def test_no_request_brings_it_down(tmp_path: Path, capsys: pytest.CaptureFixture[str], shard: int) -> None:
    fuzzed = Fuzzed(tmp_path)

    @seed(shard)
    @settings(
        max_examples=-(-REQUESTS // SHARDS // MIXED),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        methods=_several(methods, 5),
        targets=_several(targets, 7),
        bodies=_several(bodies, 4),
        headers=_several(headers, 3),
    )
    def fuzz(methods: list[Any], targets: list[Any], bodies: list[Any], headers: list[Any]) -> None:
        # mixing what was made up costs less than making more up
        for number in range(MIXED):
            target = targets[number % len(targets)]
            if isinstance(target, Change):
                target = target.target(fuzzed.uploads or ['/v2/app/blobs/uploads/none?_state=none'])
            fuzzed(methods[number % 5], *target, bodies[number // 2 % 4], headers[number // 5 % 3])

    fuzz()
    assert fuzzed.count >= REQUESTS // SHARDS
    with capsys.disabled():
        print(f'\nfuzzed: {fuzzed.count} requests, answered by {dict(sorted(fuzzed.statuses.items()))}')
    assert fuzzed.statuses[200] and fuzzed.statuses[201] and fuzzed.statuses[202]
    keys = [entry.key for entry in fuzzed.store.list('')]
    assert [key for key in keys if not layout.is_of_layout(key)] == []
    # blobs may be deleted that manifests name: that much the API allows
    assert consistency.check(fuzzed.store, sparse=True).dangling == []


def test_the_same_requests_again_and_again_cost_no_memory(tmp_path: Path) -> None:
    fuzzed = Fuzzed(tmp_path)

    def round_of() -> None:
        for number in range(1500):
            fuzzed('GET', f'/v2/r{number % 7}/manifests/x{number}', f'n={number}')
            fuzzed('PUT', '/v2/app/manifests/bad', '', b'{' * (number % 50), {'HTTP_X_REQUEST_ID': str(number)})
            fuzzed('POST', '/v2/app/blobs/uploads/', '')
            fuzzed('GET', '/v2/app/manifests/latest', '', b'', {'REMOTE_ADDR': f'10.0.{number % 256}.1'})

    round_of()
    tracemalloc.start()
    try:
        round_of()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(2):
            round_of()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 200_000
    finally:
        tracemalloc.stop()
