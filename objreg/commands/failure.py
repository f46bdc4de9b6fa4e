"""How a command fails."""

from __future__ import annotations

import click


class Failed(click.ClickException):
    """An error in one line, and the exit status 1."""

    def format_message(self) -> str:
        return ' '.join(self.message.split())


class Misconfigured(Failed):
    """The same, and the exit status 2, of a command for which 1 is an answer."""

    exit_code = 2
