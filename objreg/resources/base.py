"""What the resources have in common: the registry, its settings, and answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode
from wsgiref.types import WSGIEnvironment

from objreg.access import Access, access_of
from objreg.addresses import is_within
from objreg.errors import PaginationInvalid
from objreg.http import VERSION, Request, Response
from objreg.middleware.base import client_of
from objreg.registry import Registry
from objreg.uploads import Uploads

Network = Any


@dataclass(frozen=True)
class Settings:
    """The options of the storage application, converted; see `objreg.app`."""

    redirect: str = 'auto'
    redirect_networks: tuple[Network, ...] = ()
    redirect_seconds: int = 1200
    delete: bool = True
    sparse: str = 'none'
    manifest_size: int = 4 * 1024**2
    manifest_children: int = 2000
    page: int = 1000
    upload_seconds: float = 7 * 86400.0

    def may_redirect(self, environ: WSGIEnvironment) -> bool:
        """Whether this client is sent to the store for a blob."""
        if self.redirect == 'never':
            return False
        if not self.redirect_networks:
            return True
        return is_within(client_of(environ), self.redirect_networks)


@dataclass(frozen=True)
class Shared:
    """What every resource of one application works with."""

    registry: Registry
    uploads: Uploads
    settings: Settings = field(default_factory=Settings)


class Resource:
    """HTTP verbs as methods: ``GET(req, name, reference)`` and so on return a response or raise an error."""

    def __init__(self, shared: Shared) -> None:
        self.registry = shared.registry
        self.uploads = shared.uploads
        self.settings = shared.settings

    def methods(self) -> list[str]:
        """The verbs that this resource knows."""
        return [verb for verb in ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE') if hasattr(self, verb)]


def answer(status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b'') -> Response:
    """A response with these headers, the API's version and its ``Content-Length``."""
    return Response(status=status, headerlist=[VERSION, *headers], body=body)


def access(req: Request) -> Access:
    """What this request may do."""
    return access_of(req.environ)


def url(req: Request, path: str, **query: str) -> str:
    """A path of this registry as seen by the client: relative to the host, below whatever a proxy put before it."""
    text = quote(req.environ.get('SCRIPT_NAME', '') + path, safe="/~:@!$&'()*+,;=")
    return f'{text}?{urlencode(query)}' if query else text


def page_size(req: Request, most: int) -> int:
    """The parameter ``n``, at most `most`; raises PAGINATION_NUMBER_INVALID."""
    text = req.GET.get('n')
    if text is None:
        return most
    if not (text.isascii() and text.isdigit()):
        raise PaginationInvalid(text[:32])
    return min(int(text.lstrip('0')[:19] or '0'), most)


def next_link(req: Request, size: int, last: str, **query: str) -> tuple[str, str]:
    """The ``Link`` header of a page that has a next one (RFC 5988)."""
    return 'Link', f'<{url(req, req.path_info, n=str(size), last=last, **query)}>; rel="next"'
