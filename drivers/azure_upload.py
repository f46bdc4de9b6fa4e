"""Uploads of the `azure` driver: blocks of a blob that one upload has for itself, and copies by Azure.

Blocks could be written under the key where the object will be, and the copy would be spared.  But there is one list of
blocks for a name: whoever finishes first, or writes the object by one request, throws away the blocks of all others.
Two nodes that push the same layer would end each other's uploads.  So an upload has a name of its own, and `finish` has
Azure copy: no byte goes through this machine.

The blob carries the upload's id, and so does what is copied from it.  By it a `finish` that is tried again, because the
answer to the first was lost, tells its own success from an upload that never was.  Blocks that nobody commits are gone
after a week, by Azure.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, ContentSettings

from objreg.drivers.azure_errors import code_of
from objreg.drivers.bodies import prepared
from objreg.store import Body, NotFound, Part, Refused, Unavailable, Upload, check_key, check_parts

if TYPE_CHECKING:
    from objreg.drivers.azure import AzureStore

_ID = re.compile('[0-9a-f]{32}')
_MARK = re.compile('[0-9a-f]{16}')
_UPLOAD = 'objreg_upload'
"""The metadata that says of which upload a blob came."""
_AT_ONCE = 256 * 1024**2
"""Bytes of the largest blob that Azure copies by one request, and of the pieces that it copies of larger ones."""
_PARALLEL = 4
_BYTES = ContentSettings(content_type='application/octet-stream')


class AzureUpload(Upload):
    """The blocks of one object to come."""

    def __init__(self, store: AzureStore, token: str = '') -> None:
        self._store = store
        self._is_new = not token
        self._token = token or secrets.token_hex(16)
        self._key = f'uploads/{self._token}/data-{self._token[:16]}'

    @classmethod
    def of(cls, store: AzureStore, id: str) -> AzureUpload:
        """What another process began."""
        if not _ID.fullmatch(id):
            raise Refused(f'not the id of an upload: {id[:80]!r}')
        return cls(store, id)

    @property
    def id(self) -> str:
        return self._token

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        if not 1 <= number <= self._store.capabilities.max_parts:
            raise Refused(f'part {number}: there may be {self._store.capabilities.max_parts} parts')
        mark = secrets.token_hex(8)
        with prepared(body, size) as (data, length):
            self._is_new = False
            if length:  # there is no empty block
                with self._store.errors('write a part of', self._key, missing=Refused):
                    self._store.account.put_block(self._store.name_of(self._key), _block(number, mark), data)
        return Part(number, length, mark)

    def finish(self, parts: Sequence[Part], key: str) -> None:
        check_key(key)
        check_parts(parts, key)
        if not all(_MARK.fullmatch(part.etag) for part in parts):
            raise Refused(f'{key}: not parts of this store')
        blocks = [_block(part.number, part.etag) for part in parts if part.size]
        if not blocks:
            self._store.put(key, b'')
            return
        try:
            etag = commit(self._store, self._key, blocks, self._token)
            size = sum(part.size for part in parts)
            copy(self._store, self._key, key, size=size, etag=etag, token=self._token)
        except (NotFound, Refused) as error:
            if not self._is_finished(key):
                raise Refused(str(error)) from error
        else:
            self._store.delete([self._key])

    def abort(self) -> None:
        if self._is_new:
            return
        # blocks without a blob cannot be deleted; a list without them throws them away, and makes a blob that can be
        commit(self._store, self._key, [])
        self._store.delete([self._key])

    def _is_finished(self, key: str) -> bool:
        with contextlib.suppress(NotFound), self._store.errors('stat', key):
            found = self._store.account.blob(self._store.name_of(key)).get_blob_properties()
            return bool(found.metadata.get(_UPLOAD) == self._token)
        return False


def commit(store: AzureStore, key: str, blocks: Sequence[str], token: str = '') -> str:
    """Make `key` the blob of these blocks, those of another list thrown away; its etag."""
    with store.errors('put together', key):
        done = store.account.blob(store.name_of(key)).commit_block_list(
            [BlobBlock(block) for block in blocks], content_settings=_BYTES, metadata={_UPLOAD: token} if token else {},
        )
    return str(done['etag'])


def copy(store: AzureStore, source: str, target: str, *, size: int, etag: str, token: str = '') -> None:
    """Have Azure copy the blob of that size and etag; `Unavailable` or `NotFound` when it was replaced or is gone.

    The old way to copy, which Azure goes on with for itself, shows an empty object meanwhile; so that is not used.
    """
    if size > _AT_ONCE:
        _copy_in_pieces(store, source, target, size=size, etag=etag, token=token)
        return
    with store.errors(f'copy {source!r} to', target, Unavailable):
        store.account.blob(store.name_of(target)).start_copy_from_url(
            store.account.source(store.name_of(source)), requires_sync=True, source_etag=etag,
            source_match_condition=MatchConditions.IfNotModified,
        )


def _copy_in_pieces(
    store: AzureStore, source: str, target: str, *, size: int, etag: str, token: str
) -> None:
    blob, url = store.account.blob(store.name_of(target)), store.account.source(store.name_of(source))
    step = max(_AT_ONCE, -(-size // store.capabilities.max_parts))
    mark = token[:16] or secrets.token_hex(8)
    blocks = [_block(number, mark) for number in range(1, -(-size // step) + 1)]

    def stage(at: int) -> None:
        with store.errors(f'copy {source!r} to', target, Unavailable):
            blob.stage_block_from_url(
                blocks[at], url, at * step, min(step, size - at * step), headers={'x-ms-source-if-match': etag},
            )

    with ThreadPoolExecutor(_PARALLEL) as pool:
        for done in [pool.submit(stage, at) for at in range(len(blocks))]:
            done.result()
    try:
        commit(store, target, blocks, token)
    except Refused as error:
        if isinstance(error.__cause__, HttpResponseError) and code_of(error.__cause__) == 'InvalidBlockList':
            raise Unavailable(f'{error}: another wrote {target!r} meanwhile') from error.__cause__
        raise


def _block(number: int, mark: str) -> str:
    """A block's id; all of a blob are of one length."""
    return f'{number:05d}{mark}'
