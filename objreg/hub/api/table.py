"""All operations there are: each module that has some is named here, and nowhere else."""

from __future__ import annotations

from objreg.hub.api import users
from objreg.hub.api.operation import OPERATIONS

MODULES = (users,)
TABLE = tuple(OPERATIONS)
