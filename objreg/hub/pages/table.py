"""All pages there are: each module that has some is named here, and nowhere else."""

from __future__ import annotations

from objreg.hub.pages import accounts
from objreg.hub.pages.page import PAGES

MODULES = (accounts,)
TABLE = tuple(PAGES)
