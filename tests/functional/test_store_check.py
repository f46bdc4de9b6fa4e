"""``objreg store check`` on real object stores: it finds what they are known to do, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from objreg.cli import main
from tests.functional.registries import STORES, WITH_KEYSTONE, Section, reading
from tests.servers.buckets import Bucket
from tests.servers.containers import Container

FEW = ('--size', '17MiB', '--rounds', '3')
KINDS = {**STORES, **WITH_KEYSTONE}
ATOMIC = ('azure', 'file', 'ceph', 'gcs', 'glance')
"""Where a conditional PUT is declared, and so it must be found; that of Glance is the one of the folder beside it."""
UNSIGNED = ('file', 'glance')
"""Where no URL can be signed."""


@pytest.fixture
def section(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Section]:
    """An empty store of that kind."""
    return lambda kind: KINDS[kind](request.getfixturevalue, tmp_path)


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What the command finds in a store, by probe; `status` is how it must end."""

    def run(section: Section, *arguments: str, status: int = 0) -> dict[str, Any]:
        command = ['store', 'check', '--stores', stores_yml(tmp_path, section), '--json', *FEW, *arguments]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == status, result.output
        for secret in ('secret_key', 'password'):
            assert f'"{section.get(secret, "?")}"' not in result.stdout
        found = json.loads(result.stdout)
        return {**found, **{finding['probe']: finding for finding in found['findings']}}

    return run


def stores_yml(folder: Path, section: Section) -> str:
    path = folder / 'stores.yml'
    beside = {'driver': 'file', 'path': str(folder / 'names')}  # what Glance wants
    path.write_text(json.dumps({'names': beside, 'default': section}))  # JSON is YAML
    return str(path)


def left_in(kind: str, fixture: Callable[[str], Any]) -> list[Any]:
    """What lies in a store, also where no listing of objreg's shows it."""
    if kind in ('ceph', 'swift-s3'):
        bucket: Bucket = fixture('ceph_bucket' if kind == 'ceph' else 'swift_bucket')
        return [*bucket.keys(), *bucket.uploads()]
    if kind == 'file':
        return files_below(fixture('tmp_path') / 'store')
    if kind == 'glance':
        return [*fixture('images').told(), *files_below(fixture('tmp_path') / 'names')]
    if kind in ('azure', 'gcs'):
        return [*fixture('azure_container' if kind == 'azure' else 'gcs_bucket').names()]
    named = {'swift': 'swift_container', 'swift-keystone': 'keystone_container', 'ceph-swift': 'ceph_container'}
    container: Container = fixture(named[kind])
    return [*container.names(), *container.staying_segments()]


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob('*') if path.is_file()]


@pytest.mark.parametrize('kind', KINDS)
def test_what_a_store_declares_is_found(
    kind: str, section: Callable[[str], Section], checked: Callable[..., dict[str, Any]],
    request: pytest.FixtureRequest,
) -> None:
    found = checked(section(kind))
    assert {finding['state'] for finding in found['findings']} <= {'ok', 'limited'}
    assert found['conditional PUT']['state'] == 'ok' or kind not in ATOMIC
    assert found['declared']['conditional_put'] is (kind in ATOMIC)
    assert found['found']['presign'] is (kind not in UNSIGNED)
    assert found['found']['consistent_list'] is True  # on one node
    assert {call['call'] for call in found['calls']} >= {'get', 'put', 'stat', 'delete', 'page', 'copy', 'finish'}
    if kind not in UNSIGNED:
        assert 'are refused' in found['checksums']['found']
        assert {'signed GET', 'part'} <= {call['call'] for call in found['calls'] if call['bytes_per_second']}
    assert left_in(kind, request.getfixturevalue) == []


def test_the_contract_is_kept_and_leaves_nothing_that_a_sweep_does_not_take(
    section: Callable[[str], Section], checked: Callable[..., dict[str, Any]], keystone_container: Container
) -> None:
    found = checked(section('swift-keystone'), '--contract', '--seconds', '10min')
    assert {finding['state'] for finding in found['findings']} <= {'ok', 'limited'}
    assert found['contract: put replaces atomically']['state'] == 'ok'
    assert keystone_container.names() == []
    store = keystone_container.store()
    store.sweep(-1)  # of two that replace a large object at once, one leaves its segments
    store.close()
    assert keystone_container.staying_segments() == []


def test_a_conditional_put_that_is_declared_and_not_atomic_is_found(
    section: Callable[[str], Section], checked: Callable[..., dict[str, Any]]
) -> None:
    found = checked({**section('swift-s3'), 'conditional_put': True}, '--racers', '12', status=1)
    assert found['conditional PUT']['state'] == 'wrong'
    assert 'mend `preset`' in found['conditional PUT']['meaning']
    assert found['found']['conditional_put'] is False


def test_a_container_without_a_key_signs_once_it_is_set_up(
    section: Callable[[str], Section], checked: Callable[..., dict[str, Any]], swift_container: Container,
    tmp_path: Path,
) -> None:
    store = swift_container.store()
    store.account.ask('POST', swift_container.name, headers={'X-Remove-Container-Meta-Temp-URL-Key': 'x'})
    store.close()
    found = checked(section('swift'), status=1)
    assert found['signed URLs']['found'] == 'declared but not found: no URL is given'
    assert '`objreg store setup`' in found['signed URLs']['meaning']
    assert CliRunner().invoke(main, ['store', 'setup', '--stores', str(tmp_path / 'stores.yml')]).exit_code == 0
    assert checked(section('swift'))['signed URLs']['state'] == 'ok'


@pytest.mark.parametrize('kind', ['ceph', 'swift', 'ceph-swift'])
def test_a_user_who_may_only_read_is_told_so_and_reading_is_tried(
    kind: str, section: Callable[[str], Section], checked: Callable[..., dict[str, Any]],
    request: pytest.FixtureRequest,
) -> None:
    reader = reading(kind, section(kind), request.getfixturevalue)
    found = checked(reader, status=1)
    assert [finding['probe'] for finding in found['findings'] if finding['state'] == 'wrong'] == ['writing']
    assert 'may not do that' in found['writing']['found']
    assert checked(reader, '--read-only')['missing keys']['state'] == 'ok'
    assert left_in(kind, request.getfixturevalue) == []


@pytest.mark.parametrize('kind', ['ceph', 'swift', 'swift-keystone', 'glance'])
def test_ctrl_c_leaves_nothing(
    kind: str, section: Callable[[str], Section], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    command = ['-m', 'objreg', 'store', 'check', '--stores', stores_yml(tmp_path, section(kind)), '--rounds', '500']
    # what a shell runs in the background ignores the signal, and so would this
    listening = ['env', '--default-signal=INT', sys.executable, *command]
    with subprocess.Popen(listening, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not left_in(kind, request.getfixturevalue):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert 'interrupted' in told
    assert left_in(kind, request.getfixturevalue) == []
