"""A store that cannot be used ends each start with one sentence, which names what is to be mended; never a secret.

A table over the real servers.  A wrong region is no case of it: Ceph takes any, boto3 learns the right one from the
answer of Swift's s3api, and without Keystone the Swift API knows of none.
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
from tests.functional.registries import STORES, Section, reading
from tests.servers import tls
from tests.servers.registries import Objreg

S3 = ('ceph', 'swift-s3')
SWIFT = ('swift', 'ceph-swift')
NOWHERE = 'http://127.0.0.1:9'
WRONG = 'wr0ng-s3cret'

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
    (('file',), {'path': '/dev/null/store'}, "path '/dev/null/store': a file or a symbolic link is in the way"),
]
CERTIFICATES: dict[str, tuple[dict[str, Any], str]] = {
    'expired': ({'begins': -9, 'ends': -1}, "the server's certificate has expired"),
    'not yet valid': ({'begins': 1, 'ends': 9}, "not valid yet; set this machine's clock"),
    'not trusted': ({}, 'not trusted; mend ca_bundle'),
    'another host': ({'address': '127.0.0.2'}, 'of another host; mend (endpoint|auth_url)'),
}
ROWS = [
    pytest.param(kind, changed, said, id=f'{kind}: {" ".join(changed)}') for kinds, changed, said in CASES
    for kind in kinds
]


@pytest.fixture
def section(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Section]:
    """A store that works, as ``stores.yml`` says it; failures are told at once."""
    return lambda kind: {**STORES[kind](request.getfixturevalue, tmp_path), 'retry': False}


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
            assert str(section.get('secret_key', WRONG)) not in result.output
            line = re.sub(r'\d+ s ', '', line)
            said.append(line.removeprefix('Error: ').rpartition('[default] ')[2].removeprefix('default: '))
        assert len(set(said)) == 1, said
        return said[0]

    return run


@pytest.mark.parametrize(('kind', 'changed', 'said'), ROWS)
def test_what_is_wrong_is_named(
    kind: str, changed: dict[str, Any], said: str, section: Callable[[str], Section], told: Callable[..., str]
) -> None:
    assert said in told({**section(kind), **changed})


def over_tls(kind: str, section: Section, url: str, bundle: Path | None) -> Section:
    """The same store, at a server that speaks TLS."""
    place = {'auth_url': f'{url}/auth/v1.0'} if kind in SWIFT else {'endpoint': url}
    return {**section, **place, **({'ca_bundle': str(bundle)} if bundle else {})}


@pytest.mark.parametrize('kind', ['ceph', 'swift'])
@pytest.mark.parametrize('wrong', CERTIFICATES)
def test_what_is_wrong_with_a_certificate_is_named(
    kind: str, wrong: str, section: Callable[[str], Section], told: Callable[..., str], tmp_path: Path
) -> None:
    made, said = CERTIFICATES[wrong]
    path = tls.certificate(tmp_path, **made)
    with tls.serving(path) as url:
        assert re.search(said, told(over_tls(kind, section(kind), url, path if made else None)))


@pytest.mark.parametrize('kind', ['ceph', 'swift'])
def test_a_server_without_tls_is_named(
    kind: str, section: Callable[[str], Section], told: Callable[..., str]
) -> None:
    working = section(kind)
    url = str(working.get('endpoint') or working['auth_url']).removesuffix('/auth/v1.0').replace('http:', 'https:')
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


@pytest.mark.parametrize('kind', [*S3, *SWIFT])
@pytest.mark.parametrize('seconds', [3600, -3600], ids=['ahead', 'behind'])
def test_a_clock_that_is_wrong_is_named(
    kind: str, seconds: int, section: Callable[[str], Section], told: Callable[..., str]
) -> None:
    working = section(kind)
    with clock_off_by(seconds):
        assert re.search("this machine's clock .* the server's.*; set it, by NTP", told(working))


@pytest.mark.parametrize('kind', ['ceph', *SWIFT])
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
