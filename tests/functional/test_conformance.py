"""The conformance suite of the OCI distribution specification, with every switch on, over each kind of store.

The reports are kept in ``reports/conformance/``.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.functional.registries import STORES, WITH_KEYSTONE, store  # noqa: F401 - the last is a fixture
from tests.servers.fixtures import absent
from tests.servers.registries import ROOT, Objreg

PROGRAM = ROOT / '.cache/go/bin/conformance'
SWITCHES = {
    'OCI_API_BLOBS_ATOMIC', 'OCI_API_BLOBS_DELETE', 'OCI_API_BLOBS_DIGEST_HEADER', 'OCI_API_BLOBS_MOUNT_ANONYMOUS',
    'OCI_API_BLOBS_UPLOAD_CANCEL', 'OCI_API_MANIFESTS_ATOMIC', 'OCI_API_MANIFESTS_DELETE',
    'OCI_API_MANIFESTS_DIGEST_HEADER', 'OCI_API_MANIFESTS_TAG_PARAM', 'OCI_API_PULL', 'OCI_API_PUSH',
    'OCI_API_REFERRER', 'OCI_API_TAGS_ATOMIC', 'OCI_API_TAGS_DELETE', 'OCI_API_TAGS_LIST', 'OCI_DATA_ARTIFACT',
    'OCI_DATA_ARTIFACT_LIST', 'OCI_DATA_CUSTOM_FIELDS', 'OCI_DATA_DATA_FIELD', 'OCI_DATA_EMPTY_BLOB',
    'OCI_DATA_IMAGE', 'OCI_DATA_INDEX', 'OCI_DATA_INDEX_LIST', 'OCI_DATA_NONDISTRIBUTABLE', 'OCI_DATA_NO_LAYERS',
    'OCI_DATA_SHA512', 'OCI_DATA_SPARSE', 'OCI_DATA_SUBJECT', 'OCI_DATA_SUBJECT_LIST', 'OCI_DATA_SUBJECT_MISSING',
}


COMING = ('file', 'ceph', 'swift')
"""The kinds of store on which the coming version is tried too: what a driver does is the same for both."""


@pytest.mark.parametrize(('version', 'kind'), [
    *(('1.1', kind) for kind in (*STORES, *WITH_KEYSTONE)), *(('dev', kind) for kind in COMING),
])
def test_the_registry_conforms(
    version: str, kind: str, store: dict[str, Any], tmp_path: Path  # noqa: F811
) -> None:
    if not PROGRAM.exists():
        absent('the conformance suite: tests/install-go.sh builds it')
    results = ROOT / 'reports/conformance' / f'{kind}-{version}'
    options = {'app:registry': {'sparse': 'all', 'redirect': 'never'}}
    with Objreg(tmp_path / 'objreg', store, options=options) as server:
        done = subprocess.run(
            [PROGRAM], capture_output=True, text=True, check=False, cwd=tmp_path, env={
                'PATH': os.environ['PATH'], 'HOME': str(tmp_path), 'OCI_VERSION': version, 'OCI_TLS': 'disabled',
                'OCI_REGISTRY': f'127.0.0.1:{server.port}', 'OCI_RESULTS_DIR': str(results),
                **dict.fromkeys(SWITCHES, 'true'),
            },
        )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    suite = ElementTree.parse(results / 'junit.xml').getroot().find('testsuite')
    assert suite is not None and int(suite.attrib['tests']) > 1000
    assert [suite.attrib.get(found, '0') for found in ('failures', 'errors', 'skipped')] == ['0', '0', '0']
    found = yaml.safe_load((results / 'results.yaml').read_text())
    assert {**found['apis'], **found['data']}.keys() >= {'Sparse Manifests', 'Blob anonymous mount', 'Tag Param sha512'}
    assert {*found['apis'].values(), *found['data'].values()} == {'Pass'}
