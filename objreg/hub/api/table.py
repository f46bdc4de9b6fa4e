"""All operations there are: each module that has some is named here, and nowhere else."""

from __future__ import annotations

from objreg.hub.api import (
    administration,
    audit,
    first,
    hooks,
    links,
    mail,
    namespaces,
    organisations,
    quotas,
    repositories,
    robots,
    sessions,
    signup,
    stars,
    teams,
    trusts,
    users,
)
from objreg.hub.api.operation import OPERATIONS

MODULES = (
    users, sessions, links, signup, mail, first, organisations, teams, namespaces, quotas, repositories, stars, robots,
    trusts, hooks, audit, administration,
)
TABLE = tuple(OPERATIONS)
