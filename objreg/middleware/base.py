"""What every layer of the pipeline is: a WebOb middleware with one method, `handle`.

A layer is a class that is its own ``paste.filter_app_factory``: its options are keyword arguments, converted once, in
the constructor, so a misspelt one stops the start.  Layers talk to each other through these keys of the environ only:

==========================  =============================================================================  ==========
key                         value                                                                          set by
==========================  =============================================================================  ==========
``objreg.request_id``       identifies the request in the log and in ``X-Request-Id``                      errors
``objreg.log``              dict: what a layer adds to the request's log line                              errors
``objreg.access``           `objreg.access.Access`: who asks, and what he may do                           auth
``objreg.client``           the client's address, as far as it can be trusted                              proxy
==========================  =============================================================================  ==========
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from objreg.errors import RegistryError, RequestInvalid
from objreg.http import Request, Response

Answer = WSGIApplication | Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]] | Response


class Middleware:
    """A layer: `handle` returns `self.app` to pass on, or a response, or raises a `RegistryError`.

    The third move is ``response = req.get_response(self.app)``, whose headers are edited.  Bodies stay lazy.
    """

    def __init__(self, app: WSGIApplication, global_conf: dict[str, str] | None = None) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self.handle(Request(environ))
        except RegistryError as error:
            answer = error.response()
        except UnicodeDecodeError:
            answer = RequestInvalid('the query is not UTF-8').response()
        result: Iterable[bytes] = answer(environ, start_response)
        return result

    def handle(self, req: Request) -> Any:
        """One of the three moves."""
        return self.app
