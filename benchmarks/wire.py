"""Counts the HTTP requests that this process makes, and their bytes, whatever library makes them."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any
from unittest import mock


@dataclass
class Traffic:
    """What went over the wire; all libraries of the drivers come down to `http.client`."""

    calls: int = 0
    sent: int = 0
    """Bytes, with the headers of requests."""
    received: int = 0
    """Bytes of answers' bodies, as far as their length was said; some may not have been read."""


@contextlib.contextmanager
def watched() -> Iterator[Traffic]:
    """Count what happens within."""
    traffic, lock = Traffic(), Lock()
    request, send, begin = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.send, _begin

    def putrequest(connection: Any, *given: Any, **more: Any) -> None:
        with lock:
            traffic.calls += 1
        request(connection, *given, **more)

    def sending(connection: Any, data: Any) -> None:
        if isinstance(data, bytes | bytearray | memoryview):
            with lock:
                traffic.sent += len(data)
        send(connection, data)

    def began(response: Any) -> None:
        begin(response)
        with lock:
            traffic.received += response.length or 0

    with (
        mock.patch.object(http.client.HTTPConnection, 'putrequest', putrequest),
        mock.patch.object(http.client.HTTPConnection, 'send', sending),
        mock.patch.object(http.client.HTTPResponse, 'begin', began),
    ):
        yield traffic


_begin = http.client.HTTPResponse.begin
