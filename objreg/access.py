"""Who asks, and what he may do: the value that `auth` puts in the environ, and that others ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from wsgiref.types import WSGIEnvironment

from objreg.routes import Route
from objreg.v1.routes import RouteV1

KEY = 'objreg.access'

_READING = ('GET', 'HEAD')


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


@dataclass(frozen=True, slots=True)
class Nobody:
    """The access of somebody of whom nothing is known yet."""

    subject: str = ''
    is_unrestricted: bool = False

    def may(self, action: str, name: str) -> bool:
        return False


EVERYTHING = Unrestricted()
NOTHING = Nobody()


def access_of(environ: WSGIEnvironment) -> Access:
    """What is granted to this request."""
    access: Access = environ.get(KEY, EVERYTHING)
    return access


def needed(method: str, route: Route) -> tuple[str, str]:
    """The right that a request needs: an action and the name of a repository.

    ``('catalog', '')`` is that of the catalog; ``('', '')`` needs no more than to be known.
    """
    if route.resource in ('base', 'catalog'):
        return 'catalog' if route.resource == 'catalog' else '', ''
    if route.resource in ('upload', 'uploads'):
        return 'push', route.name
    if method in _READING:
        return 'pull', route.name
    # what nobody knows (and the registry answers with 405) needs as much as what is known to write
    return 'delete' if method == 'DELETE' else 'push', route.name


# The first version of the API

_NEEDED_V1 = {
    'ping': '', 'users': '', 'user': '', 'auth': '', 'search': 'catalog', 'access': 'pull', 'properties': 'pull',
    'images': 'pull', 'tags': 'pull', 'tag': 'pull', 'tag_json': 'pull', 'json': 'pull',
}
"""What it takes to read each resource, and of those where it is '' to do anything."""


def needed_v1(method: str, route: RouteV1) -> tuple[str, str]:
    """The same for a path of the first version.

    What is said of an image names no repository: the action comes with the name '', and that is "somebody who may do so
    somewhere".  The layer that serves it finds out which repositories have the image, and asks `Access.may` of each, or
    of `repository_of` alone where the token names one.
    """
    action = _NEEDED_V1.get(route.resource, 'pull')
    if not action or method in _READING:
        return action, route.name
    # who sees a repository is for its owners to say, and they are whom deleting takes
    return 'delete' if method == 'DELETE' or route.resource == 'properties' else 'push', route.name


def repository_of(access: Access) -> str:
    """The one repository that a token of the first version is for; '' where what is granted is not of one only."""
    name: str = getattr(access, 'repository', '')
    return name
