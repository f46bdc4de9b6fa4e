"""The audit log: who did what, from where, when; one key an event, in the order of time, never changed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from objreg.hub import keys, records
from objreg.store import NotFound, Store

_FORM = '%Y%m%dT%H%M%S.%fZ'
_LOOK, _AT_ONCE = 500, 50
"""Events that are looked at for a page, and how many of them are read at the same time."""


class Event(records.Record, frozen=True):
    """What happened.  `at` is ``2026-01-31T23:59:59.123456Z``."""

    at: str
    action: str
    target: str
    by: str = ''
    address: str = ''
    more: dict[str, Any] = msgspec.field(default_factory=dict)


class Wanted(NamedTuple):
    """What to look for; what is empty is not looked at.  Times are seconds since the epoch."""

    by: str = ''
    action: str = ''
    target: str = ''
    since: float = 0
    until: float = 0

    def fits(self, event: Event) -> bool:
        """Whether that event is looked for.  A target stands for all below it."""
        return (
            (not self.by or event.by == self.by)
            and (not self.action or event.action == self.action or event.action.startswith(f'{self.action}.'))
            and (not self.target or event.target == self.target or event.target.startswith(f'{self.target}/'))
        )


class Audit:
    """The events of one hub."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    def write(self, action: str, target: str, *, by: str, address: str = '', **more: Any) -> None:
        """Note an event: one write.  `more` holds nothing secret."""
        at = datetime.fromtimestamp(self._now(), UTC)
        event = Event(at.strftime('%Y-%m-%dT%H:%M:%S.%fZ'), action, target, by, address, more)
        self._store.put(keys.audit(at.strftime(_FORM), secrets.token_hex(4)), event.dump())

    def find(self, wanted: Wanted, after: str = '') -> Iterator[tuple[str, Event]]:
        """The events that fit, the oldest first, each with the place where a next search goes on."""
        begin, end = _bounds(wanted, after)
        for entry in self._store.list(keys.AUDIT, begin):
            if end and entry.key > end:
                return
            try:
                event = records.read(self._store, entry.key, Event)
            except NotFound:
                continue
            if wanted.fits(event):
                yield entry.key.removeprefix(keys.AUDIT), event

    def page(self, wanted: Wanted, after: str, limit: int, each: Callable[..., list[Any]]) -> tuple[list[Event], str]:
        """At most `limit` of those that fit, of the next `_LOOK` events, and where the next page begins ('' nowhere).

        One list call, and a read for each event that is looked at.
        """
        begin, end = _bounds(wanted, after)
        listed = self._store.page(keys.AUDIT, begin, limit=_LOOK)
        inside = [entry.key for entry in listed.entries if not end or entry.key <= end]
        last = inside[-1] if listed.more and len(inside) == len(listed.entries) and inside else ''
        found: list[tuple[str, Event]] = []
        for start in range(0, len(inside), _AT_ONCE):
            some = inside[start:start + _AT_ONCE]
            read = zip(some, each(self._read, some), strict=True)
            found += [(key, event) for key, event in read if event is not None and wanted.fits(event)]
            if len(found) > limit:
                last = found[limit - 1][0]
                break
        return [event for _, event in found[:limit]], last.removeprefix(keys.AUDIT)

    def _read(self, key: str) -> Event | None:
        return records.find(self._store, key, Event)


def _bounds(wanted: Wanted, after: str) -> tuple[str, str]:
    """The key after which, and the one up to which, the events are that may fit; '' no bound."""
    begin = keys.audit(_text(wanted.since), '') if wanted.since else ''
    end = keys.audit(_text(wanted.until), '~') if wanted.until else ''
    return max(begin, keys.AUDIT + after if after else ''), end


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_FORM)
