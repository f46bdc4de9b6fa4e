"""Names of the blobs of the `azure` driver: keys, so written that Azure keeps them apart, in the order of their bytes.

Azure drops dots at the end of a component (``v1.`` would be ``v1``), takes a backslash for a slash, and sorts what is
not ASCII by units of UTF-16.  So three characters stand before two hexadecimal digits, for what they sort beside:

- ``!`` for control characters, the space and itself; ``[`` for itself and the backslash; ``~`` for itself and whatever
  is not ASCII, byte by byte;
- a dot at the end of the key is followed by ``!00``, which comes before all that could follow it, and one at the end of
  another component by ``.~ff``, which comes after: where the slash does.

Keys of objreg's own need none of it, but for tags that end with a dot.
"""

from __future__ import annotations

import re

LONGEST = 1024
"""Characters of the longest name that Azure takes."""
_PLAIN = re.compile(r'(?:[^\x00-!\[\\~-\U0010ffff.]|[.](?![/]|\Z))*')
_ESCAPED = re.compile(rb'[!\[~]([0-9a-f]{2})')


def _written(byte: int) -> str:
    for escape, first, last in (('!', 0, 0x21), ('[', 0x5b, 0x5c), ('~', 0x7e, 0xff)):
        if first <= byte <= last:
            return f'{escape}{byte:02x}'
    return chr(byte)


_WRITTEN = [_written(byte) for byte in range(256)]


def name_of(key: str) -> str:
    """The name of a blob."""
    return prefix_of(f'{key}\0' if key.endswith('.') else key)


def prefix_of(text: str) -> str:
    """What the names of all keys begin with that begin with `text` (and, after a dot at its end, names of others)."""
    if _PLAIN.fullmatch(text):
        return text
    return ''.join(map(_WRITTEN.__getitem__, text.encode().replace(b'./', b'..\xff/')))


def after(text: str) -> str:
    """Where the names begin of the keys after `text`, which itself is left out."""
    return f'{prefix_of(text)}!01'


def beyond(prefix: str) -> str:
    """Where the names begin of the keys after all that begin with `prefix`."""
    name = prefix_of(prefix)
    return name[:-1] + chr(ord(name[-1]) + 1)


def key_of(name: str) -> str:
    """The key of a name, or of a prefix of names."""
    if not set(name) & {'!', '[', '~'}:
        return name
    data = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), name.encode())
    data = data.replace(b'.\xff/', b'/')
    return (data[:-1] if data.endswith(b'.\0') else data).decode(errors='replace')
