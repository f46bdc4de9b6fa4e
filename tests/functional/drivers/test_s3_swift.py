"""The `s3` driver on a real OpenStack Swift, through its s3api."""

from __future__ import annotations

import pytest

from tests.functional.drivers.again import Again
from tests.functional.drivers.s3_promises import S3Contract, S3Promises
from tests.servers.buckets import Bucket


class TestContract(Again, S3Contract):
    """What every store promises."""

    @pytest.fixture(scope='class')
    @classmethod
    def bucket(cls, shared_swift_bucket: Bucket) -> Bucket:
        return shared_swift_bucket


class TestS3Driver(S3Promises):
    """What the driver promises beyond the contract."""

    @pytest.fixture
    def bucket(self, swift_bucket: Bucket) -> Bucket:
        return swift_bucket
