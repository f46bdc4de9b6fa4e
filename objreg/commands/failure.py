"""How a command fails."""

from __future__ import annotations

import click


class Failed(click.ClickException):
    """An error in one line, and the exit status 1."""

    def format_message(self) -> str:
        return ' '.join(self.message.split())
