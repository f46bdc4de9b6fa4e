"""What providers of all kinds are told: who of their people gets an account, and what their groups mean."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Targets = str | tuple[str, ...]
"""``acme`` or ``acme/core``, or several of them."""
Text = Annotated[str, Meta(min_length=1, max_length=2000)]


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all kinds have.

    `teams` says which group is which organisation (``acme``: a member) or team (``acme/core``); whoever is in the group
    `administrators` administers the hub; with `create` somebody new gets an account.
    """

    title: str = ''
    create: bool = False
    teams: dict[str, Targets] = {}
    administrators: str = ''

    def targets(self) -> dict[str, tuple[str, ...]]:
        """`teams`, each with all that it means."""
        return {group: (meant,) if isinstance(meant, str) else meant for group, meant in self.teams.items()}
