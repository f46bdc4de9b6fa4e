"""The table of what S3 servers do differently."""

from __future__ import annotations

import io

import pytest

from objreg.drivers.s3 import S3Store
from objreg.drivers.s3_presets import PRESETS, Preset
from tests.unit.drivers.scripted import Answer, scripted


@pytest.mark.parametrize('name', PRESETS)
def test_a_preset_declares_what_the_store_does(name: str) -> None:
    store = S3Store(bucket='my-bucket', preset=name, endpoint='https://store.example.net', region='there-1',
                    access_key='a', secret_key='s')
    assert store.capabilities.conditional_put is PRESETS[name].conditional_put
    assert store.capabilities.consistent_list is PRESETS[name].consistent_list
    assert store.capabilities.max_put == PRESETS[name].max_put
    assert store.capabilities.max_parts == PRESETS[name].max_parts
    assert store.capabilities.min_part >= 5 * 1024**2
    store.close()


def test_what_no_maker_says_is_not_declared() -> None:
    plainest = Preset()
    assert not plainest.conditional_put and not plainest.if_none_match and not plainest.consistent_list
    assert plainest.max_put == plainest.max_copy == 5 * 10**9
    assert plainest.content_md5


@pytest.mark.parametrize(('preset', 'expected'), [
    ('aws', 'https://my-bucket.s3.there-1.amazonaws.com/k?'), ('b2', 'https://s3.there-1.backblazeb2.com/my-bucket/k?'),
    ('gcs', 'https://storage.googleapis.com/my-bucket/k?'),
    ('obs', 'https://my-bucket.obs.there-1.myhuaweicloud.com/k?'),
    ('oss', 'https://my-bucket.s3.oss-there-1.aliyuncs.com/k?'),
    ('qiniu', 'https://s3.there-1.qiniucs.com/my-bucket/k?'),
    ('wasabi', 'https://s3.there-1.wasabisys.com/my-bucket/k?'),
])
def test_a_region_leads_to_its_endpoint_in_the_style_of_its_maker(preset: str, expected: str) -> None:
    store = S3Store(bucket='my-bucket', preset=preset, region='there-1', access_key='a', secret_key='s')
    url = str(store.url('k', 60))
    assert url.startswith(expected)
    assert '%2Fthere-1%2Fs3%2Faws4_request' in url
    store.close()


@pytest.mark.parametrize('preset', ['b2', 'obs'])
def test_a_server_without_a_usual_region_needs_one(preset: str) -> None:
    with pytest.raises(ValueError, match='^region: needed'):
        S3Store(bucket='b', preset=preset, access_key='a', secret_key='s')


@pytest.mark.parametrize('name', [name for name, preset in PRESETS.items() if preset.endpoint is not None])
def test_a_preset_that_knows_its_endpoint_needs_none(name: str) -> None:
    store = S3Store(bucket='my-bucket', preset=name, region=PRESETS[name].region or 'there-1', access_key='a',
                    secret_key='s')
    url = store.url('k', 60)
    assert url is not None
    assert url.startswith('https://')
    assert 'my-bucket' in url
    store.close()


@pytest.mark.parametrize(('addressing', 'expected'), [
    ('path', 'https://store.example.net/my-bucket/k?'), ('virtual', 'https://my-bucket.store.example.net/k?'),
])
def test_addressing_puts_the_bucket_into_the_path_or_the_host(addressing: str, expected: str) -> None:
    store = S3Store(bucket='my-bucket', preset='minio', endpoint='https://store.example.net', access_key='a',
                    secret_key='s', addressing=addressing)
    assert str(store.url('k', 60)).startswith(expected)
    store.close()


def test_what_is_declared_can_be_overridden() -> None:
    store = S3Store(bucket='b', preset='ceph', endpoint='http://e', access_key='a', secret_key='s',
                    conditional_put=False)
    assert not store.capabilities.conditional_put
    store.close()


@pytest.mark.parametrize(('preset', 'md5'), [('ceph', None), ('r2', 'CY9rzUYh03PK3k6DJie09g==')])
def test_a_body_carries_its_md5_where_nobody_says_that_its_sha256_is_checked(preset: str, md5: str | None) -> None:
    with scripted() as server:
        server.will(Answer(), Answer(200, headers={'ETag': '"e"'}))
        store = S3Store(bucket='b', preset=preset, endpoint=server.url, access_key='a', secret_key='s')
        store.put('k', io.BytesIO(b'test'), 4)
        store.resume('k?token?upload').part(1, b'test')
        assert [asked.headers.get('content-md5') for asked in server.asked] == [md5, md5]
        assert {asked.body for asked in server.asked} == {b'test'}
        store.close()


def test_no_request_has_a_checksum_that_only_some_servers_know() -> None:
    with scripted() as server:
        server.will(Answer(), Answer(200, b'<DeleteResult></DeleteResult>'))
        store = S3Store(bucket='b', preset='b2', region='there-1', endpoint=server.url, access_key='a', secret_key='s')
        store.put('k', b'test')
        store.delete(['x', 'y'])
        for asked in server.asked:
            assert not [name for name in asked.headers if 'checksum' in name or name == 'x-amz-trailer']
            assert 'content-md5' in asked.headers['authorization']
            assert 'checksum' not in asked.headers['authorization']
        store.close()


def test_a_server_without_list_version_2_is_asked_by_version_1() -> None:
    one = (
        b'<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key><Size>1</Size>'
        b'<LastModified>2026-11-24T04:49:05.850Z</LastModified></Contents></ListBucketResult>'
    )
    with scripted() as server:
        server.will(Answer(200, one), Answer(200, one.replace(b'true', b'false').replace(b'>a<', b'>b<')))
        store = S3Store(bucket='b', preset='obs', region='there-1', endpoint=server.url, addressing='path',
                        access_key='a', secret_key='s')
        page = store.page('', 'a')
        assert ([entry.key for entry in page.entries], page.more) == (['b'], False)
        assert ['list-type' in asked.target for asked in server.asked] == [False, False]
        assert ['marker=a' in asked.target for asked in server.asked] == [True, True]
        store.close()


def test_where_many_cannot_be_deleted_at_once_each_is_a_call() -> None:
    with scripted() as server:
        server.will(Answer(204), Answer(204))
        store = S3Store(bucket='b', preset='gcs', endpoint=server.url, access_key='a', secret_key='s')
        store.delete(['x', 'y'])
        assert [(asked.method, asked.target) for asked in server.asked] == [('DELETE', '/b/x'), ('DELETE', '/b/y')]
        store.close()


@pytest.mark.parametrize(('sse', 'headers'), [
    ('AES256', {'x-amz-server-side-encryption': 'AES256'}),
    ('aws:kms', {'x-amz-server-side-encryption': 'aws:kms'}),
    ('aws:kms:key-1', {
        'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
    }),
])
def test_encryption_and_class_are_asked_for_with_every_write(sse: str, headers: dict[str, str]) -> None:
    with scripted() as server:
        server.will(Answer())
        store = S3Store(bucket='b', preset='ceph', endpoint=server.url, access_key='a', secret_key='s', sse=sse,
                        storage_class='STANDARD_IA')
        store.put('k', b'')
        assert {**headers, 'x-amz-storage-class': 'STANDARD_IA'}.items() <= server.asked[0].headers.items()
        store.close()
