"""Objreg under other WSGI servers, each with the configuration that `examples/` has for it."""

from __future__ import annotations

from tests.servers.registries import Objreg

SERVERS: dict[str, type[Objreg]] = {}
