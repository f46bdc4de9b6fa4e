"""Waitress, taught what a registry needs: it answers TLS on a plain port at once, and takes what has already come.

- A client that begins with TLS (docker does, for every registry that it does not know as insecure) sends bytes in which
  waitress would wait for the end of a header, for two minutes.  It gets its 400 at the first byte.
- A request is nearly always there when its connection is: reading it at once spares a round of the loop.
- Files are sent by the kernel (``sendfile``).
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, UnixWSGIServer
from waitress.task import ThreadedTaskDispatcher

from objreg.server.spool import Parser

log = logging.getLogger(__name__)

_TLS_HANDSHAKE = 0x16
"""The type of a TLS record that begins a connection, RFC 8446 section 5.1; no HTTP method begins with it."""

_PLAIN_ONLY = b'this port speaks HTTP without TLS; put TLS before it, or tell the client that it is insecure\n'
_REFUSAL = (
    b'HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n'
    b'Content-Length: %d\r\n\r\n%b' % (len(_PLAIN_ONLY), _PLAIN_ONLY)
)

_BODY_PIECE = 256 * 1024
_CHUNK_LINE = 8
"""Bytes from the end of a chunk to the beginning of the next one, where that has 4 KiB to 64 KiB."""
_LEAST = 4096
_READS_AT_ONCE = 64
_FILE_PIECE = 1 << 20
_PIECES_AT_ONCE = 8


class Channel(HTTPChannel):
    """A connection."""

    requests_lock: Any  # what waitress's types leave out
    socket: Any

    parser_class = Parser

    def handle_read(self) -> None:
        """There is something to read: take what there is of a body, up to a bound, without asking the loop again."""
        for _ in range(_READS_AT_ONCE):
            try:
                data = self.socket.recv(self._wanted())
            except BlockingIOError:
                return
            except OSError:
                data = b''
            if not data:
                self.handle_close()
                return
            self.last_activity = time.time()
            self.received(data)
            if self.request is None or not self.connected:
                return

    def _wanted(self) -> int:
        """How many bytes to read at once.

        Waitress copies what lies behind a chunk for each of them, so of a chunked body no more is read than the chunk
        and the next one's length: tiny chunks would cost the square of what is read.
        """
        receiver = None if self.request is None else self.request.body_rcv
        if receiver is None:
            return int(self.adj.recv_bytes)
        remainder = getattr(receiver, 'chunk_remainder', _BODY_PIECE)
        return int(min(max(remainder + _CHUNK_LINE, _LEAST), _BODY_PIECE))

    def received(self, data: bytes) -> bool:
        """Bytes have come."""
        if self.request is None and data[:1] and data[0] == _TLS_HANDSHAKE and not self.requests:
            with self.requests_lock, self.outbuf_lock:
                self.outbufs[-1].append(_REFUSAL)
                self.total_outbufs_len += len(_REFUSAL)
                self.close_when_flushed = True
            return False
        return bool(super().received(data))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost when it is closed now: no request has begun, no answer is on its way."""
        return not (self.requests or self.total_outbufs_len or self.close_when_flushed) and self.request is None

    def _flush_some(self, do_close: bool = True) -> bool:
        """Send what can be sent; `outbuf_lock` is held."""
        outbuf = self.outbufs[0]
        if isinstance(outbuf, ReadOnlyFileBasedBuffer) and outbuf.remain:
            sent = self._send_file(outbuf)
            if outbuf.remain:
                return sent > 0
        return bool(super()._flush_some(do_close=do_close))  # type: ignore[misc]

    def _send_file(self, outbuf: Any) -> int:
        file, total = outbuf.file, 0
        offset = file.tell()
        try:
            for _ in range(_PIECES_AT_ONCE):
                if not outbuf.remain:
                    break
                sent = os.sendfile(self.socket.fileno(), file.fileno(), offset, min(outbuf.remain, _FILE_PIECE))
                if sent == 0:
                    raise OSError('the file is shorter than it was')
                offset += sent
                outbuf.remain -= sent
                self.total_outbufs_len -= sent
                total += sent
        except BlockingIOError:
            pass
        if total:
            file.seek(offset)
            self.last_activity = time.time()
        return total


class _Accepting:
    """What both kinds of servers do otherwise than waitress's."""

    channel_class = Channel
    adj: Adjustments
    active_channels: dict[int, Channel]

    def handle_accept(self: Any) -> None:
        """Take a connection, and what it has sent; one at a time, so that the other processes get theirs."""
        try:
            connection, address = self.socket.accept()
        except BlockingIOError:
            return
        except OSError as error:
            log.warning('a connection was not accepted: %s', error)
            return
        self.set_socket_options(connection)
        channel = self.channel_class(self, connection, self.fix_addr(address), self.adj, map=self._map)
        try:
            data = connection.recv(self.adj.recv_bytes)
        except OSError:  # not there yet, or gone: the loop will see
            return
        if data:
            channel.received(data)
        else:
            channel.handle_close()


class TcpServer(_Accepting, TcpWSGIServer):  # type: ignore[misc]
    """Listens on an address and a port."""


class UnixServer(_Accepting, UnixWSGIServer):  # type: ignore[misc]
    """Listens on a path of the file system."""


class Threads(ThreadedTaskDispatcher):
    """The threads that requests run in."""

    def add_task(self, task: Any) -> None:
        """Waitress's, without a warning for every request that finds all threads at work."""
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()
