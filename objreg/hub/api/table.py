"""All operations there are: each module that has some is named here, and nowhere else."""

from __future__ import annotations

from objreg.hub.api import (
    administration,
    audit,
    hooks,
    links,
    namespaces,
    organisations,
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
    users, sessions, links, signup, organisations, teams, namespaces, repositories, robots, trusts, hooks, audit,
    administration,
)
TABLE = tuple(OPERATIONS)
