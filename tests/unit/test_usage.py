"""What repositories hold: shared bytes are told apart, and counted once."""

from __future__ import annotations

import os

from objreg import keys
from objreg.drivers.memory import MemoryStore
from objreg.names import Digest
from objreg.usage import measure
from tests import documents
from tests.inprocess import Client


def test_shared_bytes_are_told_apart_and_counted_once() -> None:
    store = MemoryStore()
    client = Client(store)
    shared, mine = os.urandom(1000), os.urandom(300)
    client.push_image('a', 'v1', shared, mine)
    client.push_image('a/b', 'v1', shared)
    client.push_image('a', 'v2', mine)
    store.put(keys.content(Digest.of(b'nobody has it')), b'nobody has it')
    usages, total = measure(store)
    config = len(documents.CONFIG)
    assert [(usage.repository, usage.blobs, usage.own, usage.shared) for usage in usages] == [
        ('a', 3, 300, 1000 + config), ('a/b', 2, 0, 1000 + config),
    ]
    assert (total.blobs, total.size, total.unreferenced) == (4, 1313 + config, 13)
    assert total.names == sum(usage.names for usage in usages) == sum(
        len(store.read(entry.key)) for entry in store.list('repositories/')
    )


def test_an_empty_store_holds_nothing() -> None:
    usages, total = measure(MemoryStore())
    assert usages == []
    assert total.as_json() == {'blobs': 0, 'size': 0, 'unreferenced': 0, 'names': 0}
