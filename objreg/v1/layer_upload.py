"""Takes in the layer of a push: hashed in every way while it comes, and stored as any other blob."""

from __future__ import annotations

from objreg.body import RequestBody
from objreg.store import CHUNK
from objreg.v1.call import Call
from objreg.v1.compression import Unreadable
from objreg.v1.errors import V1Error
from objreg.v1.layer_scan import LayerScan, Scanned


def take_in(call: Call, name: str, json: bytes) -> Scanned:
    """Store the body of the request as a blob of a repository, and tell what it is; raises 400 for no layer."""
    body = RequestBody(call.req.environ)
    try:
        return _whole(call, name, body, json) if body.is_whole else _streamed(call, name, body, json)
    except Unreadable as error:
        raise V1Error(400, f'Layer format not supported: {error}') from error


def measure(call: Call) -> str:
    """The digest of the body of the request, of which nothing is kept."""
    return f'sha256:{RequestBody(call.req.environ).digest("sha256")}'


def _whole(call: Call, name: str, body: RequestBody, json: bytes) -> Scanned:
    """The server has all of it in a file: so its digest is known before it is stored."""
    scan, file = LayerScan(json), body.whole()
    while piece := file.read(CHUNK):
        scan.feed(piece)
    found = scan.finish()
    call.inner.put_blob(name, found.digest, body.whole(), found.size)
    return found


def _streamed(call: Call, name: str, body: RequestBody, json: bytes) -> Scanned:
    observed = _Observed(body, LayerScan(json))
    location = call.inner.begin_blob(name, observed)
    found = observed.scan.finish()
    call.inner.end_blob(location, found.digest)
    return found


class _Observed:
    """A body that is looked at while it is read."""

    def __init__(self, body: RequestBody, scan: LayerScan) -> None:
        self.scan = scan
        self._body = body

    def read(self, size: int = CHUNK) -> bytes:
        """As a file has it."""
        piece = self._body.read(size)
        if self._body.is_cut:
            raise V1Error(400, 'the layer ended before its Content-Length')
        self.scan.feed(piece)
        return piece
