"""Templates, by Jinja2, in which whatever is put in is text and never markup; and the files that they name.

A file's name has a part of its digest in it, so that browsers keep it for ever and a new one has another name.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from jinja2 import Environment, PackageLoader, StrictUndefined
from whitenoise import WhiteNoise

from objreg.errors import MethodNotAllowed
from objreg.http import Request
from objreg.hub.pages.page import Shown
from objreg.nothing import factory as nothing

PREFIX = '/hub/static/'


class Files:
    """Style and scripts, by the paths that they are served at."""

    def __init__(self) -> None:
        self._noise = WhiteNoise(
            nothing({}), allow_all_origins=False, immutable_file_test=lambda path, url: True,
            add_headers_function=_add_headers,
        )
        self._urls: dict[str, str] = {}
        with as_file(files('objreg.hub.pages') / 'static') as folder:
            for path in sorted(folder.iterdir()):
                self._urls[path.name] = _url(path)
                self._noise.add_file_to_dictionary(self._urls[path.name], str(path))

    def __contains__(self, path: str) -> bool:
        return path in self._noise.files

    def url(self, name: str) -> str:
        """Where the file of that name is; raises `KeyError`, before anything is served."""
        return self._urls[name]

    def respond(self, req: Request) -> Any:
        """The file, or that it is what the browser has."""
        if req.environ['REQUEST_METHOD'] not in ('GET', 'HEAD'):
            raise MethodNotAllowed(req.environ['REQUEST_METHOD'][:16], headers={'Allow': 'GET, HEAD'})
        return req.get_response(self._noise)


class Rendering:
    """The templates of this package."""

    def __init__(self, static: Files) -> None:
        self.files = static
        self._environment = Environment(
            loader=PackageLoader('objreg.hub.pages'), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True, auto_reload=False,
        )
        self._environment.globals['file'] = static.url

    def page(self, shown: Shown, **more: Any) -> bytes:
        """The whole page."""
        return self._environment.get_template(shown.template).render({**more, **shown.values}).encode()


@cache
def rendering() -> Rendering:
    """That of this process: what comes with the package is the same for all hubs."""
    return Rendering(Files())


def _url(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f'{PREFIX}{path.stem}.{digest}{path.suffix}'


def _add_headers(headers: Headers, path: str, url: str) -> None:
    headers['X-Content-Type-Options'] = 'nosniff'
    headers['Cross-Origin-Resource-Policy'] = 'same-origin'
