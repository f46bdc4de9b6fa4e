"""Uploads of the `file` driver: parts are files of a folder of their own, each named at random and written once."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence

from objreg.drivers import file_copy, file_names
from objreg.drivers.file_errors import Errors
from objreg.drivers.file_root import STAGING, Root
from objreg.store import Body, Part, Refused, Unavailable, Upload, check_parts

_RANDOM = re.compile('[0-9a-f]{32}')


class FileUpload(Upload):
    """A folder in the staging folder."""

    def __init__(self, root: Root, id: str) -> None:
        if not _RANDOM.fullmatch(id):
            raise Refused(f'not an upload: {id[:80]!r}')
        self._root = root
        self._id = id
        self._folder = f'{STAGING}/upload-{id}'

    @classmethod
    def new(cls, root: Root) -> FileUpload:
        """One that nobody has begun."""
        return cls(root, secrets.token_hex(16))

    @property
    def id(self) -> str:
        return self._id

    def part(self, number: int, body: Body, size: int | None = None) -> Part:
        etag = secrets.token_hex(16)
        with Errors(f'part {number} of upload {self._id}'):
            count = self._root.write(self._path(Part(number, 0, etag)), body, size)
        return Part(number, count, etag)

    def _path(self, part: Part) -> str:
        if not _RANDOM.fullmatch(part.etag):
            raise Refused(f'not a part: {part.etag[:80]!r}')
        return f'{self._folder}/{int(part.number)}-{part.etag}'

    def finish(self, parts: Sequence[Part], key: str) -> None:
        path = file_names.path_of(key)
        with Errors(key):
            try:
                self._claim(parts, path, key)
            except FileNotFoundError as error:
                self._root.see()
                raise Refused(f'{key}: not the parts of this upload') from error
        self.abort()

    def _claim(self, parts: Sequence[Part], path: str, key: str) -> None:
        root = self._root.path
        check_parts(parts, key)
        for part in parts:
            if os.stat(f'{root}/{self._path(part)}').st_size != part.size:
                raise Refused(f'{key}: part {part.number} is not the one that was written')
        # Of two that finish the same upload, one gets the first part and the other finds it missing.
        first, staged = self._path(parts[0]), f'{self._folder}/finish-{secrets.token_hex(16)}'
        os.rename(f'{root}/{first}', f'{root}/{staged}')
        try:
            if len(parts) > 1:
                self._append(staged, parts[1:])
            self._root.place(staged, path, key)
        except BaseException:
            if os.path.lexists(f'{root}/{staged}'):
                os.truncate(f'{root}/{staged}', parts[0].size)
                os.rename(f'{root}/{staged}', f'{root}/{first}')
            raise

    def _append(self, staged: str, parts: Sequence[Part]) -> None:
        target = self._root.open(staged, os.O_WRONLY)
        try:
            os.lseek(target, 0, os.SEEK_END)
            for part in parts:
                source = self._root.open(self._path(part))
                try:
                    if file_copy.copy(source, 0, target, part.size) < part.size:
                        raise Unavailable(f'part {part.number} of upload {self._id} became shorter')
                finally:
                    os.close(source)
            self._root.flush(target)
        finally:
            os.close(target)

    def abort(self) -> None:
        with Errors(f'upload {self._id}'):
            self._root.drop_folder(self._folder)
