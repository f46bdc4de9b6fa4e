"""The servers as pytest fixtures, shared by all workers of a run.

==================  ========================================================================================
`ceph`              a Ceph with its RADOS gateway: an `S3Server`
`swift_s3`          a Swift with its S3 interface: an `S3Server`
`ceph_bucket`       a `Bucket` of its own for every test, on Ceph; its `options` are those of the `s3` driver
`swift_bucket`      the same on Swift
==================  ========================================================================================

A server that cannot be started fails the test where ``CI=true``, and skips it, saying why, anywhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.servers import state
from tests.servers.buckets import Bucket, S3Server
from tests.servers.process import Missing


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
    try:
        settings = state.up(kind)
    except Missing as error:
        absent(f'{kind}: {error}')
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
