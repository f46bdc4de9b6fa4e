"""Delivers what webhooks are to be told, at least once, from a queue that lies in the bucket.

An event is written before it is sent, so that no crash loses it, and its key carries when it is due.  Whoever wrote it
tries it at once; any node takes what is overdue.  Who is about to send an attempt writes a claim for it first, so that
two nodes seldom send the same (where the store has no atomic create they may: the receiver knows it by ``webhook-id``).
What failed is written again for later, and given up after `PAUSES`.  The last attempts of each webhook are kept for
people to look at.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal
from threading import Thread

from objreg.hub import keys, outbound, records
from objreg.hub.records import Record
from objreg.hub.webhooks import Event, Webhook, Webhooks, message
from objreg.store import Exists, NotFound, Store, StoreError

log = logging.getLogger(__name__)

PAUSES = (5, 60, 600, 3600, 6 * 3600, 24 * 3600)
"""Seconds after the first attempt, the second, …"""
OVERDUE = 30
"""Seconds that a claim is believed: longer than an attempt takes."""
_AT_ONCE = 4
_LOOK = 15.0
_BATCH = 100
KEPT = 50
"""Attempts of a webhook that are kept."""


class Delivery(Record, frozen=True):
    """An event on its way to one webhook; `attempt` counts from 0."""

    namespace: str
    hook: str
    event: Event
    attempt: int = 0


class Attempt(Record, frozen=True):
    """How an attempt ended: `status` is that of the answer, 0 where there was none, and `text` its beginning."""

    at: int
    event: str
    kind: str
    repository: str
    attempt: int
    status: int
    text: str = ''

    @property
    def is_good(self) -> bool:
        """Whether it was received."""
        return 200 <= self.status < 300


class Deliveries:
    """The queue of one hub."""

    def __init__(
        self, store: Store, webhooks: Webhooks, *, now: Callable[[], float] = time.time,
        post: Callable[..., outbound.Answer] = outbound.post,
    ) -> None:
        self._store = store
        self._webhooks = webhooks
        self._now = now
        self._post = post
        self._threads: ThreadPoolExecutor | None = None
        self._stop = Signal()

    def emit(self, event: Event, *, only: str = '') -> list[str]:
        """Tell who wants to know; the keys of what is to be delivered.  `only`: that webhook and no other."""
        written = []
        for hook in [only] if only else self._webhooks.wanting(event):
            delivery = Delivery(event.namespace, hook, event)
            key = keys.queued(int(self._now()), f'{event.id}-{hook}')
            self._store.put(key, delivery.dump())
            written.append(key)
        return written

    def hurry(self, key: str) -> None:
        """Try one of them now, in the background."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_AT_ONCE, 'objreg-webhook')
        self._threads.submit(self._tried, key)

    def run_due(self) -> int:
        """Try all that is due; how many that was."""
        count = 0
        for entry in self._store.list(keys.QUEUE):
            if keys.due(entry.key) > self._now() or count >= _BATCH:
                break
            count += self._tried(entry.key)
        return count

    def start(self) -> None:
        """Look for what is due every now and then, in a thread of its own, until `close`."""
        Thread(target=self._watch, name='objreg-webhooks', daemon=True).start()

    def close(self) -> None:
        """Begin no more attempts."""
        self._stop.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def attempts(self, namespace: str, hook: str) -> list[Attempt]:
        """The last ones of a webhook, the newest first."""
        prefix = keys.attempts(namespace, hook)
        found = [records.find(self._store, entry.key, Attempt) for entry in self._store.list(prefix)]
        return [one for one in reversed(found) if one is not None][:KEPT]

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK):
            try:
                self.run_due()
            except StoreError as error:
                log.warning('webhooks: %s', error)

    def _tried(self, key: str) -> bool:
        try:
            return self._try(key)
        except StoreError as error:  # it stays in the queue
            log.warning('webhooks: %s', error)
            return False

    def _try(self, key: str) -> bool:
        try:
            delivery = records.read(self._store, key, Delivery)
        except NotFound:  # another node was here
            return False
        claim = keys.claimed(key)
        if not self._claim(claim):
            return False
        hook = self._webhooks.find(delivery.namespace, delivery.hook)
        if hook is not None:
            attempt = self._send(hook, delivery)
            self._note(delivery, attempt)
            if not attempt.is_good and delivery.attempt < len(PAUSES):
                due = int(self._now()) + PAUSES[delivery.attempt]
                again = Delivery(delivery.namespace, delivery.hook, delivery.event, delivery.attempt + 1)
                self._store.put(keys.queued(due, f'{delivery.event.id}-{delivery.hook}'), again.dump())
        self._store.delete([key, claim])
        return True

    def _claim(self, claim: str) -> bool:
        """Whether this node is the one that sends it; a claim of a node that died counts for a while only."""
        try:
            if self._now() - self._store.stat(claim).modified < OVERDUE:
                return False
            self._store.delete([claim])
        except NotFound:
            pass
        try:
            self._store.put(claim, b'{}', if_absent=True)
        except Exists:
            return False
        return True

    def _send(self, hook: Webhook, delivery: Delivery) -> Attempt:
        sent = message(hook, delivery.event, self._now())
        try:
            answer = self._post(hook.url, sent.body, sent.headers, self._webhooks.allowed)
        except outbound.NotAllowed as error:
            answer = outbound.Answer(0, str(error))
        event = delivery.event
        return Attempt(
            int(self._now()), event.id, event.kind, event.repository, delivery.attempt, answer.status, answer.text[:500]
        )

    def _note(self, delivery: Delivery, attempt: Attempt) -> None:
        """Keep how it ended, and no more than the last ones."""
        prefix = keys.attempts(delivery.namespace, delivery.hook)
        place = f'{attempt.at:012d}-{delivery.event.id}-{delivery.attempt}'
        self._store.put(prefix + place, attempt.dump())
        old = [entry.key for entry in self._store.list(prefix)][:-KEPT]
        if old:
            self._store.delete(old)
