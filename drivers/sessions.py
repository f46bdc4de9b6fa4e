"""Sessions of the library requests, as drivers set them up."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from objreg.store import CHUNK


class Adapter(HTTPAdapter):
    """Sends files in larger pieces than 16 KiB."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, blocksize=CHUNK)


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
