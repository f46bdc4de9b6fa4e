"""``stores.yml``: every mistake gets one line that names the file, the store and the option."""

from pathlib import Path

import pytest

from objreg import stores
from objreg.config import ConfigError
from objreg.drivers.file import FileStore
from objreg.drivers.memory import MemoryStore
from objreg.drivers.s3 import S3Store
from objreg.stores import load_store, store_names
from objreg.wrap.cache import CachedStore
from objreg.wrap.retry import RetryingStore
from objreg.wrap.timing import TimedStore


@pytest.fixture
def load(tmp_path):
    """Writes a stores.yml and loads a store of it."""
    def write_and_load(text, name='default'):
        path = tmp_path / 'stores.yml'
        path.write_text(text)
        return load_store(str(path), name)
    return write_and_load


@pytest.fixture
def made(monkeypatch):
    """A driver that shows what it was given, of every type that an option can have."""
    class Point:
        name = 'shown'

        def load(self):
            return Shown

    monkeypatch.setattr(stores, 'drivers', lambda: {'shown': Point(), 'memory': None})


class Shown(MemoryStore):
    def __init__(
        self, *, text: str = '', switch: bool = False, count: int = 0, time: float = 0.0, maybe: int | None = None,
        secret_key: str | None = None,
    ) -> None:
        super().__init__()
        if text == 'wrong':
            raise ValueError('text: cannot be wrong')
        self.options = {
            'text': text, 'switch': switch, 'count': count, 'time': time, 'maybe': maybe, 'secret': secret_key,
        }


def innermost(store):
    while hasattr(store, 'inner'):
        store = store.inner
    return store


def mistake(load, text, name='default'):
    with pytest.raises(ConfigError) as caught:
        load(text, name)
    message = str(caught.value)
    assert '\n' not in message
    assert 'stores.yml: ' in message
    return message.split('stores.yml: ', 1)[1]


def test_a_driver_lies_within_the_stores_that_time_retry_and_remember(load):
    store = load('default: {driver: memory}')
    assert [type(layer) for layer in (store, store.inner, store.inner.inner, store.inner.inner.inner)] == [
        CachedStore, RetryingStore, TimedStore, MemoryStore,
    ]
    assert store.name == 'default'


@pytest.mark.parametrize('off', ['false', 'no', 'off', '"false"', '0'])
def test_retries_and_the_cache_can_be_switched_off(load, off):
    store = load(f'default: {{driver: memory, retry: {off}, cache: {off}}}')
    assert isinstance(store, TimedStore)


def test_each_store_by_its_name(load, tmp_path):
    text = f'default: {{driver: memory}}\nfolder: {{driver: file, path: {tmp_path}/data}}\n'
    assert isinstance(innermost(load(text, 'folder')), FileStore)
    assert store_names(str(tmp_path / 'stores.yml')) == ['default', 'folder']


def test_options_get_the_type_that_the_driver_wants(load, made):
    store = load('default: {driver: shown, text: 5, switch: "on", count: 10 KiB, time: 5 min, maybe: "7"}')
    assert innermost(store).options == {
        'text': '5', 'switch': True, 'count': 10240, 'time': 300.0, 'maybe': 7, 'secret': None,
    }


def test_variables_of_the_environment(load, made, monkeypatch, tmp_path):
    monkeypatch.setenv('OBJREG_TEST_TEXT', 'a${b}')
    monkeypatch.delenv('OBJREG_TEST_UNSET', raising=False)
    store = load(
        'default:\n  driver: shown\n  text: x-${OBJREG_TEST_TEXT}-${OBJREG_TEST_UNSET:-y}-${here}\n'
        '  count: ${OBJREG_TEST_UNSET:-3}\n  secret_key: ${OBJREG_TEST_UNSET:-}\n'
    )
    options = innermost(store).options
    assert options['text'] == f'x-a${{b}}-y-{tmp_path}'
    assert (options['count'], options['secret']) == (3, '')


def test_a_secret_may_be_a_file(load, made, tmp_path):
    (tmp_path / 'secret').write_text(' hidden\n')
    store = load('default: {driver: shown, secret_key_file: "${here}/secret"}')
    assert innermost(store).options['secret'] == 'hidden'


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'a section for each store is needed, with its options'),
    ('- a', 'a section for each store is needed, with its options'),
    ('5: {driver: memory}', 'a section for each store is needed, with its options'),
    ('other: {driver: memory}', "there is no store 'default'; there is other"),
    ('defualt: {driver: memory}', "there is no store 'default'; did you mean 'defualt'?"),
    ('default:', '[default] needs options, at least driver'),
    ('default: memory', '[default] needs options, at least driver'),
    ('default: {5: a}', '[default] needs options, at least driver'),
    ('default: {}', '[default] driver: needed; there is '),
    ('default: {driver: 5}', '[default] driver: there is no 5; '),
    ('default: {driver: [file]}', "[default] driver: there is no ['file']; "),
    ('default: {driver: fiel}', "[default] driver: there is no 'fiel'; did you mean 'file'?"),
    ('default: {driver: file}', '[default] path: needed'),
    ('default: {driver: file, path: }', '[default] path: has no value'),
    ('default: {driver: file, path: [a]}', "[default] path: ['a'] is not text"),
    ('default: {driver: file, paht: a}', "[default] paht: there is no such option; did you mean 'path'?"),
    ('default: {driver: file, path_file: /nowhere}', '[default] path_file: /nowhere: No such file or directory'),
    ('default: {driver: file, path_file: 5}', '[default] path_file: 5: '),
    ('default: {driver: file, path: a, sync: maybe}', "[default] sync: 'maybe' is none of true"),
    ('default: {driver: file, path: a, sync: [1]}', '[default] sync: '),
    ('default: {driver: file, path: a, listing_names: many}', "[default] listing_names: 'many' is not like"),
    ('default: {driver: file, path: a, listing_names: {b: 1}}', '[default] listing_names: '),
    ('default: {driver: file, path: "${OBJREG_TEST_UNSET}"}',
     '[default] path: the environment variable OBJREG_TEST_UNSET is not set'),
    ('default: {driver: memory, cache: {memory: "${OBJREG_TEST_UNSET}"}}',
     '[default] cache.memory: the environment variable OBJREG_TEST_UNSET is not set'),
    ('default: {driver: memory, cach: false}', "[default] cach: there is no such option; did you mean 'cache'?"),
    ('default: {driver: memory, cache: maybe}', "[default] cache: 'maybe' is neither true, false nor options"),
    ('default: {driver: memory, cache: [1]}', '[default] cache: [1] is neither true, false nor options'),
    ('default: {driver: memory, cache: }', '[default] cache: None is neither true, false nor options'),
    ('default: {driver: memory, cache: {memroy: 1}}',
     "[default] cache.memroy: there is no such option; did you mean 'memory'?"),
    ('default: {driver: memory, cache: {5: 1}}', '[default] cache.5: there is no such option; '),
    ('default: {driver: memory, cache: {memory: lots}}', "[default] cache.memory: 'lots' is not like 10 MiB"),
    ('default: {driver: memory, retry: {attempts: }}', '[default] retry.attempts: '),
    ('default: {driver: memory, retry: {attempts: 0}}', '[default] retry '),
    ('default: {driver: memory', 'not YAML: '),
    ('default: !!python/object/apply:os.system [echo]', 'not YAML: '),
    ('a: &a [*a, *a]', "there is no store 'default'; there is a"),
])
def test_mistakes(load, text, message, monkeypatch):
    monkeypatch.delenv('OBJREG_TEST_UNSET', raising=False)
    assert mistake(load, text).startswith(message)


def test_what_the_driver_says_of_its_options_is_told_with_their_place(load, made):
    assert mistake(load, 'default: {driver: shown, text: wrong}') == '[default] text: cannot be wrong'


def test_a_missing_secret_is_named(load):
    text = 'default: {driver: s3, preset: ceph, endpoint: "http://127.0.0.1:1", bucket: b, access_key: a}'
    assert 'secret_key' in mistake(load, text)


def test_a_secret_is_never_told(load, made):
    assert 'hidden' not in mistake(load, 'default: {driver: shown, secret_key: hidden, text: wrong}')


def test_a_driver_whose_library_is_missing_says_so(load, monkeypatch):
    class Point:
        def __init__(self, *extras):
            self.extras = extras

        def load(self):
            raise ImportError("No module named 'sdk'")

    monkeypatch.setattr(stores, 'drivers', lambda: {'mine': Point(), 'azure': Point('azure')})
    assert mistake(load, 'default: {driver: mine}') == (
        "[default] driver: mine needs what is not installed: No module named 'sdk'"
    )
    assert mistake(load, 'default: {driver: azure}').endswith(": No module named 'sdk'; pip install 'objreg[azure]'")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    missing = tmp_path / 'stores.yml'
    with pytest.raises(ConfigError, match='stores.yml: No such file or directory'):
        load_store(str(missing), 'default')
    missing.write_bytes(b'\xff\xfe\xff')
    with pytest.raises(ConfigError, match='stores.yml: not YAML'):
        load_store(str(missing), 'default')


def test_the_drivers_that_come_with_it():
    assert {name: point.load() for name, point in stores.drivers().items()}.items() >= {
        'file': FileStore, 'memory': MemoryStore, 's3': S3Store,
    }.items()


def test_a_folder_has_no_cache_unless_it_is_asked_for(tmp_path: Path) -> None:
    """Several processes serve it, and none shows what another deleted."""
    path = tmp_path / 'stores.yml'
    path.write_text(
        f'plain: {{driver: file, path: {tmp_path}}}\nasked: {{driver: file, path: {tmp_path}, cache: true}}'
    )
    assert not isinstance(load_store(str(path), 'plain'), CachedStore)
    assert isinstance(load_store(str(path), 'asked'), CachedStore)


def test_a_store_is_made_around_the_ones_that_it_names(load, tmp_path):
    store = load('''
        small: {driver: memory}
        large: {driver: memory, retry: false}
        both: {driver: split, names: small, blobs: large}
        team: {driver: prefix, store: both, path: team}
    ''', 'team')
    store.put('blobs/a', b'x')
    assert store.read('blobs/a') == b'x'
    assert [entry.key for entry in store.list('')] == ['blobs/a']
    assert isinstance(store, CachedStore)
    assert stores.describe(str(tmp_path / 'stores.yml'), 'team') == 'prefix path=team store=both'


@pytest.mark.parametrize(('text', 'message'), [
    ('default: {driver: prefix, path: a}', '[default] store: needed'),
    ('default: {driver: prefix, store: othr, path: a}\nother: {driver: memory}',
     "[default] store: there is no store 'othr'; did you mean 'other'?"),
    ('default: {driver: prefix, store: [a], path: a}', "[default] store: ['a'] is not the name of a store"),
    ('default: {driver: prefix, store: other, path: a}\nother: {driver: prefix, store: default, path: b}',
     '[other]: default > other > default is a circle'),
    ('default: {driver: prefix, store: other, path: a}\nother: {driver: memory, pth: b}', '[other] pth: there is no'),
    ('default: {driver: prefix, store: other, path: ""}\nother: {driver: memory}', '[default] path: '),
])
def test_mistakes_in_the_stores_within_are_named_with_their_place(load, text, message):
    assert message in mistake(load, text)
