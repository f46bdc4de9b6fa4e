"""Who asks, and what he may do: the value that `auth` puts in the environ, and that others ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from wsgiref.types import WSGIEnvironment

KEY = 'objreg.access'


class Access(Protocol):
    """What the layers behind `auth` may ask."""

    @property
    def subject(self) -> str:
        """The user's name; '' for anonymous."""

    @property
    def is_unrestricted(self) -> bool:
        """Whether everybody who gets here may do everything: no auth at all."""

    def may(self, action: str, name: str) -> bool:
        """Whether `action` (``pull``, ``push``, ``delete``) is granted on the repository `name`."""


@dataclass(frozen=True, slots=True)
class Unrestricted:
    """The access of a pipeline without `auth`."""

    subject: str = ''
    is_unrestricted: bool = True

    def may(self, action: str, name: str) -> bool:
        return True


EVERYTHING = Unrestricted()


def access_of(environ: WSGIEnvironment) -> Access:
    """What is granted to this request."""
    access: Access = environ.get(KEY, EVERYTHING)
    return access
