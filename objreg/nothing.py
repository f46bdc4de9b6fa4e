"""Nothing: the end of a pipeline in which the layers before it answer all there is, such as a hub by itself.

It answers 404 to whatever comes so far.

Options: none.

Example::

    [pipeline:main]
    pipeline = errors proxy healthcheck metrics limits hub nothing

    [app:nothing]
    use = egg:objreg#nothing
"""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.errors import NotFoundHere


def _nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    result: Iterable[bytes] = NotFoundHere().response()(environ, start_response)
    return result


def factory(global_conf: dict[str, str]) -> WSGIApplication:
    """Paste Deploy's ``paste.app_factory``."""
    return _nothing
