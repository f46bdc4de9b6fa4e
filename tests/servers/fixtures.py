"""The servers as pytest fixtures, shared by all workers of a run.

=====================  ======================================================================================
`ceph`                 a Ceph with its RADOS gateway: an `S3Server`
`swift_s3`             a Swift with its S3 interface: an `S3Server`
`ceph_bucket`          a `Bucket` of its own for every test, on Ceph; its `options` are those of the `s3` driver
`swift_bucket`         the same on Swift
`swift_container`      a `Container` of its own for every test, on Swift; its `options` are those of `swift`
`ceph_container`       the same on Ceph, through its Swift API
`keystone_container`   the same on Swift, with Keystone v3
`three_container`      the same on a Swift with three devices
`images`               `Images` of its own for every test, on a Glance with Keystone v3
`gcs_bucket`           a `GcsBucket` of its own for every test, on an emulator of Cloud Storage
`azure_container`      an `AzureContainer` of its own for every test, on Azurite; its `options` are those of `azure`
`azure_tls_container`  the same by TLS, where tokens are taken too
=====================  ======================================================================================

The contract of stores has those whose names begin with ``shared_``: one for all tests of a class that a worker runs one
after the other, as each of these leaves it empty.

A server that cannot be started fails the test where ``CI=true``, and skips it, saying why, anywhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.servers import state
from tests.servers.buckets import Bucket, S3Server
from tests.servers.keystone import PROJECT, REGION
from tests.servers.process import Missing

if TYPE_CHECKING:
    from tests.servers.azure_containers import AzureContainer
    from tests.servers.containers import Container
    from tests.servers.gcs_buckets import GcsBucket
    from tests.servers.images import Images


def pytest_configure(config: pytest.Config) -> None:
    """The run, not its workers, chooses where its servers live."""
    if not hasattr(config, 'workerinput'):
        state.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The run, not its workers, ends them."""
    if not hasattr(config, 'workerinput'):
        state.end()


def absent(reason: str) -> NoReturn:
    """What a test needs is not on this machine: no excuse on CI, a skipped test elsewhere."""
    if os.environ.get('CI') == 'true':
        pytest.fail(reason)
    pytest.skip(reason)


def _s3_server(kind: str) -> S3Server:
    settings = _settings(kind)
    return S3Server(kind, settings['S3_ENDPOINT'], settings['S3_ACCESS_KEY'], settings['S3_SECRET_KEY'], settings)


def _bucket(server: S3Server) -> Iterator[Bucket]:
    bucket = server.make_bucket()
    yield bucket
    bucket.remove()


@pytest.fixture(scope='session')
def ceph() -> S3Server:
    """A Ceph with its RADOS gateway."""
    return _s3_server('ceph')


@pytest.fixture(scope='session')
def swift_s3() -> S3Server:
    """A Swift with its S3 interface."""
    return _s3_server('swift')


@pytest.fixture
def ceph_bucket(ceph: S3Server) -> Iterator[Bucket]:
    """A bucket on Ceph that this test has for itself."""
    yield from _bucket(ceph)


@pytest.fixture
def swift_bucket(swift_s3: S3Server) -> Iterator[Bucket]:
    """A bucket on Swift that this test has for itself."""
    yield from _bucket(swift_s3)


def _settings(kind: str) -> dict[str, str]:
    try:
        return state.up(kind)
    except Missing as error:
        absent(f'{kind}: {error}')


def _container(kind: str, **options: str) -> Iterator[Container]:
    from tests.servers.containers import SwiftServer  # here: unit tests, which load this module too, start sooner

    settings = _settings(kind)
    server = SwiftServer({
        'preset': 'swift', 'auth': 'v1', 'auth_url': settings['SWIFT_AUTH_URL'], 'username': settings['SWIFT_USER'],
        'password': settings['SWIFT_KEY'], **options,
    }, settings)
    container = server.make_container()
    yield container
    container.remove()


@pytest.fixture
def swift_container() -> Iterator[Container]:
    """A container on Swift that this test has for itself."""
    yield from _container('swift')


@pytest.fixture
def ceph_container() -> Iterator[Container]:
    """A container on Ceph that this test has for itself."""
    yield from _container('ceph', preset='ceph')


def _gcs() -> Iterator[GcsBucket]:
    from tests.servers.gcs_buckets import GcsBucket  # here: unit tests, which load this module too, start sooner

    try:
        settings = state.up('gcs')
    except Missing as error:
        absent(f'gcs: {error}')
    bucket = GcsBucket.make(settings['GCS_ENDPOINT'])
    yield bucket
    bucket.remove()


@pytest.fixture
def gcs_bucket() -> Iterator[GcsBucket]:
    """A bucket on an emulator of Cloud Storage that this test has for itself."""
    yield from _gcs()


def _azure(kind: str) -> Iterator[AzureContainer]:
    from tests.servers.azure_containers import AzureContainer  # as above

    try:
        settings = state.up(kind)
    except Missing as error:
        absent(f'{kind}: {error}')
    container = AzureContainer.made({
        'endpoint': settings['AZURE_ENDPOINT'], 'account': settings['AZURE_ACCOUNT'],
        'account_key': settings['AZURE_KEY'], 'ca_bundle': settings['AZURE_CA'],
    })
    yield container
    container.remove()


@pytest.fixture
def azure_container() -> Iterator[AzureContainer]:
    """A container on Azurite that this test has for itself."""
    yield from _azure('azurite')


@pytest.fixture
def azure_tls_container() -> Iterator[AzureContainer]:
    """The same by TLS, where tokens of identities are taken too."""
    yield from _azure('azurite-tls')


def _keystone() -> Iterator[Container]:
    return _container('swift-keystone', auth='v3', project=PROJECT, region=REGION)


@pytest.fixture
def keystone_container() -> Iterator[Container]:
    """A container on a Swift with Keystone that this test has for itself."""
    yield from _keystone()


@pytest.fixture
def three_container() -> Iterator[Container]:
    """A container on a Swift with three devices that this test has for itself."""
    yield from _container('swift-three')


def _images() -> Iterator[Images]:
    from tests.servers.images import Images

    made = Images(_settings('glance'))
    yield made
    made.remove()


@pytest.fixture
def images() -> Iterator[Images]:
    """A bucket of images on a Glance with Keystone that this test has for itself."""
    yield from _images()


# One for the tests of a class


@pytest.fixture(scope='class')
def shared_ceph_bucket(ceph: S3Server) -> Iterator[Bucket]:
    """A bucket on Ceph."""
    yield from _bucket(ceph)


@pytest.fixture(scope='class')
def shared_swift_bucket(swift_s3: S3Server) -> Iterator[Bucket]:
    """A bucket on Swift."""
    yield from _bucket(swift_s3)


@pytest.fixture(scope='class')
def shared_swift_container() -> Iterator[Container]:
    """A container on Swift."""
    yield from _container('swift')


@pytest.fixture(scope='class')
def shared_ceph_container() -> Iterator[Container]:
    """A container on Ceph."""
    yield from _container('ceph', preset='ceph')


@pytest.fixture(scope='class')
def shared_keystone_container() -> Iterator[Container]:
    """A container on a Swift with Keystone."""
    yield from _keystone()


@pytest.fixture(scope='class')
def shared_three_container() -> Iterator[Container]:
    """A container on a Swift with three devices."""
    yield from _container('swift-three')


@pytest.fixture(scope='class')
def shared_gcs_bucket() -> Iterator[GcsBucket]:
    """A bucket on an emulator of Cloud Storage."""
    yield from _gcs()


@pytest.fixture(scope='class')
def shared_azure_container() -> Iterator[AzureContainer]:
    """A container on Azurite."""
    yield from _azure('azurite')


@pytest.fixture(scope='class')
def shared_images() -> Iterator[Images]:
    """A bucket of images on a Glance with Keystone."""
    yield from _images()
