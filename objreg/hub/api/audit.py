"""The audit log: a search of it, page by page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from objreg.hub import audit
from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import bad_request

Limit = Annotated[int, Meta(ge=1, le=500)]
_AGO = re.compile(r'([0-9]{1,5})([mhdw])', re.ASCII)
_UNITS = {'m': 'minutes', 'h': 'hours', 'd': 'days', 'w': 'weeks'}
_PLACE = re.compile('[0-9]{8}T[0-9]{6}[.][0-9]{6}Z-[0-9a-f]{8}', re.ASCII)


class Event(msgspec.Struct):
    """What somebody did; `at` is ``2026-01-31T23:59:59.123456Z``."""

    at: str
    action: str
    target: str
    by: str
    address: str
    more: dict[str, Any]


class EventPage(msgspec.Struct):
    """Some of them, the oldest first; `next` is the ``after`` of the next page, '' where there is none.

    A page may have fewer than asked, or none: it ends where enough was looked at.
    """

    items: list[Event]
    next: str


@operation('GET', '/audit', Needs.ADMINISTRATOR)
def search_audit(
    call: Call, *, by: str = '', action: str = '', target: str = '', since: str = '', until: str = '', after: str = '',
    limit: Limit = 100,
) -> EventPage:
    """Search the audit log.

    `action` and `target` mean what is below them too (``token``, ``acme``); `since` and `until` are ISO 8601 or an age
    (``90m``, ``12h``, ``7d``, ``2w``).
    """
    return _page(call, audit.Wanted(by, action, target, _time(call, 'since', since), _time(call, 'until', until)),
                 after, limit)


@operation('GET', '/namespaces/{namespace}/audit', Needs.OWNER)
def search_audit_of_namespace(
    call: Call, namespace: str, *, by: str = '', action: str = '', target: str = '', since: str = '', until: str = '',
    after: str = '', limit: Limit = 100,
) -> EventPage:
    """Search the audit log for what was done to a namespace and its repositories."""
    target = target or namespace
    if target != namespace and not target.startswith(f'{namespace}/'):
        raise bad_request(f'target: not within {namespace}')
    return _page(call, audit.Wanted(by, action, target, _time(call, 'since', since), _time(call, 'until', until)),
                 after, limit)


def _page(call: Call, wanted: audit.Wanted, after: str, limit: int) -> EventPage:
    if after and not _PLACE.fullmatch(after):
        raise bad_request('after: no page begins there')
    found, last = call.hub.audit.page(wanted, after, limit, call.hub.each)
    return EventPage([_shown(event) for event in found], last)


def _shown(event: audit.Event) -> Event:
    return Event(event.at, event.action, event.target, event.by, event.address, event.more)


def _time(call: Call, name: str, text: str) -> float:
    """Seconds since the epoch; 0 for nothing."""
    if not text:
        return 0
    ago = _AGO.fullmatch(text)
    if ago:
        return max(call.now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}).total_seconds(), 1)
    try:
        moment = datetime.fromisoformat(text)
        return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), 1)
    except (ValueError, OverflowError) as error:
        raise bad_request(f'{name}: neither like 2026-01-31T12:00Z nor like 7d') from error
