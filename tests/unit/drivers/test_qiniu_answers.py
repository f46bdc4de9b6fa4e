"""What the `qiniu` driver makes of answers that a small Kodo never gives, and of its options."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from objreg.drivers.qiniu import QiniuStore
from objreg.store import Refused, StoreError, Unavailable
from tests.unit.drivers.scripted import Answer, Scripted


def given(url: str, **options: Any) -> dict[str, Any]:
    return {
        'bucket': 'b', 'access_key': 'a', 'secret_key': 's', 'up_endpoint': url, 'rs_endpoint': url,
        'rsf_endpoint': url, 'domain': url, 'read_timeout': 2, **options,
    }


@pytest.fixture
def store(server: Scripted) -> Iterator[QiniuStore]:
    made = QiniuStore(**given(server.url))
    yield made
    made.close()


def told(content: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(content).encode(), {'X-Reqid': 'told'})


def line(key: str) -> dict[str, Any]:
    return {'key': key, 'fsize': 1, 'putTime': 13603956734587420, 'hash': 'h'}


def test_a_listing_is_put_in_order(server: Scripted, store: QiniuStore) -> None:
    server.will(told({'items': [line('a/1'), line('b'), line('d')], 'commonPrefixes': ['a-/', 'c/'], 'marker': ''}))
    page = store.page('', delimiter='/', detail=True)
    assert [entry.key for entry in page.entries] == ['a-/', 'a/1', 'b', 'c/', 'd']
    assert page.entries[2] == ('b', 1, 1360395673.458742)
    assert not page.more


def test_more_than_the_limit_is_left_to_the_next_page(server: Scripted, store: QiniuStore) -> None:
    server.will(told({'items': [line('a'), line('c')], 'commonPrefixes': ['b/'], 'marker': ''}))
    page = store.page('', delimiter='/', limit=2)
    assert ([entry.key for entry in page.entries], page.more) == (['a', 'b/'], True)


def test_a_page_that_holds_nothing_new_is_followed_by_the_next(server: Scripted, store: QiniuStore) -> None:
    server.will(
        told({'items': None, 'marker': 'first'}), told({'items': [line('a')], 'marker': 'second'}), told({'items': []}),
    )
    assert store.page('', 'a') == ([], False)
    assert ['marker=first' in asked.target for asked in server.asked] == [False, True, False]
    assert 'marker=second' in server.asked[2].target


def test_a_marker_that_is_not_taken_is_told(server: Scripted, store: QiniuStore) -> None:
    server.will(told({'error': 'invalid list marker'}, 640))
    with pytest.raises(Refused, match='does not take the place to list from'):
        store.page('', 'a')


@pytest.mark.parametrize(('code', 'expected'), [(403, Refused), (573, Unavailable), (599, Unavailable)])
def test_a_key_that_could_not_be_deleted_with_others_is_told(
    code: int, expected: type[StoreError], server: Scripted, store: QiniuStore
) -> None:
    server.will(told([
        {'code': 612, 'data': {'error': 'no such file'}}, {'code': code, 'data': {'error': 'why'}}, {'code': 200},
    ], 298))
    with pytest.raises(expected, match="delete 'two'"):
        store.delete(['one', 'two', 'three'])


@pytest.mark.parametrize('answer', [
    Answer(200, b'<html>log in first'), Answer(200, b'{}'),
    Answer(200, b'{', {'X-Reqid': 'told'}), Answer(silent=True),
])
def test_what_is_not_kodos_answer_is_no_success(answer: Answer, server: Scripted, store: QiniuStore) -> None:
    server.will(answer)
    with pytest.raises(Unavailable):
        store.put('k', b'x')


@pytest.mark.parametrize('size', [0, 10])
def test_an_answer_without_a_length_is_unavailable(size: int, server: Scripted, store: QiniuStore) -> None:
    server.will(Answer(200, b'x' * size, {'Content-Length': '', 'Transfer-Encoding': 'identity'}))
    with pytest.raises(Unavailable):
        store.get('k')


def test_an_upload_is_known_by_at_most_512_printable_characters(server: Scripted, store: QiniuStore) -> None:
    server.will(told({'uploadId': 'i' * 340}), told({'etag': 'e'}))
    upload = store.upload('blobs/' + 'é' * 370)
    upload.part(1, b'x')
    assert len(upload.id) <= 512
    assert upload.id.isascii() and upload.id.isprintable()
    server.will(told({'uploadId': 'i' * 600}), told({}))
    with pytest.raises(Refused, match='more than 512'):
        store.upload('k').part(1, b'x')
    assert server.asked[-1].method == 'DELETE'


@pytest.mark.parametrize(('region', 'expected'), [
    ('z0', ['up.qiniup.com', 'rs-z0.qiniuapi.com', 'rsf-z0.qiniuapi.com', 'b.kodo-cn-east-1.qiniucs.com']),
    ('as0', ['up-as0.qiniup.com', 'rs-as0.qiniuapi.com', 'rsf-as0.qiniuapi.com', 'b.kodo-ap-southeast-1.qiniucs.com']),
])
def test_a_region_leads_to_its_services(region: str, expected: list[str]) -> None:
    store = QiniuStore(bucket='b', access_key='a', secret_key='s', region=region)
    known = store.kodo._endpoints
    assert [known.up, known.rs, known.rsf, known.domain] == [f'https://{host}' for host in expected]
    assert str(store.url('blobs/a b', 60)).startswith(f'https://{expected[-1]}/blobs/a%20b?e=')
    store.close()


def test_clients_are_sent_to_the_public_domain() -> None:
    store = QiniuStore(**given('http://e', public_domain='https://cdn.example.net/'))
    assert str(store.url('blobs/a', 60)).startswith('https://cdn.example.net/blobs/a?e=')
    store.close()


@pytest.mark.parametrize(('options', 'message'), [
    ({'bucket': ''}, 'bucket: needed'),
    ({'access_key': ''}, 'access_key: needed'),
    ({'secret_key': ''}, 'secret_key: needed'),
    ({'domain': ''}, 'region: needed, or else domain'),
    ({'region': 'z9'}, "region: 'z9' is not one of ap-southeast-2, "),
    ({'up_endpoint': 'up.qiniup.com'}, "up_endpoint: 'up.qiniup.com' is not http"),
    ({'public_domain': 'ftp://cdn'}, 'public_domain: '),
    ({'domain': 'https://a?b'}, 'domain: '),
    ({'ca_bundle': '/nowhere'}, 'ca_bundle: there is no'),
    ({'part_size': 1024}, 'part_size: '),
    ({'pool': '0'}, 'pool: '),
    ({'read_timeout': '-'}, 'read_timeout: '),
])
def test_a_wrong_option_stops_the_start_and_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f'^{message}'):
        QiniuStore(**given('http://e', **options))


_WITHOUT = """
import sys
sys.modules['qiniu'] = None
from objreg.config import ConfigError
from objreg.stores import load_store
try:
    load_store(sys.argv[1], 'default')
except ConfigError as error:
    print(error)
"""


def test_a_missing_sdk_is_one_line_that_says_how_to_install_it(tmp_path: Any) -> None:
    path = tmp_path / 'stores.yml'
    path.write_text('default: {driver: qiniu}')
    done = subprocess.run(
        [sys.executable, '-c', _WITHOUT, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.count('\n') == 1
    assert "pip install 'objreg[qiniu]'" in done.stdout
