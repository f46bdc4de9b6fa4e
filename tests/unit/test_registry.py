"""What the layers of one process share."""

import threading

import pytest

from objreg import keys
from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.registry import FORMAT, Registry, open_registry


@pytest.fixture
def registry():
    registry = Registry(MemoryStore())
    yield registry
    registry.close()


def test_a_new_bucket_is_marked_with_the_format(registry):
    registry.start()
    assert registry.store.read(keys.FORMAT) == b'{"objreg": %d}' % FORMAT


def test_a_bucket_that_is_known_is_left_as_it_is(registry):
    registry.store.put(keys.FORMAT, b'{"objreg": 1, "more": 2}')
    registry.start()
    assert registry.store.read(keys.FORMAT) == b'{"objreg": 1, "more": 2}'


@pytest.mark.parametrize('mark', [b'{"objreg": 2}', b'{"objreg": "1"}', b'{}', b'[]', b'{', b'', b'\xff', b'null'])
def test_a_bucket_from_the_future_is_refused_in_one_line(registry, mark):
    registry.store.put(keys.FORMAT, mark)
    with pytest.raises(ConfigError, match='format') as caught:
        registry.start()
    assert '\n' not in str(caught.value)


def test_many_reads_go_on_at_the_same_time(registry):
    both = threading.Barrier(2, timeout=10)
    assert registry.each(lambda item: both.wait() in (0, 1), ['a', 'b']) == [True, True]


def test_results_come_in_the_order_of_the_items(registry):
    assert registry.each(str, range(100)) == [str(number) for number in range(100)]
    assert registry.each(str, []) == []
    assert registry.each(str, [1]) == ['1']


def test_the_first_error_is_raised_when_all_have_ended(registry):
    ended = []

    def work(item):
        if item in (1, 3):
            raise ValueError(item)
        ended.append(item)

    with pytest.raises(ValueError, match='1'):
        registry.each(work, range(5))
    assert sorted(ended) == [0, 2, 4]


def test_layers_that_name_the_same_store_share_it(tmp_path):
    stores = tmp_path / 'stores.yml'
    stores.write_text('default: {driver: memory}\nother: {driver: memory}\n')
    conf = {'stores': str(stores)}
    shared = open_registry(conf)
    assert open_registry(conf, 'default') is shared
    assert open_registry({**conf, 'store': 'other'}) is not shared


def test_two_registries_of_one_process_share_nothing(tmp_path):
    for name in ('a.yml', 'b.yml'):
        (tmp_path / name).write_text('default: {driver: memory}\n')
    one, other = (open_registry({'stores': str(tmp_path / name)}) for name in ('a.yml', 'b.yml'))
    one.store.put('catalog/x', b'{}')
    assert list(other.store.list('')) == []
