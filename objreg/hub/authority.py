"""Who somebody is, and what he may do: gathers from the bucket what `policy` asks, with as few reads as it can."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from objreg.hub import credentials, keys, names, policy, records
from objreg.hub.accounts import Accounts
from objreg.hub.credentials import Credential
from objreg.hub.guard import Guard
from objreg.hub.organisations import Organisations
from objreg.hub.policy import Grant, Role, Subject
from objreg.hub.records import Robot, Token
from objreg.hub.repositories import Repositories
from objreg.hub.sso.directories import Directories
from objreg.hub.sso.person import LoginRefused
from objreg.hub.sso.recency import Recency
from objreg.hub.tokens import Tokens
from objreg.hub.workload import Trusts
from objreg.store import Store


class Rejected(Exception):
    """The credentials are not good; why is for the log, and never for the client."""


class Suspended(Rejected):
    """They are good, and whose they are may do nothing for now."""


class NotLetIn(Rejected):
    """A directory knows him, and still he may not come in; the text is for himself, `kind` for programs."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class Identity:
    """Who asks, as his credentials prove; the empty name is nobody in particular.

    `account` is the id of the account (of the namespace, for a robot), `credential` the id of the token that he gave,
    '' for a password.  Of somebody whose password a directory knows, `provider` is its name, and `epoch` what his
    session is to be bound to.
    """

    name: str = ''
    account: str = ''
    credential: str = ''
    scopes: tuple[policy.Scope, ...] | None = None
    provider: str = ''
    epoch: str = ''


NOBODY = Identity()


class Authority:
    """Over the accounts of one hub."""

    def __init__(
        self, store: Store, *, accounts: Accounts, organisations: Organisations, repositories: Repositories,
        tokens: Tokens, trusts: Trusts, guard: Guard, recency: Recency,
        directories: Directories,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._organisations = organisations
        self._repositories = repositories
        self._tokens = tokens
        self._trusts = trusts
        self._guard = guard
        self._recency = recency
        self._directories = directories

    # Who he is

    def authenticate(self, login: str, secret: str, address: str = '') -> Identity:
        """Of a name with a password or a token, from an address; raises `Rejected`, and 429 and 503 under guesses."""
        # as people write their names; a letter outside of ASCII may have a small form in it, and is another one
        name = login.lower() if login.isascii() else login
        credential = credentials.parse(secret)
        if credential is not None and credential.kind in ('pat', 'robot'):
            identity = self.recognise(credential)
            if identity.name != name:
                raise Rejected('the token is somebody else\'s')
            return identity
        if names.ROBOT in login:
            return self._job(login, secret)
        return self.by_password(name, secret, address, is_program=True)

    def by_password(self, name: str, secret: str, address: str = '', *, is_program: bool = False) -> Identity:
        """Of a person's name with his password, and with nothing else; raises as `authenticate` does, and `NotLetIn`.

        A program's is tried with those directories only of which the operator says so.
        """
        self._guard.admit(address, name)
        is_elsewhere = self._directories.keeps(name)
        identity = None if is_elsewhere else self._of_this_hub(name, secret)
        identity = identity or self._of_a_directory(name, secret, address, is_program)
        if identity is None:
            if is_elsewhere:  # so that it takes as long as for a name that nobody has
                self._accounts.has_password(name, secret)
            self._guard.failed(address, name)
            raise Rejected('wrong name or password')
        self._check_active(identity.name)
        return identity

    def _of_this_hub(self, name: str, secret: str) -> Identity | None:
        """By the password that is kept here; it costs the same whether there is one or not."""
        if not self._accounts.has_password(name, secret):
            return None
        account = self._accounts.find(name)
        if account is None or account.kind != 'user':
            raise Rejected('no such user')
        return Identity(account.name, account.id)

    def _of_a_directory(self, name: str, secret: str, address: str, is_program: bool) -> Identity | None:
        """By one that a directory keeps; who has one here is not asked for elsewhere."""
        directories = self._directories
        if not directories.are_there() or self._has_password_here(name):
            return None
        try:
            arrived = (directories.recognise if is_program else directories.log_in)(name, secret, address)
        except LoginRefused as error:
            raise NotLetIn(error.kind, str(error)) from error
        if arrived is None:
            return None
        if not self._accounts.exists(arrived.account.name, arrived.account.id):
            raise Rejected('the account is gone')
        account = arrived.account
        return Identity(account.name, account.id, provider=arrived.provider, epoch=arrived.epoch)

    def _has_password_here(self, name: str) -> bool:
        is_name = names.is_account(name)
        return is_name and self._accounts.password_changed(name) > 0 and not self._directories.keeps(name)

    def recognise(self, credential: Credential, service: str = '') -> Identity:
        """Of a token alone: three reads, four for a refresh token.  `service` is whom that is to be for."""
        token = self._tokens.find(credential)
        if token is None:
            raise Rejected('no such token')
        if token.kind == 'refresh' and token.service != service:
            raise Rejected('the refresh token is for another service')
        identity = self._robot(credential, token) if token.kind == 'robot' else self._person(credential, token)
        self._tokens.note(credential.id)
        return identity

    def of_access_token(self, subject: str, credential: str) -> Identity:
        """Of what an access token says that it was given to, and for; it has been verified.  A read or two."""
        if not subject:
            return NOBODY
        namespace, name = names.split_robot(subject) or ('', '')
        if name:
            return Identity(subject, '', credential, _scopes(self._found_robot(namespace, name).scopes))
        held = records.find(self._store, keys.token(credential), Token) if credential else None
        if credential and held is None:
            raise Rejected('the token that it was given for is gone')
        return Identity(subject, '', credential, _scopes(held.scopes) if held else None)

    def _person(self, credential: Credential, token: Token) -> Identity:
        if not self._accounts.exists(token.holder, token.account):
            raise Rejected('the account of the token is gone')
        self._check_active(token.holder)
        # lists lag, so that revoking those that one shows does not end all of them
        if token.kind == 'refresh' and token.created < self._accounts.password_changed(token.holder):
            raise Rejected('the password has been changed since')
        if not self._recency.is_recent(token.holder):
            raise Rejected('he has not logged in by his provider for too long')
        return Identity(token.holder, token.account, credential.id, _scopes(token.scopes))

    def _robot(self, credential: Credential, token: Token) -> Identity:
        namespace, name = names.split_robot(token.holder) or ('', '')
        robot = self._found_robot(namespace, name)
        if robot.id != token.service:  # of a former one; the list by which its tokens were revoked may have lagged
            raise Rejected('the robot is gone')
        if namespace != names.LIBRARY and not self._accounts.exists(namespace, token.account):
            raise Rejected('the namespace of the robot is gone')
        self._check_active(namespace)
        return Identity(token.holder, token.account, credential.id, _scopes(robot.scopes))

    def _job(self, login: str, secret: str) -> Identity:
        """A robot, by the JWT of a job that may act as it."""
        namespace, name = names.split_robot(login) or ('', '')
        if not (names.is_part(name) and (namespace == names.LIBRARY or names.is_account(namespace))):
            raise Rejected('not the name of a robot')
        trust = self._trusts.recognise(namespace, name, secret)
        if not trust:
            raise Rejected('no job that may act as the robot')
        robot = self._found_robot(namespace, name)
        account = self._accounts.find(namespace)
        if account is None and namespace != names.LIBRARY:
            raise Rejected('the namespace of the robot is gone')
        self._check_active(namespace)
        return Identity(login, account.id if account else '', f'trust-{trust}', _scopes(robot.scopes))

    def _found_robot(self, namespace: str, name: str) -> Robot:
        robot = records.find(self._store, keys.robot(namespace, name), Robot)
        if robot is None:
            raise Rejected('the robot is gone')
        return robot

    def _check_active(self, user: str) -> None:
        if self._accounts.suspension(user) is not None:
            raise Suspended('suspended')

    # What he may do

    def narrow(self, identity: Identity, repository: str, actions: Iterable[str]) -> list[str]:
        """Those of the actions on a repository that are his; what a registry knows of ``*``."""
        wanted = list(actions)
        subject = self._subject(identity, repository)
        found = self._repositories.find(repository, for_member=subject.is_member)
        granted = policy.narrow(subject, wanted, found)
        most = policy.narrow(replace(subject, is_administrator=True), wanted, found)
        if granted != most and self._is_among_administrators(identity):
            granted = most
        if 'push' in granted:
            self._repositories.begin(found)
        return granted

    def may(self, identity: Identity, action: str, repository: str) -> bool:
        """Whether he may do one thing, a key of `policy.ACTIONS`."""
        subject = self._subject(identity, repository)
        found = self._repositories.find(repository, for_member=subject.is_member)
        if policy.may(subject, action, found):
            return True
        might = policy.may(replace(subject, is_administrator=True), action, found)
        return might and self._is_among_administrators(identity)

    def is_administrator(self, identity: Identity) -> bool:
        """Whether he administers the hub, and his token leaves that over: only one without scopes does."""
        return identity.scopes is None and self._is_among_administrators(identity)

    def _is_among_administrators(self, identity: Identity) -> bool:
        if not identity.name or names.ROBOT in identity.name:
            return False
        return self._accounts.is_administrator(identity.name)

    def owns(self, identity: Identity, namespace: str) -> bool:
        """Whether the namespace is his to administer; a token with scopes administers none."""
        if not identity.name or identity.scopes is not None or names.ROBOT in identity.name:
            return False
        if identity.name == namespace or self._organisations.place(namespace, identity.name).role == 'owner':
            return True
        return self.is_administrator(identity)

    def subject(self, identity: Identity, namespace: str) -> Subject:
        """What he is to all repositories of a namespace, to be asked `role` with: two list calls, and a read."""
        subject = self._in_namespace(identity, namespace)
        if self._is_among_administrators(identity):
            return replace(subject, is_administrator=True)
        return subject

    def role(self, subject: Subject, repository: policy.Repository) -> Role:
        """What such a subject, and his token, may do with one of them: a read, where that may make a difference."""
        left = _role_left(subject, repository)
        if subject.is_owner or subject.is_administrator or left is Role.ADMIN:
            return left
        return _role_left(self._with_collaboration(subject, repository.name), repository)

    def _subject(self, identity: Identity, repository: str) -> Subject:
        return self._with_collaboration(self._in_namespace(identity, names.namespace(repository)), repository)

    def _in_namespace(self, identity: Identity, namespace: str) -> Subject:
        subject = Subject(identity.name, scopes=identity.scopes)
        if not identity.name or subject.is_robot:
            return subject
        if identity.name == namespace:
            return replace(subject, is_owner=True)
        place = self._organisations.place(namespace, identity.name)
        if place.role == 'owner':
            return replace(subject, is_owner=True)
        grants = self._organisations.grants_of(namespace, place.teams)
        return replace(subject, is_member=bool(place.role), grants=tuple(grants))

    def _with_collaboration(self, subject: Subject, repository: str) -> Subject:
        if not subject.name or subject.is_robot or subject.is_owner:
            return subject
        role = self._repositories.collaborator(repository, subject.name)
        if role is Role.NONE:
            return subject
        return replace(subject, grants=(*subject.grants, Grant(repository, role)))


def _role_left(subject: Subject, repository: policy.Repository) -> Role:
    """The role whose actions he may do, all of them."""
    for action, role in (('administer', Role.ADMIN), ('push', Role.WRITE), ('pull', Role.READ)):
        if policy.may(subject, action, repository):
            return role
    return Role.NONE


def _scopes(given: Iterable[records.Scope] | None) -> tuple[policy.Scope, ...] | None:
    return None if given is None else tuple(scope.as_policy() for scope in given)
