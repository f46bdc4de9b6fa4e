"""The `glance` driver on a real OpenStack Glance with a real Keystone v3; names lie in memory or in a folder."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from glanceclient import exc

from objreg.drivers.glance import GlanceStore
from objreg.drivers.memory import MemoryStore
from objreg.store import NotFound, Refused, Unavailable
from objreg.testing.contract import StoreContract
from objreg.testing.ledger import Ledger
from tests.functional.drivers.again import Shared
from tests.servers.images import Images

LAYER = 'blobs/sha256/ab/abcdef'


class TestContract(Shared, StoreContract):
    """What every store promises, of images alone: every key is one, and nothing stays in the store of names."""

    racers = 6
    rounds = 3

    @pytest.fixture(scope='class')
    @classmethod
    def store(cls, shared_images: Images) -> Iterator[GlanceStore]:
        made = shared_images.store(MemoryStore(), large='.*', inline=0)
        made.capabilities = replace(made.capabilities, max_parts=100)  # each is an image, and takes as long
        made.of_test = shared_images  # type: ignore[attr-defined]
        yield made
        made.images.close()

    def another(self, store: Any) -> GlanceStore:
        made: GlanceStore = store.of_test.store(store.names, large='.*', inline=0)
        return made

    def leftovers(self, store: Any) -> list[str]:
        found: list[str] = store.of_test.names()
        return found

    def test_put_replaces_atomically(self, objects: Ledger, others: Ledger) -> None:
        super().test_put_replaces_atomically(objects, others)
        objects.inner.sweep(-1)  # of two that replace an object at once, one leaves its image


class TestContractAsItComes(Shared, StoreContract):
    """What every store promises, with content and whatever else where it is by default."""

    racers = 5
    rounds = 2
    many = 105

    @pytest.fixture(scope='class')
    @classmethod
    def store(cls, shared_images: Images) -> Iterator[GlanceStore]:
        made = shared_images.store(MemoryStore())
        made.capabilities = replace(made.capabilities, max_parts=20)  # uploads are as above
        made.of_test = shared_images  # type: ignore[attr-defined]
        yield made
        made.images.close()

    def another(self, store: Any) -> GlanceStore:
        made: GlanceStore = store.of_test.store(store.names)
        return made

    def leftovers(self, store: Any) -> list[str]:
        found: list[str] = store.of_test.names()
        return found


class TestGlanceDriver:
    """What the driver promises beyond the contract."""

    @pytest.fixture
    def store(self, images: Images) -> Iterator[GlanceStore]:
        made = images.store(MemoryStore(), inline=0, properties='team: infra', tags='objreg layers')
        yield made
        made.close()

    @pytest.fixture
    def calls(self, store: GlanceStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The requests to Glance, and those to the store of names, as they go."""
        made: list[str] = []

        def noted(target: Any, name: str, label: Callable[..., str]) -> None:
            method = getattr(target, name)

            def noting(*given: Any, **more: Any) -> Any:
                made.append(label(*given))
                return method(*given, **more)

            monkeypatch.setattr(target, name, noting)

        noted(store.images._json, 'request', lambda url, method: method)
        noted(store.images._bytes, 'request', lambda url, method: f'{method} file')
        for name in ('read', 'put', 'stat', 'delete', 'page'):
            noted(store.names, name, lambda *_, name=name: f'names.{name}')
        return made

    def test_each_operation_costs_as_few_calls_as_can_be(self, store: GlanceStore, calls: list[str]) -> None:
        def cost(work: Callable[[], object]) -> list[str]:
            del calls[:]
            work()
            return [*calls]

        assert cost(lambda: store.put(LAYER, b'x')) == ['POST', 'PUT file', 'names.put']
        assert cost(lambda: store.read(LAYER)) == ['names.read', 'GET file']
        assert cost(lambda: store.get(LAYER, 0, 1).close()) == ['names.read', 'GET file']
        assert cost(lambda: store.stat(LAYER)) == ['names.read', 'GET']
        assert cost(lambda: store.page('blobs/')) == ['names.page']
        assert cost(lambda: store.delete([LAYER])) == ['names.read', 'names.delete', 'DELETE']
        assert cost(lambda: store.put('catalog/a', b'{}')) == ['names.put']
        assert cost(lambda: store.read('catalog/a')) == ['names.read']

        def stream() -> None:
            upload = store.upload(LAYER)
            upload.finish([upload.part(1, iter([b'x', b'y']))], LAYER)

        assert cost(stream) == ['POST', 'PUT file', 'GET', 'PATCH', 'names.put']

    def test_an_administrator_sees_what_an_image_is(self, store: GlanceStore, images: Images) -> None:
        store.put(LAYER, b'layer')
        upload = store.upload('uploads/u/data')
        part = upload.part(1, b'part')
        [told] = images.told(name='eq:sha256:abcdef')
        assert (told['objreg_key'], told['objreg_bucket'], told['team']) == (LAYER, images.bucket, 'infra')
        assert (sorted(told['tags']), told['visibility'], told['protected']) == (['layers', 'objreg'], 'private', False)
        assert (told['container_format'], told['disk_format'], told['size']) == ('bare', 'raw', 5)
        assert images.names() == [f'objreg upload {upload.id} part 1', 'sha256:abcdef']
        upload.finish([part], 'blobs/sha512/cd/cdef')
        assert images.names() == ['sha256:abcdef', 'sha512:cdef']

    def test_what_is_small_is_no_image(self, images: Images) -> None:
        names = MemoryStore()
        store = images.store(names)
        store.put(LAYER, bytes(64 * 1024))
        store.put('repositories/a/_tags/latest', b'{}')
        assert images.names() == []
        store.put(LAYER, bytes(64 * 1024 + 1))
        assert images.names() == ['sha256:abcdef']
        store.put(LAYER, b'small')
        assert (images.names(), store.read(LAYER)) == ([], b'small')
        store.close()

    def test_a_deactivated_image_is_as_if_it_were_not_there(self, store: GlanceStore, images: Images) -> None:
        store.put(LAYER, b'harmful')
        images.deactivate('sha256:abcdef')
        self._is_absent(store)
        store.put(LAYER, b'harmful')  # pushed again: another image
        assert store.read(LAYER) == b'harmful'

    def test_a_queued_image_is_as_if_it_were_not_there(self, store: GlanceStore, images: Images) -> None:
        store.put(LAYER, b'layer')
        images.make_queued_in_place_of(store, LAYER)
        self._is_absent(store)

    def test_an_image_that_was_deleted_by_hand_can_be_pushed_again(self, store: GlanceStore, images: Images) -> None:
        store.put(LAYER, b'layer')
        images.delete('sha256:abcdef')
        self._is_absent(store)
        store.put(LAYER, b'layer')
        assert store.read(LAYER) == b'layer'

    @staticmethod
    def _is_absent(store: GlanceStore) -> None:
        for call in (store.get, store.stat, store.read):
            with pytest.raises(NotFound, match='deactivated, incomplete or gone'):
                call(LAYER)
        with pytest.raises(NotFound):
            store.get(LAYER, 1, 2)
        with pytest.raises(NotFound):
            store.get(LAYER, 1, 1)

    def test_what_was_deleted_is_pushed_again_and_again(self, store: GlanceStore) -> None:
        for number in range(3):
            store.put(LAYER, b'layer %d' % number)
            assert store.read(LAYER) == b'layer %d' % number
            store.delete([LAYER])
            with pytest.raises(NotFound):
                store.stat(LAYER)

    def test_a_sweep_takes_what_no_record_names_and_nothing_else(self, store: GlanceStore, images: Images) -> None:
        store.put('blobs/sha256/aa/aa', b'kept')
        adopted = store.upload('uploads/u/data')
        adopted.finish([adopted.part(1, b'kept too')], 'blobs/sha256/bb/bb')
        store.put('blobs/sha256/cc/cc', b'lost')
        store.names.delete(['blobs/sha256/cc/cc'])  # as one that dies between the two
        store.upload('uploads/v/data').part(1, b'left behind')
        other = images.beside().store(store.names, inline=0)
        assert store.sweep(3600) == 0
        assert other.sweep(-1) == 0
        assert store.sweep(-1) == 2
        assert images.names() == ['sha256:aa', 'sha256:bb']
        assert (store.read('blobs/sha256/aa/aa'), store.read('blobs/sha256/bb/bb')) == (b'kept', b'kept too')
        adopted.abort()
        assert store.read('blobs/sha256/bb/bb') == b'kept too'
        other.images.close()

    def test_lengths_are_sent_and_a_stream_needs_none(
        self, store: GlanceStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[dict[str, str]] = []
        send = store.images._plain.send

        def noting(request: Any, **more: Any) -> Any:
            if request.method == 'PUT':
                sent.append(dict(request.headers))
            return send(request, **more)

        monkeypatch.setattr(store.images._plain, 'send', noting)
        store.put(LAYER, iter([b'12', b'345']), 5)
        upload = store.upload(LAYER)
        upload.part(1, io.BytesIO(b'1234'), 3)
        upload.part(2, iter([b'12', b'345']))
        assert [(one.get('Content-Length'), one.get('Transfer-Encoding')) for one in sent] == [
            ('5', None), ('3', None), (None, 'chunked'),
        ]
        upload.abort()

    def test_a_body_that_breaks_leaves_no_image(self, store: GlanceStore, images: Images) -> None:
        def breaking() -> Iterator[bytes]:
            yield os.urandom(300_000)
            raise ConnectionResetError('the client went away')

        with pytest.raises(ConnectionResetError, match='the client went away'):
            store.put(LAYER, breaking(), 600_000)
        assert images.names() == []

    def test_a_refused_token_is_asked_for_again(self, store: GlanceStore) -> None:
        store.put(LAYER, b'1')
        for call in (
            lambda: store.put(LAYER, io.BytesIO(b'2'), 1), lambda: store.read(LAYER), lambda: store.stat(LAYER),
            lambda: store.delete([LAYER]),
        ):
            store.images._session.auth.auth_ref._auth_token = 'spoiled'
            call()

    def test_an_upload_whose_token_is_refused_is_sent_again(
        self, store: GlanceStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = store.images.create

        def spoiling(image: Any) -> None:
            create(image)
            store.images._session.auth.auth_ref._auth_token = 'spoiled'  # between the image and its bytes

        monkeypatch.setattr(store.images, 'create', spoiling)
        store.put(LAYER, b'content')
        assert store.read(LAYER) == b'content'

    def test_a_stream_whose_token_is_refused_is_worth_another_try_by_the_client(
        self, store: GlanceStore, images: Images, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = store.images.create

        def spoiling(image: Any) -> None:
            create(image)
            store.images._session.auth.auth_ref._auth_token = 'spoiled'

        monkeypatch.setattr(store.images, 'create', spoiling)
        with pytest.raises(Unavailable, match='the token ended'):
            store.upload(LAYER).part(1, iter([b'content']))
        assert images.names() == []

    def test_what_was_replaced_and_cannot_be_deleted_is_left_to_the_sweep(
        self, store: GlanceStore, images: Images, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.put(LAYER, b'1')
        with monkeypatch.context() as patch:
            patch.setattr(store.images, 'delete', Mock(side_effect=exc.HTTPServiceUnavailable))
            store.put(LAYER, b'2')
            upload = store.upload(LAYER)
            upload.finish([upload.part(1, b'3'), upload.part(2, b'4')], LAYER)
        assert store.read(LAYER) == b'34'
        assert len(images.names()) == 5
        assert store.sweep(-1) == 4
        assert images.names() == ['sha256:abcdef']

    def test_what_looks_like_a_harmful_disk_image_is_refused_unless_glance_is_told_not_to_look(
        self, store: GlanceStore, images: Images
    ) -> None:
        harmful = bytes(510) + b'\x55\xaa' + bytes(600)
        with pytest.raises(Refused, match='container_format'):
            store.put(LAYER, harmful)
        assert images.names() == []
        other = images.store(MemoryStore(), inline=0, container_format='docker')
        other.put(LAYER, harmful)
        assert other.read(LAYER) == harmful
        other.close()

    @pytest.mark.parametrize(('wrong', 'message'), [
        ({'password': 'wrong'}, 'mend username and password'),
        ({'project': 'no-such-project'}, 'mend'),
        ({'auth_url': 'http://127.0.0.1:9/v3'}, 'auth_url cannot be reached'),
        ({'region': 'RegionTwo'}, 'Glance cannot be reached; if it stays so, mend region, interface or endpoint'),
        ({'region': 'RegionThree'}, 'the catalogue has no such image service; mend region or interface'),
        ({'endpoint': 'http://127.0.0.1:9'}, 'Glance cannot be reached'),
    ])
    def test_check_names_what_to_mend_in_one_line(self, wrong: dict[str, str], message: str, images: Images) -> None:
        store = images.store(MemoryStore(), inline=0, **wrong)
        for call in (store.check, lambda: store.put(LAYER, b'x')):
            with pytest.raises((Refused, Unavailable), match=message) as raised:
                call()
            assert '\n' not in str(raised.value)
            assert images.options['password'] not in str(raised.value)
        store.close()

    def test_a_store_that_works_says_so(self, store: GlanceStore) -> None:
        assert store.setup() == []
