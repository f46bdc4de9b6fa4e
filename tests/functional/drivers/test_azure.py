"""The `azure` driver on Azurite, Azure's own emulator."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.core.credentials import AccessToken

from objreg.drivers.azure import MIB, AzureStore
from objreg.drivers.azure_upload import copy
from objreg.store import NotFound, Refused, Unavailable
from objreg.testing.contract import StoreContract
from tests.functional.drivers.again import Shared
from tests.servers.azure_containers import AzureContainer
from tests.servers.azurite import KEY


class TestContract(Shared, StoreContract):
    """What every store promises."""

    @pytest.fixture(scope='class')
    @classmethod
    def store(cls, shared_azure_container: AzureContainer) -> Iterator[AzureStore]:
        made = shared_azure_container.store()
        made.of_test = shared_azure_container  # type: ignore[attr-defined]
        yield made
        made.close()

    def another(self, store: Any) -> AzureStore:
        made: AzureStore = store.of_test.store()
        return made

    def leftovers(self, store: Any) -> list[str]:
        found: list[str] = store.of_test.names('uncommittedblobs')
        return found


class TestAzureDriver:
    """What the driver promises beyond the contract."""

    @pytest.fixture
    def store(self, azure_container: AzureContainer) -> Iterator[AzureStore]:
        with azure_container.using() as made:
            yield made

    @pytest.fixture
    def calls(self, store: AzureStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The requests that the store makes, as they go."""
        made: list[str] = []
        send = store.account.session.request

        def noting(method: str, url: str, **more: Any) -> Any:
            query = parse_qs(urlsplit(url).query)
            told = [*query.get('comp', []), *(['copy'] if 'x-ms-copy-source' in more['headers'] else [])]
            made.append(' '.join([method, *told]))
            return send(method, url, **more)

        monkeypatch.setattr(store.account.session, 'request', noting)
        return made

    def test_each_operation_is_one_call(self, store: AzureStore, calls: list[str]) -> None:
        store.put('k', b'x')
        store.put('new', b'x', if_absent=True)
        store.read('k')
        store.get('k', 0, 1).read()
        store.stat('k')
        store.page('', 'j', delimiter='/', limit=10)
        store.page('', 'k', limit=1, detail=True)
        store.url('k', 60)
        store.delete(['k'])
        store.delete(['k', 'new'])
        assert calls == ['PUT', 'PUT', 'GET', 'GET', 'HEAD', 'GET list', 'GET list', 'DELETE', 'POST batch']

    def test_an_upload_is_one_call_a_part_and_three(self, store: AzureStore, calls: list[str]) -> None:
        upload = store.upload('k')
        assert calls == []
        parts = [upload.part(1, bytes(MIB)), upload.part(2, b'y')]
        store.resume(upload.id).finish(parts, 'k')
        assert calls == ['PUT block', 'PUT block', 'PUT blocklist', 'PUT copy', 'DELETE']

    def test_nothing_but_the_object_is_left_of_an_upload(
        self, store: AzureStore, azure_container: AzureContainer
    ) -> None:
        upload, aborted = store.upload('k'), store.upload('k')
        upload.finish([upload.part(1, b'x')], 'k')
        aborted.part(1, b'y')
        aborted.abort()
        assert azure_container.names('uncommittedblobs') == ['k']

    def test_a_large_copy_is_made_in_pieces_by_azure(
        self, store: AzureStore, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr('objreg.drivers.azure_upload._AT_ONCE', MIB)
        data = os.urandom(2 * MIB + 7)
        upload = store.upload('k')
        parts = [upload.part(1, data[:MIB]), upload.part(2, data[MIB:])]
        upload.finish(parts, 'blobs/large')
        upload.finish(parts, 'blobs/large')
        store.copy('blobs/large', 'copy')
        assert (store.read('blobs/large'), store.read('copy')) == (data, data)
        assert calls.count('PUT block copy') == 6

    def test_a_copy_in_pieces_of_what_is_gone_or_was_replaced_writes_nothing(
        self, store: AzureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr('objreg.drivers.azure_upload._AT_ONCE', MIB)
        store.put('source', bytes(MIB + 1))
        found = store.stat('source')
        store.put('source', bytes(MIB + 2))
        with pytest.raises(Unavailable):
            copy(store, 'source', 'target', size=found.size, etag=f'"{found.etag}"')
        store.delete(['source'])
        with pytest.raises((NotFound, Unavailable)):
            copy(store, 'source', 'target', size=found.size, etag=f'"{found.etag}"')
        assert [entry.key for entry in store.list('')] == []

    def test_a_source_that_was_replaced_is_not_copied(self, store: AzureStore) -> None:
        store.put('source', b'one')
        etag = store.stat('source').etag
        store.put('source', b'two')
        with pytest.raises(Unavailable):
            copy(store, 'source', 'target', size=3, etag=f'"{etag}"')

    @pytest.mark.parametrize('operation', ['PUT block', 'PUT blocklist', 'PUT copy', 'DELETE'])
    def test_what_was_done_though_its_answer_was_lost_can_be_done_again(
        self, operation: str, store: AzureStore, calls: list[str], azure_container: AzureContainer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        send, lost = store.account.session.request, []

        def losing(*asked: Any, **more: Any) -> Any:
            answer = send(*asked, **more)
            if calls[-1] == operation and not lost:
                lost.append(operation)
                raise requests.ConnectionError('lost')
            return answer

        monkeypatch.setattr(store.account.session, 'request', losing)
        upload = store.upload('k')
        parts = [_until_done(lambda: upload.part(1, b'x'))]
        _until_done(lambda: upload.finish(parts, 'blobs/here'))
        assert lost == [operation]
        assert store.read('blobs/here') == b'x'
        assert azure_container.names() == ['blobs/here']

    def test_keys_that_azure_would_take_for_one_are_kept_apart(self, store: AzureStore) -> None:
        keys = ['tags/v1', 'tags/v1.', 'tags/v1..', 'tags/v1./x', 'tags/v1/x', 'a\\b', 'a/b']
        for key in keys:
            store.put(key, key.encode())
        assert [store.read(key) for key in keys] == [key.encode() for key in keys]
        assert [entry.key for entry in store.list('')] == sorted(keys, key=str.encode)

    def test_bytes_that_were_spoiled_on_their_way_are_not_stored(
        self, store: AzureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr('objreg.drivers.azure_client.md5_of', lambda data: bytes(16))
        with pytest.raises(Unavailable):
            store.put('k', b'content')
        with pytest.raises(Unavailable):
            store.upload('k').part(1, b'content')
        assert [*store.list('')] == []

    def test_a_file_is_sent_and_read_within_a_few_mebibytes_of_memory(self, store: AzureStore) -> None:
        store.put('warm', b'')
        with tempfile.TemporaryFile() as file:
            file.truncate(64 * MIB)
            assert _peak(lambda: store.put('large', file, 64 * MIB)) < 4 * MIB
        assert _peak(lambda: sum(map(len, store.get('large')))) < 4 * MIB
        assert store.stat('large').size == 64 * MIB

    def test_a_sas_is_enough_and_is_not_shown_to_clients(
        self, store: AzureStore, azure_container: AzureContainer
    ) -> None:
        with azure_container.using(account_key='', sas_token=azure_container.signature('racwdl')) as limited:
            limited.check()
            upload = limited.upload('k')
            upload.finish([upload.part(1, b'x')], 'k')
            limited.copy('k', 'copy')
            assert limited.read('copy') == b'x'
            assert (limited.url('k', 60), limited.capabilities.presign) == (None, False)
            limited.delete(['k', 'copy'])

    def test_a_connection_string_says_it_all(self, azure_container: AzureContainer) -> None:
        of = azure_container.of_account
        text = f'AccountName={of["account"]};AccountKey={of["account_key"]};BlobEndpoint={of["endpoint"]};'
        with contextlib.closing(AzureStore(container=azure_container.name, connection_string=text)) as store:
            store.check()

    def test_two_stores_share_a_container_by_their_prefixes(self, azure_container: AzureContainer) -> None:
        with azure_container.using(prefix='one') as one, azure_container.using(prefix='two') as two:
            one.put('k', b'1')
            upload = two.upload('uploads/x')
            upload.finish([upload.part(1, b'up')], 'u')
            assert (one.read('k'), two.read('u')) == (b'1', b'up')
            assert [entry.key for entry in one.list('')] == ['k']
            one.delete(['k', 'u'])
        assert azure_container.names() == ['two/u']

    def test_clients_are_sent_to_where_they_reach_it(self, azure_container: AzureContainer) -> None:
        with azure_container.using(public_endpoint='https://blobs.example.net') as store:
            assert (store.url('a b', 60) or '').startswith(f'https://blobs.example.net/{azure_container.name}/a%2120b?')

    @pytest.mark.parametrize(('wrong', 'message'), [
        ({'container': 'no-such-container'}, 'objreg store setup'),
        ({'container': 'No_Name'}, 'mend container'),
        ({'account_key': 'd3Jvbmc='}, 'mend account, account_key'),
        ({'account_key': '', 'sas_token': 'sv=2026-02-06&sr=c&sp=racwdl&sig=d3Jvbmc='}, 'sas_token'),
        ({'endpoint': 'http://127.0.0.1:9/devstoreaccount1'}, 'endpoint cannot be reached'),
    ])
    def test_check_names_what_to_mend(
        self, wrong: dict[str, str], message: str, azure_container: AzureContainer
    ) -> None:
        with azure_container.using(**wrong) as store, pytest.raises((Refused, Unavailable), match=message) as raised:
            store.check()
        assert '\n' not in str(raised.value)
        assert 'd3Jvbmc' not in str(raised.value) and KEY not in str(raised.value)


class Identity:
    """Gives tokens such as Entra ID does, signed by nobody: Azurite does not look."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        now = int(time.time())
        claims = {
            'aud': 'https://storage.azure.com', 'iss': 'https://sts.windows.net/tenant/', 'nbf': now - 60, 'iat': now,
            'exp': now + 3600, 'oid': 'object', 'tid': 'tenant',
        }
        parts = [json.dumps(part).encode() for part in ({'alg': 'none'}, claims)]
        return AccessToken('.'.join([*(base64.urlsafe_b64encode(part).decode().rstrip('=') for part in parts), 'x']),
                           now + 3600)


class TestIdentity:
    """Without any key, the requests are those of this machine's identity."""

    @pytest.fixture
    def store(
        self, azure_tls_container: AzureContainer, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[AzureStore]:
        monkeypatch.setattr('azure.identity.DefaultAzureCredential', Identity)
        with azure_tls_container.using(account_key='') as made:
            yield made

    def test_it_reads_writes_deletes_and_copies(self, store: AzureStore) -> None:
        store.check()
        upload = store.upload('k')
        upload.finish([upload.part(1, b'x')], 'k')
        store.copy('k', 'copy')
        assert store.read('copy') == b'x'
        store.delete(['k', 'copy'])
        assert [*store.list('')] == []

    def test_it_signs_urls_with_a_key_that_is_asked_for_once(
        self, store: AzureStore, azure_tls_container: AzureContainer
    ) -> None:
        store.put('blobs/a', b'content')
        urls = [store.url('blobs/a', 60, content_type='text/x-told') or '' for _ in range(2)]
        assert all('skoid=object' in url for url in urls)
        answer = requests.get(urls[0], verify=azure_tls_container.of_account['ca_bundle'], timeout=30)
        assert (answer.status_code, answer.content) == (200, b'content')
        keys = {parse_qs(urlsplit(url).query)['ske'][0] for url in urls}
        assert len(keys) == 1


def _until_done(call: Any) -> Any:
    """As a wrapping store would: once more when it did not work."""
    try:
        return call()
    except Unavailable:
        return call()


def _peak(call: Any) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
