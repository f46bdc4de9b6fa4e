"""How `objreg.testing.v1_client` reaches a registry over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import urllib3
from urllib3.exceptions import HTTPError

from objreg.testing.v1_client import Answer, Cut, Send


def over_http(url: str, *, largest: int = 2**30) -> Send:
    """Sends to the registry at that URL, without a path; answers of up to `largest` bytes are held in memory."""
    pool = urllib3.PoolManager(retries=urllib3.Retry(5, connect=0, read=0, other=0, status=0))

    def send(
        method: str, path: str, headers: Mapping[str, str], body: bytes | Iterator[bytes] | None
    ) -> Answer:
        try:
            answer = pool.request(
                method, f'{url}{path}', headers=dict(headers), body=body, preload_content=False, decode_content=False,
            )
        except HTTPError as error:
            raise Cut(Answer(0, {}, b'')) from error
        said = {name.lower(): value for name, value in answer.headers.items()}
        pieces: list[bytes] = []
        try:
            for piece in answer.stream(64 * 1024, decode_content=False):
                pieces.append(piece)
                if sum(map(len, pieces)) > largest:
                    raise ValueError(f'{path}: more than {largest} bytes')
        except HTTPError as error:
            raise Cut(Answer(answer.status, said, b''.join(pieces))) from error
        finally:
            answer.release_conn()
        return Answer(answer.status, said, b''.join(pieces))

    return send
