"""`encrypt` around the `s3` driver: a real server sees no difference, and takes its parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from objreg.drivers.s3 import S3Store
from objreg.testing.contract import StoreContract
from objreg.wrap.encrypt import EncryptStore
from tests.functional.drivers.again import Shared
from tests.servers.buckets import Bucket

KEY = 'a1' * 32


class TestContract(Shared, StoreContract):
    """What every store promises, on Ceph."""

    @pytest.fixture(scope='class')
    @classmethod
    def store(cls, shared_ceph_bucket: Bucket) -> Iterator[EncryptStore]:
        made = EncryptStore(store=S3Store(**shared_ceph_bucket.options), key=KEY)
        made.of_test = shared_ceph_bucket  # type: ignore[attr-defined]
        yield made
        made.close()

    def another(self, store: Any) -> EncryptStore:
        return EncryptStore(store=S3Store(**store.of_test.options), key=KEY)

    def leftovers(self, store: Any) -> list[str]:
        return [f'{upload["Key"]}: an unfinished upload' for upload in store.of_test.uploads()]
