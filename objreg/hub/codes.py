"""Codes that let somebody in once: invitations, permissions to set a new password, and proofs of an address.

A code is used by writing that it is, which only one can do (`objreg.hub.claims.create`): atomically where the store
can, elsewhere under a timed lock, on what is assumed there.  The mark stays longer than the code, or whoever had read
the code before it went could use it again.
"""

from __future__ import annotations

import secrets
from typing import Literal, NamedTuple

import msgspec

from objreg.hub import claims, credentials, keys, records
from objreg.hub.claims import Clock
from objreg.hub.credentials import Credential
from objreg.hub.records import Code, CodeUsed
from objreg.store import Store

DAY = 86400
CodeKind = Literal['invitation', 'password', 'address']


class CodeRefused(Exception):
    """It is not a code, or it expired, or was used; which of these is nobody's business."""


class Outstanding(NamedTuple):
    """A code that can still be used, without its secret."""

    id: str
    code: Code


class Codes:
    """Those of one hub."""

    def __init__(self, store: Store, *, clock: Clock = claims.CLOCK) -> None:
        self._store = store
        self._clock = clock

    def issue(
        self, kind: CodeKind, *, seconds: int, account: str = '', email: str = '', epoch: str = ''
    ) -> tuple[Credential, int]:
        """A new code, and when it expires."""
        made, expires = credentials.make('code'), int(self._clock.time()) + seconds
        self._store.put(keys.code(made.id), Code(kind, made.hash, expires, account, email, epoch).dump())
        return made, expires

    def note_mailed(self, made: Credential) -> None:
        """It was sent to the address that it is for, and shown to nobody: whoever has it reads what is sent there."""
        code = records.read(self._store, keys.code(made.id), Code)
        self._store.put(keys.code(made.id), msgspec.structs.replace(code, mailed=True).dump())

    def find(self, text: str, kind: CodeKind) -> tuple[str, Code]:
        """The id and the record of a code that can be used; raises `CodeRefused`."""
        credential = credentials.parse(text)
        if credential is None or credential.kind != 'code':
            raise CodeRefused
        code = records.find(self._store, keys.code(credential.id), Code)
        # compared in any case, so that the time tells nothing of which ids there are
        is_right = credential.is_of(code.hash if code else '0' * 64)
        if code is None or not is_right or code.kind != kind or code.expires <= self._clock.time():
            raise CodeRefused
        if records.find(self._store, keys.code_used(credential.id), CodeUsed) is not None:
            raise CodeRefused
        return credential.id, code

    def use(self, id: str, *, by: str) -> None:
        """Use it up; of several at once, one does.  Raises `CodeRefused`, `claims.Busy`."""
        used = CodeUsed(secrets.token_hex(16), int(self._clock.time()), by)
        try:
            claims.create(self._store, keys.code_used(id), used.dump(), f'code-{id.lower()}', clock=self._clock)
        except claims.Taken as error:
            raise CodeRefused from error

    def give_back(self, id: str) -> None:
        """What it was used for did not come about: let it be used again.  Only for whoever used it."""
        self._store.delete([keys.code_used(id)])

    def outstanding(self, kind: CodeKind) -> list[Outstanding]:
        """Those that can be used, the first to expire first; what expired a day ago goes."""
        now, found, gone = self._clock.time(), [], []
        listed = {entry.key for entry in self._store.list(keys.CODES)}
        for key in listed:
            id = key.removeprefix(keys.CODES)
            code = None if '/' in id else records.find(self._store, key, Code)
            if code is None:
                continue
            if code.expires + DAY <= now:
                gone += [key, keys.code_used(id)]
            elif code.kind == kind and code.expires > now and keys.code_used(id) not in listed:
                found.append(Outstanding(id, code))
        self._store.delete(gone)
        return sorted(found, key=lambda one: (one.code.expires, one.id))
