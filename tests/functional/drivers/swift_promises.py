"""What the `swift` driver promises, on whatever real server runs it: the contract of every store, and more.

Test classes derive from `SwiftContract` and `SwiftPromises` and give the fixture `container`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from objreg import keys
from objreg.drivers.swift import MIB, SwiftStore
from objreg.names import Digest
from objreg.store import NotFound, Origin, Refused, Unavailable
from objreg.testing.contract import StoreContract
from objreg.testing.ledger import Ledger
from objreg.wrap.prefix import PrefixStore
from tests.functional.drivers.again import Shared
from tests.servers.containers import Container

RECORD = keys.upload_record('0123456789abcdef' * 2, 0)


class SwiftContract(Shared, StoreContract):
    """The contract."""

    takes = True

    @pytest.fixture(scope='class')
    @classmethod
    def store(cls, container: Container) -> Iterator[SwiftStore]:
        made = container.store()
        made.of_test = container  # type: ignore[attr-defined]
        yield made
        made.close()

    def another(self, store: Any) -> SwiftStore:
        made: SwiftStore = store.of_test.store()
        return made

    def test_put_replaces_atomically(self, objects: Ledger, others: Ledger, store: SwiftStore) -> None:
        super().test_put_replaces_atomically(objects, others)
        store.sweep(-1)  # of two that replace a large object at once, one leaves its segments

    def leftovers(self, store: Any) -> list[str]:
        found: list[str] = store.of_test.staying_segments()
        return found


class SwiftPromises:
    """What is beyond it."""

    @pytest.fixture
    def store(self, container: Container) -> Iterator[SwiftStore]:
        made = container.store(large='blobs/.*')
        yield made
        made.close()

    @pytest.fixture
    def calls(self, store: SwiftStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The requests that the store makes, as they go."""
        made: list[str] = []
        ask = store.account._ask

        def noting(method: str, path: str, *rest: Any, **more: Any) -> Any:
            made.append(f'{method} {path.partition("?")[2].partition("=")[0]}'.strip())
            return ask(method, path, *rest, **more)

        monkeypatch.setattr(store.account, '_ask', noting)
        return made

    def test_each_operation_is_one_call(self, store: SwiftStore, calls: list[str]) -> None:
        store.put('k', b'x')
        store.read('k')
        store.get('k', 0, 1).read()
        store.stat('k')
        store.page('', 'j', delimiter='/', limit=10)
        store.copy('k', 'copy')
        store.delete(['k'])
        store.delete(['k', 'copy', 'new'])
        assert calls == ['PUT', 'GET', 'GET', 'HEAD', 'GET format', 'COPY', 'DELETE', 'POST bulk-delete']

    def test_a_blob_is_written_by_one_call(self, store: SwiftStore, calls: list[str]) -> None:
        store.put('blobs/a', b'x')
        assert calls == ['PUT']

    def test_segments_go_with_their_object(self, store: SwiftStore, container: Container) -> None:
        for number in range(2):
            upload = store.upload('blobs/a')
            data = os.urandom(2 * MIB + number)
            parts = [upload.part(1, data[:MIB]), upload.part(2, data[MIB:])]
            upload.finish(parts, 'blobs/a')
            assert store.read('blobs/a') == data
        store.sweep(-1)
        assert len(container.staying_segments()) == (2 if store.preset.readable_manifests else 4)
        store.delete(['blobs/a', 'other'])
        store.sweep(-1)
        assert container.names(store.segments) == []
        assert container.names() == []

    def test_an_unfinished_upload_expires_by_itself(self, store: SwiftStore, container: Container) -> None:
        upload = store.upload('blobs/a')
        upload.part(1, b'left behind')
        store.put(RECORD, b'a record of it')
        assert len(container.names(store.segments)) == 1
        assert container.staying_segments() == []
        for place in ((store.segments, container.names(store.segments)[0]), store.place(RECORD)):
            assert 'x-delete-at' in store.account.ask('HEAD', *place).headers

    @pytest.mark.parametrize('path', ['', 'team/a', 'uploads'])
    def test_what_an_upload_leaves_below_a_path_expires_and_nothing_that_is_only_named_so(
        self, path: str, store: SwiftStore, container: Container
    ) -> None:
        id = '0123456789abcdef' * 2
        left = {
            keys.upload_record(id, 0), keys.upload_data(id, 'ab'), keys.upload_cancelled(id),
            f'{keys.upload_data(id, "of-a-check")}/catalog/a',
        }
        digest = Digest.of(b'x')
        stays = {
            keys.catalog(f'uploads/{id}/a'), keys.catalog(f'team/uploads/{id}/cancelled'), keys.secret(id),
            keys.manifest(f'uploads/{id}', digest), keys.tag('uploads', id), keys.content(digest),
        }
        registry = PrefixStore(store=store, path=path) if path else store
        for key in left | stays:
            registry.put(key, b'x')
        expires = {
            key for key in left | stays
            if 'x-delete-at' in store.account.ask('HEAD', *store.place(f'{path}/{key}'.lstrip('/'))).headers
        }
        assert expires == left

    def test_a_sweep_takes_what_belongs_to_no_object_and_nothing_else(
        self, store: SwiftStore, container: Container
    ) -> None:
        kept, lost, open_ = (store.upload(f'blobs/{name}') for name in 'abc')
        kept.finish([kept.part(1, b'kept')], 'blobs/a')
        lost.finish([lost.part(1, b'lost')], 'blobs/b')
        open_.part(1, b'may go on')
        store.account.ask('DELETE', *store.place('blobs/b'))  # as one that dies before it deletes the segments
        assert store.sweep(3600) == 0
        assert store.sweep(-1) == 2
        assert store.read('blobs/a') == b'kept'
        assert len(container.staying_segments()) == 1

    def test_a_copy_of_what_expires_stays(self, store: SwiftStore) -> None:
        store.put(RECORD, b'x')
        store.copy(RECORD, 'blobs/x')
        assert 'x-delete-at' not in store.account.ask('HEAD', *store.place('blobs/x')).headers

    def test_the_server_copies_from_another_container(self, store: SwiftStore, container: Container) -> None:
        other = container.server.make_container()
        source = other.store(prefix='old')
        try:
            source.put('a b+c%2F&é', b'x' * 1000)
            assert store.take(Origin(source, 'a b+c%2F&é'), 'blobs/b')
            with pytest.raises(NotFound):
                store.take(Origin(source, 'missing'), 'blobs/b')
        finally:
            other.remove()
            source.close()
        assert store.read('blobs/b') == b'x' * 1000

    @pytest.mark.parametrize('largest', [5 * 1024 * MIB, 2 * MIB])
    def test_a_large_object_of_another_container_has_segments_of_its_own_or_is_not_taken(
        self, largest: int, store: SwiftStore, container: Container, calls: list[str],
        monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, 'capabilities', replace(store.capabilities, max_put=largest))
        other = container.server.make_container()
        source, data = other.store(), os.urandom(2 * MIB + 7)
        try:
            upload = source.upload('blobs/a')
            upload.finish([upload.part(1, data[:MIB]), upload.part(2, data[MIB:])], 'blobs/a')
            taken = store.take(Origin(source, 'blobs/a'), 'blobs/b')
        finally:
            other.remove()
            source.close()
        assert taken is store.preset.whole_copies
        assert not [call for call in calls if call == 'GET']
        if taken:
            assert store.read('blobs/b') == data
            assert len(container.staying_segments()) == (2 if largest == 2 * MIB else 0)
        store.delete(['blobs/b'])
        assert container.names(store.segments) == []

    def test_what_another_account_has_is_not_taken(
        self, store: SwiftStore, container: Container, calls: list[str]
    ) -> None:
        elsewhere = container.store(storage_url='http://127.0.0.1:9/v1/AUTH_other')
        assert not store.take(Origin(elsewhere, 'k'), 'blobs/b')
        assert calls == []
        elsewhere.close()

    def test_a_large_object_is_listed_with_its_size(self, store: SwiftStore) -> None:
        upload = store.upload('blobs/a')
        upload.finish([upload.part(1, bytes(MIB)), upload.part(2, b'more')], 'blobs/a')
        assert [entry.size for entry in store.list('blobs/', detail=True)] == [MIB + 4]

    def test_an_object_elsewhere_cannot_be_large(self, store: SwiftStore) -> None:
        upload = store.upload('tags/a')
        part = upload.part(1, b'x')
        with pytest.raises(Refused, match='large'):
            upload.finish([part], 'tags/a')

    def test_a_registry_below_a_path_has_large_objects_too(self, container: Container) -> None:
        whole = SwiftStore(**container.plain_options)
        store = PrefixStore(store=whole, path='team-a')
        for key in ('blobs/sha256/ab/abc', 'uploads/u/data-1'):
            upload = store.upload(key)
            upload.finish([upload.part(1, b'x')], key)
            store.delete([key])
        assert container.names(f'{container.name}_segments') == []
        whole.close()

    def test_a_refused_token_is_asked_for_again_once(self, store: SwiftStore, calls: list[str]) -> None:
        store.put('k', b'1')
        _spoil(store)
        store.put('k', b'2')
        _spoil(store)
        with open(__file__, 'rb') as file:
            size = os.fstat(file.fileno()).st_size
            store.put('file', file, size)
        assert calls == ['PUT'] * 5
        assert (store.read('k'), store.stat('file').size) == (b'2', size)

    def test_what_is_spoiled_on_its_way_is_not_stored(
        self, store: SwiftStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr('objreg.drivers.swift.md5_of', lambda data: bytes(16))
        with pytest.raises(Unavailable):
            store.put('k', b'content')
        assert [*store.list('')] == []

    def test_a_rotated_key_signs_and_the_one_before_is_still_good(self, store: SwiftStore) -> None:
        store.put('k', b'content')
        before = store.url('k', 60)
        assert any('replaced' in line for line in store.setup(rotate=True))
        after = store.url('k', 60)
        assert None not in (before, after) and before != after
        fetch = StoreContract().fetch
        assert [fetch(url)[0] for url in (before, after)] == [200, 200]
        assert store.setup() == []

    def test_two_stores_share_a_container_by_their_prefixes(self, container: Container) -> None:
        one, two = (container.store(prefix=prefix) for prefix in ('one', 'two'))
        one.put('k', b'1')
        two.put('k', b'2')
        upload = two.upload('uploads/x')
        upload.finish([upload.part(1, b'up')], 'u')
        assert (one.read('k'), two.read('k'), two.read('u')) == (b'1', b'2', b'up')
        assert [entry.key for entry in one.list('')] == ['k']
        one.delete(['k', 'u'])
        assert container.names() == ['two/k', 'two/u']
        two.delete(['k', 'u'])
        assert container.names(f'{container.name}_segments') == []
        one.close()
        two.close()


def _spoil(store: SwiftStore) -> None:
    """Have the token refused."""
    reference: Any = store.account._plugin.auth_ref
    reference.__dict__['_auth_token' if '_auth_token' in reference.__dict__ else 'auth_token'] = 'spoiled'
