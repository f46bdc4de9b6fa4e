"""The registries that a client is told to go to: those that answer, in an order of chance that follows their weights.

Each node asks them by itself, in the background, and only while it is asked.  One that does not answer is left out;
where none does, all are named, since it may be this node that reaches nobody.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Sequence
from threading import Lock, Thread
from typing import NamedTuple

import urllib3

from objreg.config import ConfigError
from objreg.errors import RequestInvalid
from objreg.http import Request

log = logging.getLogger(__name__)

HEADER = 'X-Docker-Endpoints'
EVERY = 10.0
"""Seconds between two questions to an endpoint."""
_PATIENCE = 3.0
_MOST = 32
_HOST = re.compile(r'(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?')
_WEIGHT = re.compile(r'weight=([0-9]{1,4})')
_OLD = re.compile(r'(?:^|\s)docker/0\.([0-9]|10)(?:\.|\s|$)')
"""Docker up to 0.10, which does not take a list apart."""


class Endpoint(NamedTuple):
    """A registry, ``host`` or ``host:port``, and how often it is named first."""

    host: str
    weight: int = 1


def parse(text: str) -> tuple[Endpoint, ...]:
    """The option ``endpoints``: ``one.example.org weight=3; two.example.org``.  Raises `ConfigError`."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(';'))):
        host, *more = part.split()
        weight = _WEIGHT.fullmatch(more[0]) if len(more) == 1 else None
        if not _HOST.fullmatch(host) or (more and (weight is None or not int(weight[1]))):
            raise ConfigError(f'endpoints: {part!r} is not like registry.example.org:5000 weight=3')
        found.append(Endpoint(host, int(weight[1]) if weight else 1))
    if len(found) > _MOST or len({one.host for one in found}) < len(found):
        raise ConfigError(f'endpoints: each once, and {_MOST} at most')
    return tuple(found)


def answers(scheme: str, host: str) -> bool:
    """Whether there is a registry, of either version of the API."""
    with urllib3.PoolManager(timeout=_PATIENCE, retries=False) as pool:
        for path, statuses in (('/v1/_ping', (200,)), ('/v2/', (200, 401))):
            answer = pool.request('GET', f'{scheme}://{host}{path}', redirect=False, preload_content=False)
            answer.close()
            if answer.status in statuses:
                return True
    return False


class Endpoints:
    """Those of one hub; without any, the host that the client asked."""

    def __init__(
        self, endpoints: Sequence[Endpoint] = (), *, ask: Callable[[str, str], bool] = answers,
        clock: Callable[[], float] = time.monotonic, random: random.Random | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._ask = ask
        self._clock = clock
        self._random = random or _RANDOM
        self._asked = dict.fromkeys((one.host for one in endpoints), float('-inf'))
        self._silent: set[str] = set()
        self._lock = Lock()

    def header(self, req: Request) -> tuple[str, str]:
        """For the answer to that request; raises 400 where it does not say whom it asks."""
        if not self._endpoints:
            host = req.environ.get('HTTP_HOST', '')
            if not _HOST.fullmatch(host):
                raise RequestInvalid('the header Host does not tell where this is')
            return HEADER, host
        found = self.ordered(req.environ['wsgi.url_scheme'])
        is_old = _OLD.search(req.environ.get('HTTP_USER_AGENT', '')[:500])
        return HEADER, found[0] if is_old else ','.join(found)

    def ordered(self, scheme: str) -> list[str]:
        """Those that answer, one of great weight more likely before one of small weight."""
        self._look(scheme)
        with self._lock:
            healthy = [one for one in self._endpoints if one.host not in self._silent] or self._endpoints
        return [one.host for one in sorted(healthy, key=lambda one: -self._random.random() ** (1 / one.weight))]

    def _look(self, scheme: str) -> None:
        """Ask those of which nothing was heard lately, without waiting."""
        now = self._clock()
        with self._lock:
            due = [host for host, asked in self._asked.items() if now - asked >= EVERY]
            # until it has answered it is not asked again
            self._asked |= dict.fromkeys(due, float('inf'))
        for host in due:
            Thread(target=self._hear, args=(scheme, host), name='objreg-endpoint', daemon=True).start()

    def _hear(self, scheme: str, host: str) -> None:
        why = 'it is no registry'
        try:
            is_there = self._ask(scheme, host)
        except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
            is_there, why = False, str(error)
        with self._lock:
            if not is_there and host not in self._silent:
                log.warning('endpoints: %s is left out: %s', host, why)
            elif is_there and host in self._silent:
                log.warning('endpoints: %s is back', host)
            (self._silent.discard if is_there else self._silent.add)(host)
            self._asked[host] = self._clock()


_RANDOM = random.Random()  # noqa: S311 - whom to name first is no secret
