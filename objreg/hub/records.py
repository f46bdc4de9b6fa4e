"""What the objects of the hub hold: JSON, read strictly and written without spaces.

Times are whole seconds since the epoch.  A field that a newer version added is ignored by an older one.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from objreg.auth import rules
from objreg.hub import policy
from objreg.hub.policy import Visibility
from objreg.store import NotFound, Store, Unavailable


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """The base of all of them."""

    def dump(self) -> bytes:
        """The JSON."""
        return msgspec.json.encode(self)


Pattern = Annotated[str, Meta(max_length=255)]
Email = Annotated[str, Meta(max_length=254, pattern=r'^(?![\s\S])|^[^@\s]+@[^@\s]+(?![\s\S])')]
Kind = Literal['user', 'organisation', 'deleted']
Made = TypeVar('Made', bound=Record)


class Account(Record, frozen=True):
    """That a name is taken.  `id` is another one for each account there ever was.

    Of a deleted one the name stays taken: what was pulled from it must not come from somebody else one day.
    """

    name: str
    kind: Kind
    id: str
    created: int
    by: str = ''


class Password(Record, frozen=True):
    """`hash` is argon2id's, with its parameters in it."""

    hash: str
    changed: int


class Epoch(Record, frozen=True):
    """What sessions of somebody are bound to: all end when it is replaced.  `id` is another one each time."""

    id: str
    at: int


class Profile(Record, frozen=True):
    """What else is known of an account."""

    email: str = ''
    full_name: str = ''


class Mailbox(Record, frozen=True):
    """An address that somebody proved to be his, and when."""

    address: str
    proved: int


class MailEntry(Record, frozen=True):
    """Whose mailbox an address may be; `account` is the id of his account."""

    user: str
    account: str


class Candidate(Record, frozen=True):
    """That somebody is about to become the first administrator: the id that his account will have."""

    name: str
    id: str
    at: int


class Mark(Record, frozen=True):
    """That something is so: since when, by whom, and why."""

    at: int
    by: str = ''
    why: str = ''


class Founding(Record, frozen=True):
    """That somebody is about to make an organisation: the id that its account will have, if he wins the name."""

    id: str
    at: int


class Namespace(Record, frozen=True):
    """What holds in a namespace: for repositories of which nothing else is said, and for members."""

    visibility: Visibility | None = None
    members: Literal['none', 'read', 'write', 'admin'] = 'read'


class Shown(Record, frozen=True):
    """Who sees a repository."""

    visibility: Visibility
    at: int = 0
    by: str = ''


class Collaborator(Record, frozen=True):
    """What somebody may do with one repository."""

    role: Literal['read', 'write', 'admin']
    at: int = 0
    by: str = ''


class Scope(Record, frozen=True, forbid_unknown_fields=True):
    """What a token is limited to.  A field that is not known is not ignored: without it the token might do more."""

    actions: Annotated[tuple[Literal['pull', 'push', 'delete'], ...], Meta(min_length=1, max_length=3)]
    repositories: Annotated[tuple[Pattern, ...], Meta(min_length=1, max_length=50)] = ('**',)

    def __post_init__(self) -> None:
        for pattern in self.repositories:
            rules.pattern(pattern)

    def as_policy(self) -> policy.Scope:
        """The same, for `policy`."""
        return policy.Scope(frozenset(self.actions), self.repositories)


class Robot(Record, frozen=True):
    """An account for a program; it belongs to a namespace.  `id` is another one for each robot there ever was."""

    scopes: tuple[Scope, ...]
    created: int
    by: str = ''
    description: str = ''
    id: str = ''


class Token(Record, frozen=True):
    """A secret that somebody holds.

    `account` is the id of the account (of the namespace, for a robot's), so that a token ends with it.  `service` is
    the audience that a refresh token is for; of a robot's token, the id of the robot, for the same reason.
    """

    kind: Literal['pat', 'robot', 'refresh']
    holder: str
    account: str
    hash: str
    created: int
    expires: int = 0
    scopes: tuple[Scope, ...] | None = None
    label: str = ''
    service: str = ''


class Code(Record, frozen=True):
    """What lets somebody in once: an invitation, a new password, or the proof of an address.

    `epoch` is that of the account: where it is another one, the password changed since.  `mailed`: it was sent to
    `email`, and nobody else has seen it.
    """

    kind: Literal['invitation', 'password', 'administrator', 'address']
    hash: str
    expires: int
    account: str = ''
    email: str = ''
    epoch: str = ''
    mailed: bool = False


class CodeUsed(Record, frozen=True):
    """That a code was used; `mark` is another one for each who tries."""

    mark: str
    at: int
    by: str = ''


class SigningKey(Record, frozen=True):
    """A private key, as JWK."""

    jwk: dict[str, str]
    created: int


def read(store: Store, key: str, kind: type[Made]) -> Made:
    """The record under that key; raises `NotFound`, and `Unavailable` for one that is damaged."""
    return parse(key, store.read(key), kind)


def parse(key: str, data: bytes, kind: type[Made]) -> Made:
    """The record in the bytes of that key; raises `Unavailable` for one that is damaged."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unavailable(f'{key} is damaged: {error}') from error


def find(store: Store, key: str, kind: type[Made]) -> Made | None:
    """The record under that key; None where there is none."""
    try:
        return read(store, key, kind)
    except NotFound:
        return None
