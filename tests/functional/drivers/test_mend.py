"""A store that cannot be used ends each start with one sentence, which names what is to be mended; never a secret.

A table over the real servers.  What they cannot show:

- A wrong region: Ceph takes any, boto3 learns the right one from the answer of Swift's s3api, without Keystone the
  Swift API knows of none, and Google and Azure have none to choose.
- Wrong credentials of Google's, a user there who may only read, a wrong clock: its emulator looks at none of them.
- A wrong clock before Azure: Azurite looks at no date of a request.  Before Glance: nothing is signed, and tokens are
  asked for again.
- An expired SAS of Azure from a wrong one, or a wrong account from a wrong key: they have one answer.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from objreg import stores
from objreg.cli import main
from objreg.drivers.file import FileStore
from objreg.store import Refused
from tests.functional.registries import STORES, WITH_KEYSTONE, Section, reading
from tests.servers import tls
from tests.servers.images import Images
from tests.servers.keystone import ELSEWHERE
from tests.servers.registries import Objreg

S3 = ('ceph', 'swift-s3')
SWIFT = ('swift', 'ceph-swift')
OPENSTACK = ('swift-keystone', 'glance')
HOME = '/devstoreaccount1'
"""Where Azurite has its account."""
NOWHERE = 'http://127.0.0.1:9'
WRONG = 'wr0ngs3cret='
"""Base64, as keys of Azure are."""

CASES: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    (S3, {'secret_key': WRONG}, 'access_key/secret_key refused'),
    (S3, {'access_key': 'wrong'}, 'access_key/secret_key refused'),
    (S3, {'bucket': 'no-such-bucket'}, 'the bucket does not exist; create it, or mend bucket'),
    (S3, {'endpoint': NOWHERE}, 'endpoint cannot be reached'),
    (SWIFT, {'password': WRONG}, 'the credentials are refused; mend username and password'),
    (SWIFT, {'username': 'no:body'}, 'the credentials are refused; mend username and password'),
    (SWIFT, {'container': 'no-such-container'}, 'make it by `objreg store setup`, or mend container'),
    (SWIFT, {'auth_url': f'{NOWHERE}/auth/v1.0'}, 'auth_url cannot be reached'),
    (SWIFT, {'auth': 'v3', 'project': 'p'}, 'there is no Keystone v3 at auth_url; mend it, or auth'),
    (SWIFT, {'storage_url': f'{NOWHERE}/v1/AUTH_test'}, 'mend storage_url'),
    (OPENSTACK, {'password': WRONG}, 'the credentials are refused; mend username and password'),
    (OPENSTACK, {'username': 'nobody'}, 'the credentials are refused; mend username and password'),
    (OPENSTACK, {'project': 'no-such-project'}, 'the credentials are refused; mend username and password, project'),
    (OPENSTACK, {'user_domain': 'Elsewhere'}, 'the credentials are refused; mend username and password'),
    (OPENSTACK, {'auth_url': f'{NOWHERE}/v3'}, 'auth_url cannot be reached'),
    (OPENSTACK, {'region': 'RegionThree'}, 'mend region or interface'),
    (OPENSTACK, {'region': ELSEWHERE}, 'mend (storage_url, region or interface|region, interface or endpoint)'),
    (OPENSTACK, {'interface': 'admin'}, 'mend (storage_url, region or interface|region, interface or endpoint)'),
    (('swift-keystone',), {'container': 'no-such-container'}, 'make it by `objreg store setup`, or mend container'),
    (('swift-keystone',), {'auth': 'v1'}, 'there is no v1 authentication at auth_url; mend it, or auth'),
    (('glance',), {'endpoint': NOWHERE}, 'Glance cannot be reached; .* mend region, interface or endpoint'),
    (('azure',), {'account_key': WRONG}, 'refused; mend account, account_key'),
    (('azure',), {'account_key': '', 'sas_token': f'sv=2026-02-06&sr=c&sp=racwdl&sig={WRONG}'}, 'mend account, acc'),
    (('azure',), {'account': 'another'}, 'refused; mend account, '),
    (('azure',), {'container': 'no-such-container'}, 'make it by `objreg store setup`, or mend container'),
    (('azure',), {'endpoint': NOWHERE + HOME}, 'endpoint cannot be reached; mend account or endpoint'),
    (('gcs',), {'credentials': WRONG}, 'credentials: neither the JSON of the key of a service account, nor anonymous'),
    (('gcs',), {'credentials_file': __file__}, 'credentials: neither the JSON of the key of a service account'),
    (('gcs',), {'bucket': 'no-such-bucket'}, 'make it by `objreg store setup`, or mend bucket'),
    (('gcs',), {'endpoint': NOWHERE}, 'endpoint cannot be reached'),
    (('file',), {'path': '/dev/null/store'}, "path '/dev/null/store': a file or a symbolic link is in the way"),
]
CERTIFICATES: dict[str, tuple[dict[str, Any], str]] = {
    'expired': ({'begins': -9, 'ends': -1}, "the server's certificate has expired"),
    'not yet valid': ({'begins': 1, 'ends': 9}, "not valid yet; set this machine's clock"),
    'not trusted': ({}, 'not trusted; mend ca_bundle'),
    'another host': ({'address': '127.0.0.2'}, 'of another host; mend (endpoint|auth_url)'),
}
OVER_TLS = ['ceph', 'swift', 'gcs', 'azure', 'swift-keystone', 'glance', 'keystone of glance']
ROWS = [
    pytest.param(kind, changed, said, id=f'{kind}: {" ".join(changed)}') for kinds, changed, said in CASES
    for kind in kinds
]


@pytest.fixture
def section(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Section]:
    """A store that works, as ``stores.yml`` says it; failures are told at once."""
    return lambda kind: {**{**STORES, **WITH_KEYSTONE}[kind](request.getfixturevalue, tmp_path), 'retry': False}


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What both commands that start say of a store: the same sentence."""

    def never(*_: Any) -> int:
        raise AssertionError('it serves')

    monkeypatch.setattr('objreg.server.serve', never)

    def run(section: Section, *commands: str) -> str:
        path = str(Objreg(tmp_path / 'objreg', section).configure())
        said = []
        for command in commands or ('check-config', 'serve'):
            result = CliRunner().invoke(main, [command, path])
            assert result.exit_code == 1, result.output
            [line] = result.stderr.splitlines()
            assert WRONG not in result.output
            for secret in ('secret_key', 'account_key', 'password'):
                assert str(section.get(secret) or WRONG) not in result.output
            line = re.sub(r'\d+ s ', '', line)
            said.append(line.removeprefix('Error: ').rpartition('[default] ')[2].removeprefix('default: '))
        assert len(set(said)) == 1, said
        return said[0]

    return run


@pytest.mark.parametrize(('kind', 'changed', 'said'), ROWS)
def test_what_is_wrong_is_named(
    kind: str, changed: dict[str, Any], said: str, section: Callable[[str], Section], told: Callable[..., str]
) -> None:
    working = section(kind)
    for option in changed:
        working.pop(option.removesuffix('_file'), None)
    assert re.search(said, told({**working, **changed}))


def over_tls(kind: str, section: Section, url: str, bundle: Path | None) -> Section:
    """The same store, at a server that speaks TLS."""
    place = {'endpoint': f'{url}{HOME}' if kind == 'azure' else url}
    if kind in (*SWIFT, 'swift-keystone', 'keystone of glance'):
        place = {'auth_url': f'{url}/{"auth/v1.0" if kind in SWIFT else "v3"}'}
    return {**section, **place, **({'ca_bundle': str(bundle)} if bundle else {})}


@pytest.mark.parametrize('kind', OVER_TLS)
@pytest.mark.parametrize('wrong', CERTIFICATES)
def test_what_is_wrong_with_a_certificate_is_named(
    kind: str, wrong: str, section: Callable[[str], Section], told: Callable[..., str], tmp_path: Path
) -> None:
    made, said = CERTIFICATES[wrong]
    path = tls.certificate(tmp_path, **made)
    with tls.serving(path) as url:
        assert re.search(said, told(over_tls(kind, section(kind.rsplit(maxsplit=1)[-1]), url, path if made else None)))


@pytest.mark.parametrize('kind', ['ceph', 'swift', 'gcs', 'azure'])
def test_a_server_without_tls_is_named(
    kind: str, section: Callable[[str], Section], told: Callable[..., str]
) -> None:
    working = section(kind)
    url = str(working.get('endpoint') or working['auth_url']).replace('http:', 'https:')
    url = url.removesuffix('/auth/v1.0').removesuffix(HOME)
    assert re.search('there is no TLS at that port; mend (endpoint|auth_url)', told(over_tls(kind, working, url, None)))


@pytest.mark.parametrize('kind', S3)
def test_a_wrong_region_does_no_harm(kind: str, section: Callable[[str], Section], tmp_path: Path) -> None:
    Objreg(tmp_path / 'objreg', {**section(kind), 'region': 'mars-1'}).configure()
    store = stores.load_store(str(tmp_path / 'objreg/stores.yml'), 'default')
    store.check()
    store.put('k', b'x')
    assert store.read('k') == b'x'
    store.close()


@contextlib.contextmanager
def clock_off_by(seconds: int) -> Iterator[None]:
    """This machine's clock is wrong, for all that signs and compares."""
    right = time.time

    def now(remove_tzinfo: bool = True) -> datetime.datetime:
        found = datetime.datetime.fromtimestamp(right() + seconds, datetime.UTC)
        return found.replace(tzinfo=None) if remove_tzinfo else found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('botocore.auth.get_current_datetime', now)
        patch.setattr('objreg.drivers.swift_clock.time', lambda: right() + seconds)
        yield


@pytest.mark.parametrize('kind', [*S3, *SWIFT, 'swift-keystone'])
@pytest.mark.parametrize('seconds', [3600, -3600], ids=['ahead', 'behind'])
def test_a_clock_that_is_wrong_is_named(
    kind: str, seconds: int, section: Callable[[str], Section], told: Callable[..., str]
) -> None:
    working = section(kind)
    with clock_off_by(seconds):
        assert re.search("this machine's clock .* the server's.*; set it, by NTP", told(working))


@pytest.mark.parametrize('kind', ['ceph', 'swift-s3', *SWIFT, 'swift-keystone', 'azure'])
def test_a_user_who_may_only_read_is_told_so_when_something_is_to_be_written(
    kind: str, section: Callable[[str], Section], told: Callable[..., str], request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    said = told(reading(kind, section(kind), request.getfixturevalue), 'serve')
    assert re.search(r"write 'system/format' in .*may not do that; .*mend", said)
    store = stores.load_store(str(tmp_path / 'objreg/stores.yml'), 'default')
    store.check()
    for doing in (lambda: store.delete(['k']), lambda: store.upload('blobs/k').part(1, b'x')):
        with pytest.raises(Refused, match='may not do that'):
            doing()
    store.close()


def test_a_user_who_may_only_read_is_told_so_when_an_image_is_to_be_made(
    section: Callable[[str], Section], images: Images, tmp_path: Path
) -> None:
    Objreg(tmp_path / 'objreg', reading('glance', section('glance'), lambda _: images)).configure()
    store = stores.load_store(str(tmp_path / 'objreg/stores.yml'), 'default')
    store.check()
    with pytest.raises(Refused, match='may not do that; give it the role member in the project'):
        store.upload('blobs/k').part(1, b'x')
    store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody else')
def test_a_folder_of_somebody_else_is_told_so() -> None:
    said = 'this user may not do that; .* or mend path$'
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        store = FileStore(folder)
        os.seteuid(65534)
        try:
            with pytest.raises(Refused, match=f"^file: try path '{folder}': {said}"):
                store.check()
            with pytest.raises(Refused, match=f'^file: k: {said}'):
                store.put('k', b'x')
        finally:
            os.seteuid(0)
        store.close()
