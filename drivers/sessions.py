"""Sessions of the library requests, as drivers set them up."""

from __future__ import annotations

from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from objreg.store import CHUNK


class Adapter(HTTPAdapter):
    """Sends files in larger pieces than 16 KiB, and believes no answer of which a part of the headers came."""

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        made = super().build_response(req, resp)
        if not _is_whole(str(req.method), resp):
            # http.client takes headers amid which the connection ended for all of them
            resp.close()
            raise requests.ConnectionError('the connection ended amid the headers of the answer', request=req)
        return made

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, blocksize=CHUNK)


def _is_whole(method: str, answer: urllib3.HTTPResponse) -> bool:
    """Whether the headers say where the body ends, as those of HTTP/1.1 do; otherwise some are missing."""
    if method == 'HEAD' or answer.version < 11 or answer.status in (204, 304):
        return True
    return bool({'content-length', 'transfer-encoding'} & {name.lower() for name in answer.headers}) or (
        answer.headers.get('connection', '').lower() == 'close'
    )


def mount(session: requests.Session, adapter: HTTPAdapter) -> None:
    """Give a session the connections of that adapter, none of which is open."""
    session.mount('http://', adapter)
    session.mount('https://', adapter)


def set_up(session: requests.Session, url: str, pool: int) -> None:
    """Have a session speak to the server of that URL, and try nothing twice.

    The environment is asked for a proxy now, not for each request, and never for credentials.
    """
    session.proxies = get_environ_proxies(url)
    session.trust_env = False
    mount(session, Adapter(max_retries=0, pool_maxsize=pool))
