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
    teams,
    trusts,
    users,
)
from objreg.hub.api.operation import OPERATIONS

MODULES = (
    users, sessions, links, signup, mail, first, organisations, teams, namespaces, quotas, repositories, robots, trusts,
    hooks, audit, administration,
)
TABLE = tuple(OPERATIONS)
