"""What the hub writes to people.

A link carries its code behind ``#``, which browsers keep to themselves: no server, proxy or log sees it.  Whoever
cannot follow it that way types the code on the page.
"""

from __future__ import annotations

from objreg.hub.smtp import Letter

FIRST, FORGOTTEN, JOIN, PASSWORD, ADDRESS = (
    '/hub/first', '/hub/forgotten', '/hub/join', '/hub/password', '/hub/address',
)
"""Pages that links lead to."""


def link(url: str, page: str, code: str) -> str:
    """The whole link; `url` is the hub's own."""
    return f'{url}{page}#{code}'


def reset(url: str, user: str, address: str, code: str, hours: int) -> Letter:
    """By which he sets a new password."""
    return Letter(address, f'A new password for {user}', _text(
        f'Somebody asked for a new password for {user} at {url}.',
        _link(url, PASSWORD, code, f'within {hours} hours'),
        'If that was not you, do nothing: the password stays as it is.',
    ))


def proof(url: str, user: str, address: str, code: str, days: int) -> Letter:
    """By which he proves that the address is his."""
    return Letter(address, f'Is this the address of {user}?', _text(
        f'{user} gave this address at {url}.',
        _link(url, ADDRESS, code, f'within {days} days'),
        'If that was not you, do nothing: the address is not used then.',
    ))


def changed(url: str, user: str, old: str) -> Letter:
    """That another address counts from now on, or none: to the one from before."""
    return Letter(old, f'The address of {user} was changed', _text(
        f'This address was that of {user} at {url}, and is not any more.',
        'If that was not you, ask an administrator of the registry for help.',
    ))


def invitation(url: str, address: str, code: str, days: int) -> Letter:
    """By which somebody makes his account."""
    return Letter(address, f'An invitation to {url}', _text(
        f'You are invited to make an account at {url}.', _link(url, JOIN, code, f'within {days} days'),
    ))


def _link(url: str, page: str, code: str, until: str) -> str:
    return f'Follow this link {until}:\n\n{link(url, page, code)}\n\nor type the code at {url}{page}:\n\n{code}'


def _text(*parts: str) -> str:
    return '\n\n'.join(parts) + '\n'
