"""What holds in a namespace: of a user, of an organisation, or of nobody (``library``)."""

from __future__ import annotations

from typing import Literal

import msgspec

from objreg.hub import names
from objreg.hub.api.call import Call
from objreg.hub.api.operation import Needs, operation
from objreg.hub.api.problems import bad_request, unknown
from objreg.hub.api.users import Given
from objreg.hub.policy import Visibility
from objreg.hub.records import Namespace


class NewSettings(Given):
    """`visibility` is that of new repositories, null what the hub says; `members` what members may on all of them."""

    visibility: Visibility | None = None
    members: Literal['none', 'read', 'write', 'admin'] = 'read'


class Settings(msgspec.Struct):
    """The same, and what new repositories are if nothing is said."""

    visibility: Visibility | None
    members: str
    new_repositories: Visibility


@operation('GET', '/namespaces/{namespace}', Needs.OWNER)
def show_settings(call: Call, namespace: str) -> Settings:
    """Show what holds in a namespace."""
    account_of(call, namespace)
    return _shown(call, namespace, call.hub.repositories.settings(namespace))


@operation('PUT', '/namespaces/{namespace}', Needs.OWNER)
def put_settings(call: Call, namespace: str, body: NewSettings) -> Settings:
    """Say what holds in a namespace; repositories that were pushed to stay as visible as they are."""
    kind, _ = account_of(call, namespace)
    if kind != 'organisation' and body.members != 'read':
        raise bad_request('members: only an organisation has any')
    made = Namespace(body.visibility, body.members)
    call.hub.repositories.set_settings(namespace, made)
    call.note('namespace.settings', namespace, visibility=body.visibility, members=body.members)
    return _shown(call, namespace, made)


def account_of(call: Call, namespace: str) -> tuple[str, str]:
    """The kind and the id of the account that a namespace is of, empty for ``library``; a problem if there is none."""
    if namespace == names.LIBRARY:
        return '', ''
    account = call.hub.accounts.find(namespace)
    if account is None:
        raise unknown('there is no namespace of that name')
    return account.kind, account.id


def _shown(call: Call, namespace: str, settings: Namespace) -> Settings:
    return Settings(settings.visibility, settings.members, call.hub.repositories.default(namespace, settings))
