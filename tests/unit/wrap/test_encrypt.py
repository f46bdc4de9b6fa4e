"""What `encrypt` writes tells nothing, opens with any of the keys, and never opens to other bytes than were written."""

from __future__ import annotations

import base64
import io
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objreg import keys as layout
from objreg.config import ConfigError
from objreg.drivers.memory import MemoryStore
from objreg.middleware.errors import Errors
from objreg.names import Digest
from objreg.registry import Registry
from objreg.store import Content, NotFound, Refused, Store, StoreError, Unavailable, Upload
from objreg.stores import load_store
from objreg.testing.faults import CountingStore, Fault, FaultyStore, nth
from objreg.testing.promises import sample
from objreg.transfer import transfer
from objreg.uploads import Uploads
from objreg.wrap.encrypt import EncryptStore
from objreg.wrap.encrypt_bodies import SealedFile
from objreg.wrap.encrypt_format import CHUNK_SIZE, HEADER, OVERHEAD, SEALED, Keyring, Sealer, plain_size, sealed_size
from objreg.wrap.retry import Policy, RetryingStore
from tests.inprocess import Client
from tests.unit.wrap.equal import EqualParts

OLD, NEW = 'a1' * 32, base64.b64encode(b'another key of thirty-two bytes!').decode()
PART = 4 * CHUNK_SIZE
BLOB = 'blobs/sha256/aa/aa'

sizes = st.one_of(
    st.integers(0, 4 * CHUNK_SIZE),
    st.builds(lambda chunks, more: max(0, chunks * CHUNK_SIZE + more), st.integers(0, 6), st.integers(-2, 2)),
)
few = settings(max_examples=40, deadline=None)


def encrypted(key: str = OLD, inner: Store | None = None) -> EncryptStore:
    return EncryptStore(store=inner or EqualParts(), key=key)


def uploaded(store: Store, data: bytes, key: str = BLOB) -> None:
    """Write in equal parts."""
    upload = store.upload('uploads/u/data')
    parts = [
        upload.part(number, data[at:at + PART]) for number, at in enumerate(range(0, len(data) or 1, PART), 1)
    ]
    upload.finish(parts, key)


# Bytes come back

@given(size=sizes, in_parts=st.booleans(), cuts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1.2)), max_size=4))
@few
def test_any_bytes_and_any_range_of_them_come_back(
    size: int, in_parts: bool, cuts: list[tuple[float, float]]
) -> None:
    store, data = encrypted(), sample(size)
    if in_parts:
        uploaded(store, data)
    else:
        store.put(BLOB, data)
    assert store.read(BLOB) == store.get(BLOB).read() == data
    assert store.stat(BLOB).size == size
    assert [entry.size for entry in store.page('', detail=True).entries] == [size]
    for one, other in cuts:
        start, end = int(one * size), int(other * size)
        if start < size:
            assert store.get(BLOB, start, end).read() == data[start:end]
            assert store.get(BLOB, start).read() == data[start:]
    if size:
        with pytest.raises(Refused):
            store.get(BLOB, size)


@given(size=st.integers(0, 10 * CHUNK_SIZE))
def test_sizes_are_told_without_reading(size: int) -> None:
    assert plain_size(sealed_size(size)) == size
    if size % CHUNK_SIZE == 0 and size:
        assert plain_size(sealed_size(size) + OVERHEAD) == size  # with an end of its own


@given(size=sizes, steps=st.lists(st.integers(1, 3 * CHUNK_SIZE), min_size=1, max_size=5), start=st.integers(0, 9))
@few
def test_a_file_is_the_same_sealed_file_however_it_is_read(size: int, steps: list[int], start: int) -> None:
    body = io.BytesIO(sample(start + size))
    body.seek(start)
    sealed = SealedFile(Sealer(Keyring(OLD), ''), body, size, is_end=True)  # type: ignore[arg-type]
    whole = sealed.read()
    assert whole is not None and len(whole) == sealed_size(size) == sealed.seek(0, 2)
    sealed.seek(0)
    again, at = [], 0
    while piece := sealed.read(steps[at % len(steps)]):
        again.append(piece)
        at += 1
    assert b''.join(again) == whole
    assert body.tell() == start + size


# Nothing else comes back

def mutations(sealed: bytes, other: bytes) -> st.SearchStrategy[bytes]:
    """What somebody may do to an object who has another one, too."""
    chunk = st.integers(0, max(0, (len(sealed) - 1) // SEALED))
    mine = [sealed[at:at + SEALED] for at in range(0, len(sealed), SEALED)]
    theirs = [other[at:at + SEALED] for at in range(0, len(other), SEALED)]

    def flip(at: float, bit: int) -> bytes:
        place = min(int(at * len(sealed)), len(sealed) - 1)
        return sealed[:place] + bytes([sealed[place] ^ 1 << bit]) + sealed[place + 1:]

    def exchanged(one: int, two: int) -> bytes:
        chunks = list(mine)
        chunks[one], chunks[two] = chunks[two], chunks[one]
        return b''.join(chunks)

    return st.one_of(
        st.builds(flip, st.floats(0, 1), st.integers(0, 7)),
        st.builds(lambda at: sealed[:int(at * len(sealed))], st.floats(0, 1)),
        st.builds(lambda count: b''.join(mine[:count]), chunk),
        st.builds(lambda count: b''.join(mine[count:]), chunk),
        st.builds(lambda one, two: b''.join(mine[:one] + mine[two:]), chunk, chunk),
        st.builds(exchanged, chunk, chunk),
        st.builds(lambda at: b''.join(mine[:at] + theirs[at:]), chunk),
        st.builds(lambda at: b''.join(mine[:at] + theirs[at:at + 1] + mine[at + 1:]), chunk),
        st.builds(lambda more: sealed + more, st.sampled_from([b'\0', mine[0], mine[-1], theirs[-1]])),
    )


@given(pick=st.data(), in_parts=st.booleans(), size=sizes)
@settings(max_examples=100, deadline=None)
def test_what_was_altered_is_never_taken_for_what_was_written(pick: st.DataObject, in_parts: bool, size: int) -> None:
    store = encrypted()
    one, other = sample(size, 1), sample(size, 2)
    for key, data in ((BLOB, one), (BLOB + 'x', other)):
        if in_parts:
            uploaded(store, data, key)
        else:
            store.put(key, data)
    sealed = store.inner.read(BLOB)
    altered = pick.draw(mutations(sealed, store.inner.read(BLOB + 'x')))
    if altered in (sealed, store.inner.read(BLOB + 'x')):
        return
    store.inner.put(BLOB, altered)
    for read in (store.read, lambda key: store.get(key).read()):
        with pytest.raises(Unavailable, match=f'^encrypt: {BLOB} is damaged: '):
            read(BLOB)
    start = pick.draw(st.integers(0, size))
    end = pick.draw(st.one_of(st.none(), st.integers(start, size + 9)))
    try:
        # a lone chunk of another object's same place opens: such a range is another object's, as if all of it was
        found = store.get(BLOB, start, end).read()
    except StoreError:
        return
    assert found in (one[start:end], other[start:end])


def test_every_byte_counts() -> None:
    store = encrypted()
    store.put('k', b'some bytes')
    sealed = store.inner.read('k')
    for at in range(len(sealed)):
        store.inner.put('k', sealed[:at] + bytes([sealed[at] ^ 0x80]) + sealed[at + 1:])
        with pytest.raises(Unavailable, match='^encrypt: k is damaged: chunk 0 '):
            store.get('k')
        store.inner.put('k', sealed[:at])
        with pytest.raises(Unavailable, match='^encrypt: k is damaged: chunk 0 '):
            store.get('k', 0, 1)


@pytest.mark.parametrize('count', [1, 2, 3])
def test_an_upload_ends_with_its_last_part_and_nowhere_before(count: int) -> None:
    store = encrypted()
    uploaded(store, sample(4 * PART), BLOB)
    store.inner.put(BLOB, store.inner.read(BLOB)[:sealed_size(count * PART)])
    content = store.get(BLOB)
    with pytest.raises(Unavailable), content:
        list(content)


def test_content_that_was_exchanged_as_a_whole_is_told_by_its_digest_alone() -> None:
    store = encrypted()
    store.put(BLOB, b'one')
    store.put(BLOB + 'x', b'other')
    store.inner.copy(BLOB + 'x', BLOB)
    assert store.read(BLOB) == b'other', 'content is written before its key is known'


def test_one_small_object_does_not_pass_for_another() -> None:
    store = encrypted()
    store.put('repositories/a/_tags/old', b'the old one')
    store.put('blobs/sha256/aa/aa', b'anything that a user pushed')
    for source in ('repositories/a/_tags/old', 'blobs/sha256/aa/aa'):
        store.inner.copy(source, 'repositories/a/_tags/latest')
        with pytest.raises(Unavailable, match='latest is damaged'):
            store.read('repositories/a/_tags/latest')
    store.copy('repositories/a/_tags/old', 'repositories/a/_tags/latest')
    assert store.read('repositories/a/_tags/latest') == b'the old one'


def test_what_was_not_sealed_is_not_served() -> None:
    inner = MemoryStore()
    inner.put('k', sample(3 * CHUNK_SIZE))
    with pytest.raises(Unavailable, match='was not written by this driver'):
        encrypted(inner=inner).get('k')


def test_a_content_that_breaks_off_is_an_error() -> None:
    class Cut(MemoryStore):
        def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
            whole = super().get(key, start, end)
            return Content([whole.read()[:-1000]], whole.size)

    for size in (10, CHUNK_SIZE, 3 * CHUNK_SIZE):
        store = encrypted(inner=Cut())
        store.put('k', sample(size + 2000))
        with pytest.raises(Unavailable):
            store.get('k').read()


def test_a_damaged_blob_is_a_503_and_a_line_that_names_it(caplog: pytest.LogCaptureFixture) -> None:
    inner = MemoryStore()
    client = Client(store=encrypted(inner=inner))
    client.app = Errors(client.app)
    data = b'a layer'
    client.push_blob('app', data)
    key = layout.content(Digest.of(data))
    inner.put(key, inner.read(key)[:-1] + b'\0')
    with caplog.at_level(logging.WARNING):
        answer = client('GET', f'/v2/app/blobs/{Digest.of(data)}')
    assert (answer.status, answer.all('Retry-After')) == (503, ['5'])
    assert f'encrypt: {key} is damaged: chunk 0 does not pass its authentication' in caplog.text
    client.registry.close()


# What the store sees

def test_nothing_lies_there_in_plain_text_and_nothing_twice_alike() -> None:
    store, data = encrypted(), b'0123456789abcdef' * 10_000
    store.put('a', data)
    store.put('b', data)
    uploaded(store, data)
    lying = [store.inner.read(key) for key in ('a', 'b', BLOB)]
    assert not any(data[:16] in one for one in lying)
    assert len({one[HEADER:HEADER + 16] for one in lying}) == 3
    assert len({one[12:44] for one in lying}) == 3


def test_a_range_is_one_call_for_the_chunks_that_it_touches() -> None:
    asked: list[tuple[int, int | None]] = []

    class Noting(EqualParts):
        def get(self, key: str, start: int = 0, end: int | None = None) -> Content:
            asked.append((start, end))
            return super().get(key, start, end)

    counting = CountingStore(Noting())
    store = encrypted(inner=counting)
    uploaded(store, sample(2 * PART + 5))
    counting.reset()
    store.get(BLOB, PART + 1, PART + 2).read()
    store.get(BLOB, CHUNK_SIZE - 1, CHUNK_SIZE + 1).read()
    store.get(BLOB, PART).read()
    store.read(BLOB)
    assert counting.calls == {'get': 4}
    assert asked == [(4 * SEALED, 5 * SEALED + 1), (0, 2 * SEALED + 1), (4 * SEALED, None)]


def test_calls_are_as_many_as_without_it() -> None:
    counting = CountingStore(EqualParts())
    store = encrypted(inner=counting)
    store.put('k', b'x')
    store.stat('k')
    uploaded(store, sample(PART + 1))
    store.copy(BLOB, 'blobs/copy')
    assert counting.calls == {'put': 1, 'stat': 1, 'part': 2, 'finish': 1, 'copy': 1}
    counting.reset()
    uploaded(store, sample(2 * PART))
    assert counting.calls == {'part': 3, 'finish': 1}, 'a part more, where the last one is as large as the others'


def test_it_serves_by_itself() -> None:
    store = encrypted()
    assert (store.url('k', 60), store.spool, store.capabilities.presign) == (None, '', False)


# Keys

def test_all_keys_open_and_the_first_one_seals() -> None:
    inner = EqualParts()
    old, both, new = (encrypted(key, inner) for key in (OLD, f'{NEW}\n{OLD}\n', NEW))
    old.put('old', b'1')
    both.put('new', b'2')
    assert (both.read('old'), both.read('new'), new.read('new')) == (b'1', b'2', b'2')
    with pytest.raises(Unavailable, match=f'needs the key {both.keyring.newest.hex()}, which the option key does not'):
        old.read('new')


def test_an_upload_goes_on_under_another_key_and_its_id_tells_none() -> None:
    inner = EqualParts()
    old, both = encrypted(OLD, inner), encrypted(f'{NEW} {OLD}', inner)
    data = sample(2 * PART)
    upload = old.upload('uploads/u/data')
    parts = [upload.part(1, data[:PART])]
    parts.append(both.resume(upload.id).part(2, data[PART:]))
    assert OLD not in upload.id
    for key in (bytes.fromhex(OLD), *old.keyring._keys):
        assert key.hex() not in upload.id
    both.resume(upload.id).finish(parts, BLOB)
    assert both.read(BLOB) == both.get(BLOB).read() == data


@pytest.mark.parametrize('key', ['', ' \n', 'short', 'g' * 64, 'a1' * 31, f'{OLD} {OLD[:-1]}', 'ä' * 32])
def test_what_is_no_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match='^key: ') as caught:
        encrypted(key)
    assert not key.split() or key.rsplit(maxsplit=1)[-1] not in str(caught.value)


def test_a_key_that_is_not_that_of_the_registry_is_found_at_the_start() -> None:
    inner = MemoryStore()
    Registry(encrypted(OLD, inner)).start()
    with pytest.raises(Unavailable, match='system/format is damaged: chunk 0 needs the key [0-9a-f]{16}'):
        Registry(encrypted(NEW, inner)).start()
    with pytest.raises(Unavailable, match='needs the key'):
        encrypted(NEW, inner).setup()
    assert encrypted(OLD, inner).setup() == []


def test_it_is_set_up_in_stores_yml(tmp_path: Path) -> None:
    (tmp_path / 'keys').write_text(f'{NEW}\n{OLD}\n')
    (tmp_path / 'stores.yml').write_text('''
plain: {driver: file, path: "${here}/data"}
default: {driver: encrypt, store: plain, key_file: "${here}/keys"}
wrong: {driver: encrypt, store: plain, key: secret}
without: {driver: encrypt, store: plain}
''')
    path = str(tmp_path / 'stores.yml')
    store = load_store(path, 'default')
    store.put('k', b'x')
    assert store.read('k') == b'x'
    with pytest.raises(NotFound):
        store.read('missing')
    store.close()
    with pytest.raises(ConfigError, match=r'\[wrong\] key: the 1\. is not 32 bytes in base64 or hexadecimal'):
        load_store(path, 'wrong')
    with pytest.raises(ConfigError, match=r'\[without\] key: needed'):
        load_store(path, 'without')


# Uploads, bodies

def test_parts_of_other_sizes_than_the_first_are_refused() -> None:
    store = encrypted()
    upload = store.upload('uploads/u/data')
    with pytest.raises(Refused, match='the first part is written before'):
        upload.part(2, sample(PART))
    first = upload.part(1, sample(PART))
    small, large = upload.part(2, sample(PART - 1)), upload.part(2, sample(PART + CHUNK_SIZE))
    third = upload.part(3, sample(10))
    for parts in ([first, small, third], [first, large, third], [third], [first, third], []):
        with pytest.raises(Refused):
            upload.finish(parts, BLOB)
    for number in (0, -1, 10_000):
        with pytest.raises(Refused, match='there may be 9999 parts'):
            upload.part(number, b'x')
    upload.finish([first, upload.part(2, sample(PART)), third], BLOB)
    assert store.read(BLOB) == sample(PART) * 2 + sample(10)


def test_whoever_uploads_asks_how_large_parts_may_be() -> None:
    uploads = Uploads(Registry(encrypted()), part_size=10_000_000)
    assert uploads.part_size == 153 * CHUNK_SIZE
    assert uploads._part_size(120_000 * 1024**2) % CHUNK_SIZE == 0
    capped = encrypted()
    capped.capabilities = replace(capped.capabilities, max_put=1000, part_step=3 * CHUNK_SIZE)
    transfer(Content([sample(1000)] * 20_000, 20_000_000), capped, BLOB)
    assert capped.read(BLOB) == sample(1000) * 20_000


def test_what_is_sealed_is_not_sealed_again() -> None:
    with pytest.raises(ValueError, match='^store: .* is sealed already'):
        encrypted(inner=encrypted())


@pytest.mark.parametrize('id', ['', 'x', '1.2', 'z.aa.id', '1.zz.id'])
def test_what_is_no_upload_is_refused(id: str) -> None:
    with pytest.raises(Refused, match='not an upload'):
        encrypted().resume(id)


def test_a_named_object_that_came_in_parts_is_bound_to_its_name_and_leaves_nothing_behind() -> None:
    store = encrypted()
    uploaded(store, sample(2 * PART + 1), 'somewhere/else')
    assert store.read('somewhere/else') == sample(2 * PART + 1)
    assert [entry.key for entry in store.inner.list('')] == ['somewhere/else']
    store.inner.copy('somewhere/else', 'another')
    with pytest.raises(Unavailable):
        store.read('another')


def test_a_name_is_never_away_while_an_upload_replaces_it() -> None:
    class Completing(EqualParts):
        """Completes uploads where they began, and brings them elsewhere from there, as S3 does."""

        def upload(self, key: str) -> Upload:
            begun.append(key)
            return super().upload(key)

    begun: list[str] = []
    upload = encrypted(inner=Completing()).upload('repositories/r/_tags/latest')
    upload.finish([upload.part(1, b'x')], 'repositories/r/_tags/latest')
    assert [key.partition('/')[0] for key in begun] == ['uploads']


def test_a_finish_under_a_name_that_broke_off_can_be_made_again() -> None:
    inner = EqualParts()
    data = sample(2 * PART)
    upload = encrypted(inner=inner).upload('uploads/u/data')
    parts = [upload.part(1, data[:PART]), upload.part(2, data[PART:])]
    failing = FaultyStore(inner, lambda call: Fault.UNAVAILABLE if call.operation == 'put' else None)
    with pytest.raises(Unavailable):
        encrypted(inner=failing).resume(upload.id).finish(parts, 'k')
    upload.finish(parts, 'k')
    assert encrypted(inner=inner).read('k') == data
    assert [entry.key for entry in inner.list('')] == ['k']
    with pytest.raises(Refused):
        upload.finish(parts, 'k')


def test_a_file_is_sent_again_when_it_did_not_arrive() -> None:
    data = sample(3 * CHUNK_SIZE + 1)
    for write in ('put', 'part'):
        failing = FaultyStore(EqualParts(), nth(1, Fault.LOST_ANSWER))
        store = encrypted(inner=RetryingStore(failing, Policy(attempts=2, pause=0)))
        if write == 'put':
            store.put(BLOB, io.BytesIO(data), len(data))
        else:
            upload = store.upload(BLOB)
            upload.finish([upload.part(1, io.BytesIO(data), len(data))], BLOB)
        assert store.read(BLOB) == data


def test_a_part_of_unknown_size_is_refused() -> None:
    with pytest.raises(Refused, match='size of the body is needed'):
        encrypted().upload('k').part(1, io.BytesIO(b'x'))
