"""Webhooks: who is told of what happens in a namespace, and how it went."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from objreg.hub.api.call import Call
from objreg.hub.api.namespaces import account_of
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import bad_request, unknown
from objreg.hub.outbound import NotAllowed
from objreg.hub.patterns import check_within
from objreg.hub.webhooks import Webhook, new_secret

_MOST = 20
"""Of a namespace: each costs a write at each push."""
Events = Annotated[tuple[Literal['push', 'delete', 'visibility', 'quota'], ...], Meta(min_length=1, max_length=4)]
Patterns = Annotated[tuple[str, ...], Meta(max_length=50)]


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True):
    """`repositories` are patterns within the namespace; none: all of it."""

    url: str
    events: Events = ('push', 'delete', 'visibility')
    repositories: Patterns = ()
    form: Literal['standard', 'cloudevents'] = 'standard'


class ShownWebhook(msgspec.Struct):
    """A webhook.  `secret` is what verifies its messages, and shown once."""

    id: str
    url: str
    events: tuple[str, ...]
    repositories: tuple[str, ...]
    form: str
    created: int
    by: str
    secret: str | None = None


class ShownAttempt(msgspec.Struct):
    """How it went to tell one: `status` is that of the answer, 0 where there was none, and `text` its beginning."""

    at: int
    event: str
    kind: str
    repository: str
    attempt: int
    status: int
    text: str


@operation('GET', '/namespaces/{namespace}/webhooks', Needs.OWNER)
def list_webhooks(call: Call, namespace: str) -> list[ShownWebhook]:
    """List the webhooks of a namespace, without their secrets."""
    return [_shown(id, hook) for id, hook in sorted(call.hub.webhooks.of(namespace).items())]


@operation('POST', '/namespaces/{namespace}/webhooks', Needs.OWNER, status=201)
def add_webhook(call: Call, namespace: str, body: NewWebhook) -> ShownWebhook:
    """Have somebody told; what verifies the messages is in the answer, and is never shown again."""
    account_of(call, namespace)
    if len(call.hub.webhooks.of(namespace)) >= _MOST:
        raise bad_request(f'a namespace has {_MOST} webhooks at most')
    for pattern in body.repositories:
        check_within(pattern, namespace)
    hook = Webhook(
        body.url, new_secret(), body.events, body.repositories or ('**',), body.form, int(call.now), call.by
    )
    try:
        id = call.hub.webhooks.add(namespace, hook)
    except NotAllowed as error:
        raise bad_request(f'url: {error}') from error
    call.note('webhook.add', namespace, webhook=id, url=body.url)
    shown = _shown(id, hook)
    shown.secret = hook.secret
    return shown


@operation('DELETE', '/namespaces/{namespace}/webhooks/{webhook}', Needs.OWNER)
def remove_webhook(call: Call, namespace: str, webhook: str) -> None:
    """Have him told nothing more."""
    _found(call, namespace, webhook)
    call.hub.webhooks.remove(namespace, webhook)
    call.note('webhook.remove', namespace, webhook=webhook)


@operation('POST', '/namespaces/{namespace}/webhooks/{webhook}/test', Needs.OWNER)
def test_webhook(call: Call, namespace: str, webhook: str) -> None:
    """Have him told something that did not happen; how it went is among the attempts within a minute."""
    _found(call, namespace, webhook)
    event = call.hub.webhooks.event('test', f'{namespace}/test', by=call.by)
    call.hub.deliveries.emit(event, only=webhook)


@operation('GET', '/namespaces/{namespace}/webhooks/{webhook}/attempts', Needs.OWNER)
def list_attempts(call: Call, namespace: str, webhook: str) -> list[ShownAttempt]:
    """List the last attempts to tell him, the newest first."""
    _found(call, namespace, webhook)
    found = call.hub.deliveries.attempts(namespace, webhook)
    return [
        ShownAttempt(one.at, one.event, one.kind, one.repository, one.attempt, one.status, one.text) for one in found
    ]


def _found(call: Call, namespace: str, webhook: str) -> Webhook:
    found = call.hub.webhooks.find(namespace, webhook) if webhook.isalnum() and webhook.isascii() else None
    if found is None:
        raise unknown('there is no such webhook')
    return found


def _shown(id: str, hook: Webhook) -> ShownWebhook:
    return ShownWebhook(id, hook.url, hook.events, hook.repositories, hook.form, hook.created, hook.by)
