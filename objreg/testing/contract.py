"""The contract suite: every promise of `objreg.store`, each a test, to be passed by every driver.

A driver's test class derives from `StoreContract` and gives a fixture `store`, an empty store for each test::

    class TestContract(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            store = MyStore(path=str(tmp_path))
            yield store
            store.close()

        def another(self, store):            # a second store object on the same objects
            return MyStore(path=store.path)

        def leftovers(self, store):          # what no listing shows, and should not be there
            return os.listdir(f'{store.path}/temporary')

The capabilities that the store declares are held to be true.  A store may be shared by all tests of a run if the
fixture gives each a prefix of its own.  After each test the store is listed: what the test did not leave on purpose
fails it, and so does what the hook `leftovers` finds.
"""

import pytest

pytest.register_assert_rewrite(
    'objreg.testing.ledger',
    'objreg.testing.promises_bodies',
    'objreg.testing.promises_keys',
    'objreg.testing.promises_lists',
    'objreg.testing.promises_objects',
    'objreg.testing.promises_races',
    'objreg.testing.promises_uploads',
)

from objreg.testing.promises_bodies import BodyPromises  # noqa: E402 - after their asserts were registered
from objreg.testing.promises_keys import KeyPromises  # noqa: E402
from objreg.testing.promises_lists import ListPromises  # noqa: E402
from objreg.testing.promises_objects import ObjectPromises  # noqa: E402
from objreg.testing.promises_races import RacePromises  # noqa: E402
from objreg.testing.promises_uploads import UploadPromises  # noqa: E402


class StoreContract(ObjectPromises, BodyPromises, KeyPromises, ListPromises, UploadPromises, RacePromises):
    """All of them."""
