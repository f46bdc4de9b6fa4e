"""The registry as a process, over each kind of store: fixtures for what speaks HTTP to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import state
from tests.servers.containers import Container, SwiftServer
from tests.servers.keystone import KEYSTONE, PROJECT
from tests.servers.registries import Objreg

Section = dict[str, Any]
"""A store, as ``stores.yml`` says it."""


def _file(_: Callable[[str], Any], folder: Path) -> Section:
    return {'driver': 'file', 'path': str(folder / 'store')}


def _s3(bucket: str) -> Callable[[Callable[[str], Any], Path], Section]:
    return lambda fixture, _: {'driver': 's3', **fixture(bucket).options}


def _swift(container: str) -> Callable[[Callable[[str], Any], Path], Section]:
    return lambda fixture, _: {'driver': 'swift', **fixture(container).plain_options}


def _gcs(fixture: Callable[[str], Any], _: Path) -> Section:
    return {'driver': 'gcs', **fixture('gcs_bucket').options}


def _azure(fixture: Callable[[str], Any], _: Path) -> Section:
    return {'driver': 'azure', **fixture('azure_container').plain_options}


def _glance(fixture: Callable[[str], Any], folder: Path) -> Section:
    return {'driver': 'glance', 'names': 'names', **fixture('images').options}


STORES: dict[str, Callable[[Callable[[str], Any], Path], Section]] = {
    'file': _file, 'ceph': _s3('ceph_bucket'), 'swift': _swift('swift_container'), 'swift-s3': _s3('swift_bucket'),
    'ceph-swift': _swift('ceph_container'), 'gcs': _gcs, 'azure': _azure,
}
"""An empty store of each kind."""
WITH_KEYSTONE: dict[str, Callable[[Callable[[str], Any], Path], Section]] = {
    'swift-keystone': _swift('keystone_container'), 'glance': _glance,
}
"""The same, where somebody logs in to Keystone; Glance has beside it what `Objreg` calls ``names``."""


def reading(kind: str, section: Section, fixture: Callable[[str], Any]) -> Section:
    """The same store for a user who may read it, and no more."""
    if kind in WITH_KEYSTONE:
        return {**section, **_reader_of_keystone(kind, fixture)}
    if kind == 'azure':
        return {**section, 'account_key': '', 'sas_token': fixture('azure_container').signature('rl')}
    settings = state.up('ceph' if kind.startswith('ceph') else 'swift')
    if kind == 'ceph':
        fixture('ceph_bucket').allow_reading(settings['S3_READER'])
        return {
            **section, 'access_key': settings['S3_READER_ACCESS_KEY'], 'secret_key': settings['S3_READER_SECRET_KEY']
        }
    if kind == 'swift-s3':
        server = SwiftServer({'auth': 'v1', 'auth_url': settings['SWIFT_AUTH_URL'], 'username': settings['SWIFT_USER'],
                              'password': settings['SWIFT_KEY']})
        Container(server, fixture('swift_bucket').name).allow_reading(settings['SWIFT_READER_USER'])
        return {
            **section, 'access_key': settings['SWIFT_READER_USER'], 'secret_key': settings['SWIFT_READER_KEY']
        }
    if kind == 'swift':  # on Ceph it is a matter of the user alone
        fixture('swift_container').allow_reading(settings['SWIFT_READER_USER'])
    return {**section, 'username': settings['SWIFT_READER_USER'], 'password': settings['SWIFT_READER_KEY']}


_READER = 'who-only-reads'


def _reader_of_keystone(kind: str, fixture: Callable[[str], Any]) -> Section:
    admin = KEYSTONE.admin(state.up(kind))
    project, password = admin.project(PROJECT), 'open sesame, says the reader'
    user = admin.user(_READER, password, project, 'reader')
    if kind == 'swift-keystone':
        fixture('keystone_container').allow_reading(f'{project}:{user}')
    return {'username': _READER, 'password': password}


@pytest.fixture(params=[*STORES, *WITH_KEYSTONE])
def kind(request: pytest.FixtureRequest) -> str:
    """The name of a kind of store."""
    name: str = request.param
    return name


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Section:
    """An empty store of that kind."""
    return {**STORES, **WITH_KEYSTONE}[kind](request.getfixturevalue, tmp_path)


@pytest.fixture
def objreg(tmp_path: Path) -> Iterator[Objreg]:
    """The registry over a folder, as it comes."""
    with Objreg(tmp_path / 'objreg', {'driver': 'file', 'path': str(tmp_path / 'store')}) as server:
        yield server


@pytest.fixture
def of_each_store(store: Section, tmp_path: Path) -> Iterator[Objreg]:
    """The registry over an empty store of each kind, as it comes."""
    with Objreg(tmp_path / 'objreg', store) as server:
        yield server
