"""A TCP forwarder that counts the HTTP requests which pass through it, by method and kind."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from urllib.parse import parse_qs, urlsplit

_LENGTH = re.compile(rb'\r\ncontent-length:[ \t]*(\d+)', re.IGNORECASE)
_CHUNKED = re.compile(rb'\r\ntransfer-encoding:[ \t]*chunked', re.IGNORECASE)


class Forwarder:
    """Listens on a free port of 127.0.0.1 and forwards to another one, in a thread of its own."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.counts: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        started.wait()

    @property
    def total(self) -> int:
        """All requests until now."""
        return self.counts.total()

    def _run(self, started: threading.Event) -> None:
        async def listen() -> None:
            server = await asyncio.start_server(self._connected, '127.0.0.1', 0, limit=1 << 20)
            self.port: int = server.sockets[0].getsockname()[1]
            started.set()
            await server.serve_forever()

        self._loop.run_until_complete(listen())

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection('127.0.0.1', self._target)
        back = asyncio.create_task(_pipe(there_reader, writer))
        try:
            while await self._request(reader, there_writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            there_writer.close()
            await asyncio.wait([back])

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass one request on; False at the end of the connection."""
        try:
            head = await reader.readuntil(b'\r\n\r\n')
        except asyncio.IncompleteReadError:
            return False
        self.counts[kind_of(head.split(b'\r\n', 1)[0].decode('latin-1'))] += 1
        writer.write(head)
        await writer.drain()
        if _CHUNKED.search(head):
            raise ConnectionError('chunked requests are not counted right; object stores get lengths')
        length = _LENGTH.search(head)
        left = int(length[1]) if length else 0
        while left:
            data = await reader.read(min(left, 1 << 18))
            if not data:
                return False
            left -= len(data)
            writer.write(data)
            await writer.drain()
        return True


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def kind_of(line: str) -> str:
    """What an S3 request is, by its first line."""
    method, _, rest = line.partition(' ')
    parts = urlsplit(rest.partition(' ')[0])
    query = parse_qs(parts.query, keep_blank_values=True)
    if method == 'GET' and 'uploads' in query:
        return 'list uploads'
    if method == 'GET' and (query.keys() & {'list-type', 'prefix', 'max-keys', 'delimiter'}):
        return 'list'
    if method == 'POST':
        return {'uploads': 'start multipart', 'delete': 'delete many'}.get(next(iter(query), ''), 'finish multipart')
    if method == 'PUT' and 'partNumber' in query:
        return 'part'
    return method.lower()
