"""How people, robots and organisations end: what they may do goes first, that they exist last.

Whatever stops on the way leaves somebody with fewer rights and never with more, and whoever asks again goes on where it
stopped: for an organisation that has no owner left, an administrator.  Names stay taken.  The settings of the namespace
stay as well: with ``keep``, repositories of which nothing else is said are as visible as before.
"""

from __future__ import annotations

from objreg.hub import keys, names
from objreg.hub.hub import Hub
from objreg.hub.organisations import LastOwner
from objreg.hub.records import Account


def end_robot(hub: Hub, namespace: str, robot: str) -> None:
    """Take a robot and its tokens away; those that they were exchanged for are denied."""
    login = names.robot(namespace, robot)
    hub.store.delete([keys.robot(namespace, robot)])  # without it no token and no job is let in
    end_trusts(hub, namespace, robot)
    hub.tokens.revoke_all(login)
    hub.denials.deny('subject', login)


def end_trusts(hub: Hub, namespace: str, robot: str) -> None:
    """Let no job act as a robot."""
    hub.store.delete([entry.key for entry in hub.store.list(keys.trusts(namespace, robot))])


def end_webhooks(hub: Hub, namespace: str) -> None:
    """Tell nobody of a namespace any more."""
    for id in hub.webhooks.of(namespace):
        hub.webhooks.remove(namespace, id)


def end_robots(hub: Hub, namespace: str) -> None:
    """The same for all of a namespace."""
    prefix = keys.robots(namespace)
    for entry in list(hub.store.list(prefix)):
        end_robot(hub, namespace, entry.key.removeprefix(prefix))


def end_organisation(hub: Hub, account: Account) -> None:
    """End it: robots, webhooks, teams, members, then itself.  Access tokens of its members expire within minutes."""
    end_robots(hub, account.name)
    end_webhooks(hub, account.name)
    hub.organisations.clear(account.name)
    hub.accounts.delete(account)


def end_user(hub: Hub, account: Account, *, by: str) -> None:
    """End somebody's account.  Raises `LastOwner` with the names of the organisations that would have no owner."""
    user = account.name
    alone = [name for name in hub.organisations.of(user) if hub.organisations.owners(name) == [user]]
    if alone:
        raise LastOwner(', '.join(alone))
    for name in hub.organisations.of(user):
        hub.organisations.remove(name, user, by=by)
    end_robots(hub, user)
    end_webhooks(hub, user)
    hub.tokens.revoke_all(user)
    hub.accounts.delete(account)
    hub.denials.deny('subject', user)
