"""The `s3` driver on a real Ceph, through its RADOS gateway."""

from __future__ import annotations

import pytest

from tests.functional.drivers.s3_promises import S3Contract, S3Promises
from tests.servers.buckets import Bucket


class TestContract(S3Contract):
    """What every store promises."""

    @pytest.fixture(scope='class')
    @classmethod
    def bucket(cls, shared_ceph_bucket: Bucket) -> Bucket:
        return shared_ceph_bucket


class TestS3Driver(S3Promises):
    """What the driver promises beyond the contract."""

    @pytest.fixture
    def bucket(self, ceph_bucket: Bucket) -> Bucket:
        return ceph_bucket
