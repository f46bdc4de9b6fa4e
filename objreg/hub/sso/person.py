"""Somebody, as a provider names him, and the ways in which he may be refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from objreg.hub.records import Email
from objreg.hub.sso.links import LinkKind

LONGEST_SUBJECT = 255
"""Characters: OpenID Connect Core 1.0, section 2."""
MOST_GROUPS = 20_000
_LONGEST_NAME = 200


class LoginRefused(Exception):
    """He may not come in; the text is for himself, who has shown the provider who he is, and `kind` for programs."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class ProviderFailed(Exception):
    """The provider does not answer, or says what makes no sense; the text is for the operator's log."""


class Person(NamedTuple):
    """Who he is, by the provider of that name; `name` is what he would be called here."""

    kind: LinkKind
    provider: str
    issuer: str
    subject: str
    name: str
    at: int
    """When the provider said so, in seconds since the epoch, by its own clock."""
    email: str = ''
    full_name: str = ''
    groups: frozenset[str] = frozenset()


def subject(value: Any) -> str:
    """The subject in a claim; raises `ProviderFailed`."""
    if not isinstance(value, str) or not value or len(value) > LONGEST_SUBJECT or not value.isprintable():
        raise ProviderFailed('no subject that can be used')
    return value


def groups(value: Any) -> frozenset[str]:
    """The groups in a claim: a list of texts; raises `ProviderFailed` for anything else.

    One text is no list of one: some providers write several into it, and nobody here knows how.
    """
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ProviderFailed('the groups are not a list of texts')
    if len(value) > MOST_GROUPS:
        raise ProviderFailed(f'more than {MOST_GROUPS} groups')
    return frozenset(value)


def email(value: Any) -> str:
    """A mail address; '' for what is none."""
    try:
        return msgspec.convert(value, Email)
    except msgspec.ValidationError:
        return ''


def full_name(value: Any) -> str:
    """What he calls himself, on one line; '' for what is no text."""
    text = value if isinstance(value, str) and value.isprintable() else ''
    return text[:_LONGEST_NAME]
