"""How the `gcs` driver asks, of a server that answers what it was told to."""

from __future__ import annotations

import base64
import email
import io
import json
import os
from collections.abc import Iterator
from typing import Any

import google_crc32c
import pytest

from objreg.drivers.gcs import MIB, GcsStore
from objreg.store import Exists, Part, Refused, Unavailable
from tests.servers.gcs_buckets import ACCOUNT, account_key, private_key
from tests.servers.gcs_signatures import opens
from tests.unit.drivers.gcs_answers import NO_BUCKET, STAT, found, make, refusal
from tests.unit.drivers.scripted import Answer, Scripted

UPLOAD = 'a' * 32
PART = Part(1, 1, 'b' * 16)


@pytest.fixture(scope='module')
def store(running: Scripted) -> Iterator[GcsStore]:
    made = make(running)
    yield made
    made.close()


# How it asks

def sent(server: Scripted, at: int = -1) -> tuple[dict[str, Any], bytes]:
    """What was said of an object that was written, and its bytes."""
    asked = server.asked[at]
    message = email.message_from_bytes(f'Content-Type: {asked.headers["content-type"]}\r\n\r\n'.encode() + asked.body)
    said, data = message.get_payload()  # type: ignore[misc]
    start = asked.body.index(b'application/octet-stream\r\n\r\n') + 28
    assert isinstance(said, email.message.Message) and data is not None
    return json.loads(str(said.get_payload())), asked.body[start:asked.body.rindex(b'\r\n--')]


@pytest.mark.parametrize('size', [0, 10, 3 * MIB])
def test_a_body_is_sent_in_one_request_with_its_length_and_its_checksum(
    size: int, server: Scripted, store: GcsStore
) -> None:
    data = os.urandom(size)
    for body in (data, io.BytesIO(data + b'behind'), iter([data, b'behind'])):
        server.will(found())
        store.put('k', body, size)
        said, content = sent(server)
        assert content == data
        assert said['name'] == 'k'
        assert base64.b64decode(said['crc32c']) == google_crc32c.Checksum(data).digest()
        assert server.asked[-1].headers['content-length'] == str(len(server.asked[-1].body))
    assert len(server.asked) == 3


@pytest.mark.parametrize('body', [b'abc', io.BytesIO(b'abc'), [b'a', b'bc']], ids=['bytes', 'file', 'iterable'])
def test_a_short_body_is_refused_before_anything_is_sent(body: Any, server: Scripted, store: GcsStore) -> None:
    with pytest.raises(Refused):
        store.put('k', body, 4)
    assert server.asked == []


def test_if_absent_is_one_call_that_the_server_decides(server: Scripted, store: GcsStore) -> None:
    server.will(refusal(412, 'conditionNotMet'))
    with pytest.raises(Exists):
        store.put('k', b'', if_absent=True)
    assert 'ifGenerationMatch=0' in server.asked[0].target


def test_what_is_stored_is_asked_for_as_it_is(server: Scripted, store: GcsStore) -> None:
    server.will(Answer(206, b'bc', {'Content-Range': 'bytes 1-2/9'}))
    assert store.get('a/b c', 1, 3).read() == b'bc'
    asked = server.asked[0]
    assert asked.target == '/download/storage/v1/b/b/o/a%2Fb%20c?alt=media'
    assert (asked.headers['range'], asked.headers['accept-encoding']) == ('bytes=1-2', 'identity')


def test_a_page_that_holds_only_what_was_seen_is_followed_by_the_next(server: Scripted, store: GcsStore) -> None:
    server.will(found(prefixes=['a/'], nextPageToken='t'), found(items=[{**STAT, 'name': 'b'}]))
    assert [entry.key for entry in store.page('', 'a/x', delimiter='/', limit=1).entries] == ['b']
    assert 'pageToken=t' in server.asked[1].target


def test_an_empty_page_is_not_the_end_if_it_says_so(server: Scripted, store: GcsStore) -> None:
    server.will(found(nextPageToken='t'), found(items=[{**STAT, 'name': 'b'}]))
    assert [entry.key for entry in store.page('').entries] == ['b']
    server.will(
        found(nextPageToken='t'), found(items=[{**STAT, 'name': f'/parts/{UPLOAD}/00001-{"b" * 16}'}]), found(),
    )
    assert store.sweep(60) == 1


def test_parts_are_jumped_over(server: Scripted, store: GcsStore) -> None:
    server.will(
        found(items=[{**STAT, 'name': '/parts/x/1'}], nextPageToken='many more of them'),
        found(items=[{**STAT, 'name': 'b'}]),
    )
    assert [entry.key for entry in store.page('').entries] == ['b']
    assert 'startOffset=0&' in f'{server.asked[1].target}&'


def test_a_copy_that_google_makes_in_steps_is_made_to_its_end(server: Scripted, store: GcsStore) -> None:
    steps = {'totalBytesRewritten': '1', 'objectSize': '3'}
    server.will(found(**steps, done=False, rewriteToken='t'), found(**steps, done=True, resource=STAT))
    store.copy('k', 'l')
    assert 'rewriteToken=t' in server.asked[1].target


# Uploads

def test_a_finish_whose_parts_are_gone_looks_for_what_it_made(server: Scripted, store: GcsStore) -> None:
    server.will(found(**STAT), Answer(204))
    store.resume(UPLOAD).finish([PART], 'k')
    asked = json.loads(server.asked[0].body)
    assert asked['sourceObjects'][0]['name'] == f'/parts/{UPLOAD}/00001-{PART.etag}'
    mine = found(**STAT, metadata=asked['destination']['metadata'])
    server.will(refusal(404, 'notFound', 'Object not found.'), mine, Answer(204))
    store.resume(UPLOAD).finish([PART], 'k')


@pytest.mark.parametrize('there', [
    found(**STAT), found(**STAT, metadata={'objreg-upload': 'another'}), refusal(404, 'notFound', 'No such object'),
])
def test_a_finish_whose_parts_are_gone_otherwise_is_refused(there: Answer, server: Scripted, store: GcsStore) -> None:
    server.will(refusal(404, 'notFound', 'Object not found.'), there, found())
    with pytest.raises(Refused, match='no such upload'):
        store.resume(UPLOAD).finish([PART], 'k')


def test_a_finish_that_failed_though_its_parts_are_there_may_be_tried_again(server: Scripted, store: GcsStore) -> None:
    server.will(
        refusal(500, 'backendError'), refusal(404, 'notFound', 'No such object: b/k'),
        found(items=[{**STAT, 'name': f'/parts/{UPLOAD}/00001-{PART.etag}'}]),
    )
    with pytest.raises(Unavailable):
        store.resume(UPLOAD).finish([PART], 'k')


@pytest.mark.parametrize('status', [401, 403, 412, 429, 503])
def test_a_finish_that_failed_otherwise_asks_nothing_more(status: int, server: Scripted, store: GcsStore) -> None:
    server.will(*[refusal(status, 'told')] * (2 if status == 401 else 1))
    with pytest.raises((Refused, Unavailable)):
        store.resume(UPLOAD).finish([PART], 'k')


@pytest.mark.parametrize('id', ['', 'a', 'A' * 32, 'a' * 33, f'../{UPLOAD}'])
def test_what_is_no_upload_id_is_refused(id: str, server: Scripted, store: GcsStore) -> None:
    with pytest.raises(Refused):
        store.resume(id)


# Setting up

def rule(**condition: Any) -> dict[str, Any]:
    return {'action': {'type': 'Delete'}, 'condition': condition}


def test_a_bucket_is_made_and_unfinished_uploads_end(server: Scripted) -> None:
    store = make(server, prefix='registry', location='EUROPE-WEST3', storage_class='STANDARD', expire_uploads=90000)
    server.will(
        refusal(404, 'notFound', NO_BUCKET), found(name='b'), found(name='b'), found(),
    )
    assert store.setup() == ["made bucket 'b'", "made a rule of bucket 'b': unfinished uploads end after 2 days"]
    made, changed = json.loads(server.asked[1].body), json.loads(server.asked[2].body)
    assert 'project=example' in server.asked[1].target
    assert (made['location'], made['storageClass']) == ('EUROPE-WEST3', 'STANDARD')
    assert made['iamConfiguration']['publicAccessPrevention'] == 'enforced'
    assert changed['lifecycle']['rule'] == [rule(age=2, matchesPrefix=['registry//parts/', 'registry/uploads/'])]
    store.close()


def test_what_is_set_up_is_left_alone_and_other_rules_stay(server: Scripted, store: GcsStore) -> None:
    other, mine = rule(age=1, matchesPrefix=['x']), rule(age=3, matchesPrefix=['/parts/', 'uploads/', 'y'])
    there = {'name': 'b', 'lifecycle': {'rule': [other, mine]}}
    server.will(found(**there), found(**there), found())
    assert store.setup() == []
    there = {'name': 'b', 'lifecycle': {'rule': [other]}}
    server.will(found(**there), found(**there), found(**there), found())
    assert len(store.setup()) == 1
    assert json.loads(server.asked[-2].body)['lifecycle']['rule'] == [
        other, rule(age=7, matchesPrefix=['/parts/', 'uploads/']),
    ]


def test_a_bucket_of_no_project_is_not_made(server: Scripted) -> None:
    store = make(server, credentials='anonymous')
    server.will(refusal(404, 'notFound', NO_BUCKET))
    with pytest.raises(Refused, match='set project'):
        store.setup()
    store.close()


# URLs

def test_clients_are_sent_to_the_public_endpoint(server: Scripted) -> None:
    store = make(server, public_endpoint='https://cdn.example.net/')
    url = store.url('blobs/a b', 60, content_type='text/plain')
    assert url is not None
    assert url.startswith('https://cdn.example.net/b/blobs/a%20b?')
    assert 'response-content-type=text%2Fplain' in url
    assert opens(url, 'GET', private_key().public_key(), ACCOUNT)
    assert not opens(url.replace('text%2Fplain', 'text%2Fhtml'), 'GET', private_key().public_key(), ACCOUNT)
    store.close()


def test_without_an_endpoint_urls_are_googles() -> None:
    store = GcsStore(bucket='b', credentials=account_key())
    url = store.url('k', 60)
    assert url is not None
    assert url.startswith('https://storage.googleapis.com/b/k?')
    assert opens(url, 'GET', private_key().public_key(), ACCOUNT)
    store.close()


def test_a_signed_url_lasts_at_most_the_week_that_google_allows(store: GcsStore) -> None:
    assert 'X-Goog-Expires=604800&' in str(store.url('k', 10**9))


@pytest.mark.parametrize(('options', 'message'), [
    ({'bucket': ''}, 'bucket: needed'),
    ({'endpoint': 'storage.example.net'}, "endpoint: 'storage.example.net' is not http"),
    ({'public_endpoint': 'cdn'}, "public_endpoint: 'cdn' is not http"),
    ({'sign': 'yes'}, "sign: 'yes' is neither key nor iam"),
    ({'credentials': '/run/secrets/gcs.json'}, 'credentials: neither the JSON'),
    ({'credentials': '{}'}, 'credentials: neither the JSON'),
    ({'credentials': '[]'}, 'credentials: neither the JSON'),
    ({'credentials': account_key(private_key='hush')}, 'credentials: neither the JSON'),
    ({'ca_bundle': '/nowhere'}, 'ca_bundle: there is no'),
    ({'part_size': 1024}, 'part_size: '),
    ({'part_size': 'large'}, 'part_size: '),
    ({'pool': '0'}, 'pool: '),
    ({'expire_uploads': -1}, 'expire_uploads: '),
    ({'connect_timeout': 0}, 'connect_timeout: '),
])
def test_a_wrong_option_stops_the_start_and_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f'^{message}') as raised:
        GcsStore(**{'bucket': 'b', 'credentials': 'anonymous', **options})
    assert 'hush' not in repr(raised.value) + repr(raised.value.__cause__)
