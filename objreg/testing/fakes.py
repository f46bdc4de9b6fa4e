"""Stand-ins for the layers around the one that is tested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from objreg.http import Response


class FakeApp:
    """An application that notes the environ of each request, and answers as it is told.

    `answer` is a response, an error to be raised, or an iterable of bytes that becomes the body of a 200.  A body that
    nobody closed is found in `unclosed`.
    """

    def __init__(self, answer: Response | Exception | Iterable[bytes] | None = None) -> None:
        self.answer = answer
        self.requests: list[WSGIEnvironment] = []
        self.unclosed: list[FakeBody] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.requests.append(environ)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None or isinstance(self.answer, Response):
            response: Any = self.answer or Response(status=200, body=b'{}')
            result: Iterable[bytes] = response(environ, start_response)
            return result
        start_response('200 OK', [('Content-Type', 'application/octet-stream')])
        body = FakeBody(self)
        self.unclosed.append(body)
        return body

    @property
    def last(self) -> WSGIEnvironment:
        """The environ of the last request."""
        return self.requests[-1]


class FakeBody:
    """A body that is made while it is sent."""

    def __init__(self, app: FakeApp) -> None:
        self._app = app
        self._pieces = iter(app.answer)  # type: ignore[arg-type]

    def __iter__(self) -> FakeBody:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """As servers do."""
        self._app.unclosed.remove(self)
