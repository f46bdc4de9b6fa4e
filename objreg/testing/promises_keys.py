"""What a store promises of keys: which it takes, that it keeps them apart, and that it refuses all others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from objreg.store import MAX_COMPONENT, MAX_KEY, Origin, Part, Refused, Store
from objreg.testing.ledger import Ledger
from objreg.testing.promises import Promises

ODD = (
    'a+b', 'a b', 'a  b', ' a', 'a ', 'a%2Fb', 'a%2E', 'a%', 'a%b', 'a&b<c>', 'a?b=1', 'a#b', 'a\'"b', 'a\\b', 'a~b',
    'a:b', 'a;b', 'a*', 'a|b', '$HOME', '{a}', '[a]', '-a', '=a', '@a', 'a\tb', 'a\x01b', 'a\x7fb',
    '.a', '..a', 'a.', 'a..', '...', 'a/.b', 'a/..b/c', 'a/...', '.staging', '.staging/a', 'x.d', 'x.d/x.d', 'x', 'x/x',
    'x%2Ed', '%2Ea', 'con', 'nul', 'A', 'a', 'é/è', 'e\u0301/e\u0300', 'ß', 'SS', '日本/語', '\U0001f600', '\ufeffa',
    '\u202ea', 'z/\uffee', 'z/\U0010ffff',
)
LONG = (
    'c' * MAX_COMPONENT,
    '.' + 'c' * (MAX_COMPONENT - 1),
    'é' * (MAX_COMPONENT // 2),
    '\U0001f600' * (MAX_COMPONENT // 4) + '/' + 'c' * MAX_COMPONENT,
    '/'.join(['c' * MAX_COMPONENT] * 4)[:MAX_KEY],
    '/'.join(['c'] * (MAX_KEY // 2)),
    '/'.join(['c'] * (MAX_KEY // 2 - 1)) + '/cc',
)
HOSTILE = (
    '', '/', '//', '/a', 'a/', 'a//b', '.', '..', './a', '../a', '../../etc/passwd', 'a/.', 'a/..', 'a/./b', 'a/../b',
    'a/../../b', '/etc/passwd', '\0', 'a\0', 'a\0/b', 'a/b\0.d', 'x' * (MAX_KEY + 1), 'é' * (MAX_KEY // 2 + 1),
    'x/' * (MAX_KEY // 2) + 'x', '\udc80', 'a/\ud800b',
)


def _finish(store: Store, key: str) -> None:
    upload = store.upload('uploads/a')
    part = upload.part(1, b'x')
    try:
        upload.finish([part], key)
    finally:
        upload.abort()


def _upload(store: Store, key: str) -> None:
    upload = store.upload(key)
    try:
        upload.finish([upload.part(1, b'x')], key)
    finally:
        upload.abort()


def _delete_with_another(store: Store, key: str) -> None:
    store.put('good', b'good')
    store.delete(['good', key])


class KeyPromises(Promises):
    """The tests."""

    def test_odd_keys_are_kept_apart_listed_copied_and_deleted(self, objects: Ledger) -> None:
        for key in ODD:
            objects.put(key, key.encode())
        objects.settle()
        assert {key: objects.read(key) for key in ODD} == {key: key.encode() for key in ODD}
        for key in ODD:
            assert objects.stat(key).size == len(key.encode())
            objects.copy(key, 'copy/of/' + key)
            assert objects.read('copy/of/' + key) == key.encode()
            if key.isprintable():
                assert [entry.key for entry in objects.page(key, limit=1).entries] == [key]
        objects.delete('copy/of/' + key for key in ODD)
        objects.delete([ODD[0]])
        objects.settle()

    def test_an_odd_key_can_be_uploaded_to(self, objects: Ledger) -> None:
        for key in ('a+b %2F&é/?#', '.staging/x.d', '日本', 'c' * MAX_COMPONENT):
            upload = objects.upload(key)
            part = upload.part(1, key.encode())
            objects.resume(upload.id).finish([part], key)
            assert objects.read(key) == key.encode()

    def test_long_keys_are_kept(self, objects: Ledger) -> None:
        for key in LONG:
            if len(key.encode()) > self.longest_key:
                continue
            objects.put(key, b'x')
            assert objects.read(key) == b'x'
        objects.settle()

    def test_a_key_may_begin_with_another_one(self, objects: Ledger) -> None:
        keys = ['catalog/a/b/c', 'catalog/a', 'catalog/a/b', 'catalog', 'catalog/a-b', 'catalog/ab']
        for key in keys:
            objects.put(key, key.encode())
        assert [objects.read(key) for key in keys] == [key.encode() for key in keys]
        objects.settle()
        assert [entry.key for entry in objects.list('catalog/a/')] == ['catalog/a/b', 'catalog/a/b/c']
        objects.delete(['catalog/a'])
        objects.put('catalog/a/b', b'new')
        assert objects.read('catalog/a/b/c') == b'catalog/a/b/c'

    @pytest.mark.parametrize('call', [
        lambda store, key: store.get(key),
        lambda store, key: store.get(key, 3, 3),
        lambda store, key: store.read(key),
        lambda store, key: store.newest(key),
        lambda store, key: store.stat(key),
        lambda store, key: store.put(key, b'x'),
        lambda store, key: store.put(key, b'x', if_absent=True),
        lambda store, key: store.put(key, iter([b'x']), 1),
        lambda store, key: store.delete([key]),
        _delete_with_another,
        lambda store, key: store.copy(key, 'copy'),
        lambda store, key: store.copy('good', key),
        lambda store, key: store.take(Origin(store, 'good'), key),
        _finish,
        _upload,
    ], ids=[
        'get', 'get nothing', 'read', 'newest', 'stat', 'put', 'put if absent', 'put iterable', 'delete',
        'delete with another', 'copy from', 'copy to', 'take to', 'finish', 'upload',
    ])
    def test_what_is_no_key_is_refused(self, call: Callable[[Store, str], object], objects: Ledger) -> None:
        objects.put('good', b'good')
        for key in HOSTILE:
            with pytest.raises(Refused):
                call(objects, key)
                raise AssertionError(f'{key!r} was taken')
        objects.put('good', b'good')

    def test_no_url_is_given_of_what_is_no_key(self, objects: Ledger) -> None:
        for key in HOSTILE:
            try:
                url = objects.url(key, 60)
            except Refused:
                continue
            assert url is None, key

    def test_an_id_that_is_none_opens_nothing(self, objects: Ledger) -> None:
        objects.put('good', b'good')
        part = Part(1, 4, '0' * 32)
        for id in ('', '0', '0' * 32, '../good', 'good', 'good?0?0', '?' * 3, 'a/../b', '%2e%2e', '\0', 'x' * 600):
            with pytest.raises(Refused):
                objects.resume(id).finish([part], 'good')
        assert objects.read('good') == b'good'
