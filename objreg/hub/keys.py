"""Every key of the hub is built here and nowhere else.

::

    hub/accounts/<canonical name>                  that a name is taken, by whom, since when; replaced when
                                                   the account is deleted, and never taken away
    hub/locks/<canonical name>                     a timed lock while a name is taken, on stores that need one
    hub/people/<user>/password                     the hash of his password, and when it was set
    hub/people/<user>/profile                      the e-mail address that he says, and what he calls himself
    hub/people/<user>/mailbox                      the address that he proved to be his
    hub/people/<user>/waiting                      the password that he will have once he proved one
    hub/people/<user>/suspended                    that he may do nothing for now
    hub/people/<user>/administrator                that he administers the hub
    hub/people/<user>/administrator-by/<provider>  the same, because a provider says so
    hub/people/<user>/links/<sha256>               that he logs in by a provider, for lists
    hub/people/<user>/said/<provider>/<time>-<id>  what a provider said of him when he logged in: of his groups
    hub/links/<sha256>                             whom a provider means by an issuer and a subject; one account
    hub/people/<user>/epoch                        another one whenever all his sessions end
    hub/mail/<sha256>                              who may have the address of that hash; means nothing by itself
    hub/administered                               that there has been an administrator
    hub/first/<number>                             who is about to become the first one
    hub/sessions/<until>/<id>                      that a session was logged out; until it would have expired
    hub/members/<organisation>/<user>/member       that he is in the organisation
    hub/members/<organisation>/<user>/owner        that he owns it, besides
    hub/members/<organisation>/<user>/team-<team>  that he is in one of its teams
    hub/members/<organisation>/<user>/login-<provider>/member         the same two, because a provider
    hub/members/<organisation>/<user>/login-<provider>/team-<team>    says so: they go when it says so no more
    hub/organisations/<user>/<organisation>        the same, seen from him, for lists
    hub/founding/<user>/<organisation>             that he is about to make it; it grants nothing by itself
    hub/teams/<organisation>/<team>                a team
    hub/grants/<organisation>/<team>/<role>/<pattern>      what a team may do
    hub/namespaces/<name>                          what holds for new repositories and for members
    hub/quotas/<namespace>                         how much may lie in it
    hub/repositories/<name>/_visibility            public, internal or private
    hub/repositories/<name>/_collaborators/<user>  what he may do with this one
    hub/repositories/<name>/_stars/<user>          that he likes it
    hub/people/<user>/stars/<name>                 the same, seen from him, for lists; the name is encoded
    hub/announced/<name>/_lists/<time>-<sha256>    images that a push of the first version of the API announced
    hub/tokens/<id>                                a token, hashed
    hub/holders/<name>/<id>                        that he holds it, for lists
    hub/used/<id>/<day>                            that a token was used that day
    hub/robots/<namespace>/<robot>                 a robot
    hub/trusts/<namespace>/<robot>/<id>            that jobs of another service may act as a robot
    hub/codes/<id>                                 an invitation, or a permission to set a new password; hashed
    hub/codes/<id>/used                            that somebody used it, and for what
    hub/signing/<id>                               a key that signs tokens
    hub/denied/<until>/<kind>-<value>              that tokens issued before are not to be accepted, until they expire
    hub/webhooks/<namespace>/<id>                  who is told of what happens
    hub/queue/<due>/<event>-<webhook>              what he is to be told, and when
    hub/claims/<due>/<event>-<webhook>             that a node is telling him
    hub/attempts/<namespace>/<webhook>/<time>-…    how it went
    hub/audit/<time>-<random>                      who did what

A component of a name never begins with ``_``, and ``<pattern>`` is encoded, so that no name can collide with a key;
every prefix that is listed ends with ``/``, so that no name is taken for one that begins like it.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from objreg.hub.names import canonical

HUB = 'hub/'
ACCOUNTS = 'hub/accounts/'
ADMINISTERED = 'hub/administered'
AUDIT = 'hub/audit/'
BY_LOGIN = 'login-'
CODES = 'hub/codes/'
DENIED = 'hub/denied/'
ENDED = 'hub/sessions/'
PEOPLE = 'hub/people/'
QUEUE = 'hub/queue/'
SIGNING = 'hub/signing/'


def account(name: str) -> str:
    """That a name is taken."""
    return ACCOUNTS + canonical(name)


def lock(name: str) -> str:
    """The lock while it is being taken."""
    return f'hub/locks/{canonical(name)}'


def password(user: str) -> str:
    """The hash of a password."""
    return f'hub/people/{user}/password'


def profile(user: str) -> str:
    """What else is known of somebody."""
    return f'hub/people/{user}/profile'


def mailbox(user: str) -> str:
    """The address that somebody proved to be his."""
    return f'hub/people/{user}/mailbox'


def waiting(user: str) -> str:
    """The password that somebody will have once he proved an address."""
    return f'hub/people/{user}/waiting'


def mail(sha256: str) -> str:
    """Who may have the address of that hash."""
    return f'hub/mail/{sha256}'


def first(number: int) -> str:
    """Who is about to become the first administrator; the next number counts where this one cannot any more."""
    return f'hub/first/{number:03d}'


def suspended(user: str) -> str:
    """That somebody may do nothing for now."""
    return f'hub/people/{user}/suspended'


def administrator(user: str) -> str:
    """That somebody administers the hub."""
    return f'hub/people/{user}/administrator'


def is_administrator(key: str) -> bool:
    """Whether that is a key that `administrator` makes, or `administrator_by`."""
    return key.startswith(PEOPLE) and key.split('/')[3] in ('administrator', 'administrator-by')


def administrator_by(user: str, provider: str) -> str:
    """That somebody administers the hub because a provider says so."""
    return f'{administrator(user)}-by/{provider}'


def link(id: str) -> str:
    """Whom a provider means."""
    return f'hub/links/{id}'


def links(user: str) -> str:
    """The prefix of the ways by which somebody logs in."""
    return f'hub/people/{user}/links/'


def linked(user: str, id: str) -> str:
    """That somebody logs in by a link."""
    return links(user) + id


def said(user: str, provider: str) -> str:
    """The prefix of what a provider said of somebody."""
    return f'hub/people/{user}/said/{provider}/'


def said_at(user: str, provider: str, time: int, id: str) -> str:
    """What it said at that second since the epoch; of one second they sort by their ids."""
    return f'{said(user, provider)}{time:012d}-{id}'


def epoch(user: str) -> str:
    """What all sessions of somebody end with."""
    return f'hub/people/{user}/epoch'


def person(user: str) -> str:
    """The prefix of all that is known of somebody."""
    return f'hub/people/{user}/'


def members(organisation: str) -> str:
    """The prefix of all members of an organisation."""
    return f'hub/members/{organisation}/'


def member(organisation: str, user: str) -> str:
    """The prefix of what a user is in an organisation."""
    return f'hub/members/{organisation}/{user}/'


def membership(organisation: str, user: str, role: str) -> str:
    """That a user is ``owner`` or ``member``."""
    return member(organisation, user) + role


def in_team(organisation: str, user: str, team: str) -> str:
    """That a user is in a team."""
    return f'{member(organisation, user)}team-{team}'


def by_login(organisation: str, user: str, provider: str, fact: str = '') -> str:
    """What a provider says of a user there, ``member`` or ``team-<team>``; without a fact, the prefix of it."""
    return f'{member(organisation, user)}{BY_LOGIN}{provider}/{fact}'


def organisations(user: str) -> str:
    """The prefix of the organisations of a user."""
    return f'hub/organisations/{user}/'


def organisation(user: str, organisation: str) -> str:
    """That a user is in an organisation."""
    return organisations(user) + organisation


def foundings(user: str) -> str:
    """The prefix of what a user is about to make."""
    return f'hub/founding/{user}/'


def founding(user: str, organisation: str) -> str:
    """That a user is about to make an organisation."""
    return foundings(user) + organisation


def teams(organisation: str) -> str:
    """The prefix of the teams of an organisation."""
    return f'hub/teams/{organisation}/'


def team(organisation: str, team: str) -> str:
    """A team."""
    return teams(organisation) + team


def grants(organisation: str) -> str:
    """The prefix of what the teams of an organisation may do."""
    return f'hub/grants/{organisation}/'


def grant(organisation: str, team: str, role: str, pattern: str) -> str:
    """That a team has a role on names that match a pattern."""
    return f'{grants(organisation)}{team}/{role}/{quote(pattern, safe="")}'


def parse_grant(key: str) -> tuple[str, str, str]:
    """Team, role and pattern of a key that `grant` makes."""
    team, role, pattern = key.split('/')[3:]
    return team, role, unquote(pattern)


def namespace(name: str) -> str:
    """The settings of a namespace."""
    return f'hub/namespaces/{name}'


def quota(namespace: str) -> str:
    """How much may lie in a namespace."""
    return f'hub/quotas/{namespace}'


def visibility(repository: str) -> str:
    """Who sees a repository."""
    return f'hub/repositories/{repository}/_visibility'


def collaborators(repository: str) -> str:
    """The prefix of the collaborators of a repository."""
    return f'hub/repositories/{repository}/_collaborators/'


def collaborator(repository: str, user: str) -> str:
    """A collaborator of a repository."""
    return collaborators(repository) + user


def stars(repository: str) -> str:
    """The prefix of those who like a repository."""
    return f'hub/repositories/{repository}/_stars/'


def star(repository: str, user: str) -> str:
    """That somebody likes it."""
    return stars(repository) + user


def stars_of(user: str) -> str:
    """The prefix of what somebody likes."""
    return f'{person(user)}stars/'


def starred(user: str, repository: str) -> str:
    """That somebody likes a repository, seen from him."""
    return stars_of(user) + quote(repository, safe='')


def parse_starred(text: str) -> str:
    """The repository, of what follows `stars_of` in a key that `starred` makes."""
    return unquote(text)


def announced(repository: str) -> str:
    """The prefix of the lists of images that were announced for a repository."""
    return f'hub/announced/{repository}/_lists/'


def announcement(repository: str, milliseconds: int, sha256: str) -> str:
    """One of them: when it came, since the epoch, and the digest of what it lists."""
    return f'{announced(repository)}{milliseconds:015d}-{sha256}'


def token(id: str) -> str:
    """A token."""
    return f'hub/tokens/{id}'


def holder(name: str) -> str:
    """The prefix of the tokens that somebody, or a robot, holds."""
    return f'hub/holders/{name}/'


def held(name: str, id: str) -> str:
    """That somebody holds a token."""
    return holder(name) + id


def used(id: str) -> str:
    """The prefix of the days when a token was used."""
    return f'hub/used/{id}/'


def used_on(id: str, day: str) -> str:
    """That a token was used on a day (``2026-01-31``)."""
    return used(id) + day


def robots(namespace: str) -> str:
    """The prefix of the robots of a namespace."""
    return f'hub/robots/{namespace}/'


def robot(namespace: str, name: str) -> str:
    """A robot."""
    return robots(namespace) + name


def trusts(namespace: str, robot: str) -> str:
    """The prefix of the jobs that may act as a robot."""
    return f'hub/trusts/{namespace}/{robot}/'


def trust(namespace: str, robot: str, id: str) -> str:
    """That some jobs may act as a robot."""
    return trusts(namespace, robot) + id


def code(id: str) -> str:
    """What somebody was sent, to be let in once."""
    return CODES + id


def code_used(id: str) -> str:
    """That somebody used it."""
    return f'{code(id)}/used'


def signing(id: str) -> str:
    """A key that signs tokens."""
    return SIGNING + id


def denied(until: int, kind: str, value: str) -> str:
    """That tokens are not to be accepted until that second since the epoch."""
    return f'{DENIED}{until:012d}/{kind}-{value}'


def parse_denied(key: str) -> tuple[int, str, str]:
    """Until when, the kind and the value of a key that `denied` makes."""
    until, _, rest = key.removeprefix(DENIED).partition('/')
    kind, _, value = rest.partition('-')
    return int(until), kind, value


def ended(until: int, session: str) -> str:
    """That a session was logged out, which would have lasted until that second since the epoch."""
    return f'{ENDED}{until:012d}/{session}'


def ended_until(key: str) -> int:
    """Until when a key that `ended` makes means anything."""
    return int(key.removeprefix(ENDED).partition('/')[0])


def audit(time: str, random: str) -> str:
    """An event, at ``20260131T235959.123456Z``."""
    return f'{AUDIT}{time}-{random}'


def webhooks(namespace: str) -> str:
    """The prefix of the webhooks of a namespace."""
    return f'hub/webhooks/{namespace}/'


def webhook(namespace: str, id: str) -> str:
    """A webhook."""
    return webhooks(namespace) + id


def queued(due: int, name: str) -> str:
    """What is to be told at that second since the epoch."""
    return f'{QUEUE}{due:012d}/{name}'


def due(key: str) -> int:
    """When a key that `queued` makes is due."""
    return int(key.removeprefix(QUEUE).partition('/')[0])


def claimed(key: str) -> str:
    """That a node is telling what a key that `queued` makes says."""
    return f'hub/claims/{key.removeprefix(QUEUE)}'


def attempts(namespace: str, webhook: str) -> str:
    """The prefix of how it went to tell one."""
    return f'hub/attempts/{namespace}/{webhook}/'
