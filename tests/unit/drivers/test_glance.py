"""The `glance` driver without a server: its options, its records, and what images are called."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from objreg.config import ConfigError
from objreg.drivers import glance
from objreg.drivers.glance_bodies import Source
from objreg.drivers.glance_client import _error_of
from objreg.drivers.glance_errors import translated
from objreg.drivers.glance_names import named
from objreg.drivers.glance_records import Record
from objreg.drivers.memory import MemoryStore
from objreg.store import Refused, StoreError, Unavailable
from objreg.stores import load_store
from objreg.wrap.cache import CachedStore
from objreg.wrap.retry import RetryingStore
from objreg.wrap.timing import TimedStore

ID = '00000000-0000-4000-8000-000000000000'
OPTIONS = {
    'bucket': 'registry', 'auth_url': 'https://keystone.example.net:5000/v3', 'username': 'u', 'password': 'p',
    'project': 'r',
}


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'bucket': ''}, 'bucket: needed'),
    ({'auth_url': ''}, 'auth_url: needed'),
    ({'auth_url': 'keystone'}, 'auth_url: needed, http'),
    ({'project': ''}, 'project: needed'),
    ({'application_credential': 'id'}, 'application_secret: needed with application_credential'),
    ({'interface': 'private'}, "interface: 'private' is not public, internal or admin"),
    ({'visibility': 'secret'}, "visibility: 'secret' is not one of private, shared, community, public"),
    ({'properties': 'team'}, "properties: 'team' is not a name, a colon and a value"),
    ({'properties': 'objreg_key: x'}, "properties: 'objreg_key: x' is not"),
    ({'large': '('}, 'large: '),
    ({'inline': -1}, 'inline: -1 is less than 0'),
    ({'ca_bundle': '/nowhere'}, 'ca_bundle: there is no /nowhere'),
    ({'pool': 0}, 'pool: 0 is less than 1'),
])
def test_a_mistake_names_its_option(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as raised:
        glance.GlanceStore(names=MemoryStore(), **{**OPTIONS, **wrong})
    assert str(raised.value).startswith(message)


def test_without_its_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in [name for name in sys.modules if name.startswith(('glanceclient', 'objreg.drivers.glance'))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, 'glanceclient', None)
    monkeypatch.setattr(importlib.import_module('objreg.drivers'), 'glance', glance)
    (tmp_path / 'stores.yml').write_text('default: {driver: glance}')
    with pytest.raises(ConfigError, match=r"pip install 'objreg\[glance\]'") as raised:
        load_store(str(tmp_path / 'stores.yml'), 'default')
    assert '\n' not in str(raised.value)


def test_it_is_timed_and_tried_again_beside_the_store_of_names(tmp_path: Path) -> None:
    options = ''.join(f'  {name}: {value}\n' for name, value in OPTIONS.items())
    text = f'small: {{driver: memory}}\ndefault:\n  driver: glance\n  names: small\n{options}'
    (tmp_path / 'stores.yml').write_text(text)
    layers = [load_store(str(tmp_path / 'stores.yml'), 'default')]
    while hasattr(layers[-1], 'inner'):
        layers.append(layers[-1].inner)
    assert [type(layer) for layer in layers] == [CachedStore, RetryingStore, TimedStore, glance.GlanceStore]
    assert isinstance(layers[-1].names, RetryingStore)  # type: ignore[attr-defined]
    layers[0].close()


@pytest.mark.parametrize('record', [
    Record(ID, 5), Record(ID, 0, b''), Record(ID, 12, b'any\nbytes\n{}'),
])
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert Record.load(record.dump(), 'k') == record


@pytest.mark.parametrize('text', [
    b'', b'{}', b'[]', b'null', b'\xff', b'{"id": "x", "size": 1, "in": "image"}',
    Record(ID, 3, b'abc').dump()[:-1], Record(ID, 3, b'abc').dump() + b'd',
    Record(ID, 5).dump().replace(b'image', b'elsewhere'),
])
def test_what_is_no_record_is_refused(text: bytes) -> None:
    with pytest.raises(Refused, match='k: '):
        Record.load(text, 'k')


@pytest.mark.parametrize(('key', 'name'), [
    ('blobs/sha256/ab/abcd', 'sha256:abcd'),
    ('blobs/sha256/ab/xyz', 'blobs/sha256/ab/xyz'),
    ('uploads/é', 'uploads/%C3%A9'),
    ('k' * 300, 'k' * 255),
])
def test_what_an_image_is_called(key: str, name: str) -> None:
    assert named(key) == name


def test_a_source_has_a_length_only_where_it_is_known(tmp_path: Path) -> None:
    (tmp_path / 'body').write_bytes(b'before, content')
    assert Source(b'bytes', None).len == 5
    assert not hasattr(Source(iter([b'a']), None), 'len')
    with (tmp_path / 'body').open('rb') as file:
        file.seek(8)
        source = Source(file, 7)
        assert (source.len, b''.join(source), source.rewind(), b''.join(source)) == (7, b'content', True, b'content')
    assert not Source(iter([b'a']), 1).rewind()


@pytest.mark.parametrize(('status', 'kind', 'body', 'raised'), [
    (503, 'text/html', b'<h1>503</h1><p>busy</p>', Unavailable),
    (429, 'application/json', b'{"error": "too many"}', Unavailable),
    (503, 'application/json', b'["busy"]', Unavailable),
    (503, 'application/json', b'{"cut', Unavailable),
    (502, 'text/plain', b'\xff', Unavailable),
    (408, 'text/plain', b'', Unavailable),
    (507, 'text/plain', b'', Refused),
])
def test_an_answer_that_is_no_words_of_glance_is_an_error_of_the_store(
    status: int, kind: str, body: bytes, raised: type[StoreError]
) -> None:
    answer = requests.Response()
    answer.status_code, answer._content, answer.reason = status, body, 'Whatever'
    answer.headers.update({'Content-Type': kind, 'Retry-After': '7'})
    with pytest.raises(raised, match=f'^glance: read: .*({status})') as found, translated('glance: read'):
        raise _error_of(answer, body)
    assert '\n' not in str(found.value)
    assert getattr(found.value, 'retry_after', None) == (7 if raised is Unavailable else None)
