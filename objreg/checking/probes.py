"""Probes of single objects: whether the store is there, what lies in it, what can be written, and the clocks."""

from __future__ import annotations

import hashlib
import io
import os
import time
from email.utils import parsedate_to_datetime
from itertools import islice
from urllib.parse import urlsplit

import requests

from objreg.checking.findings import Found, State
from objreg.checking.scratch import Scratch
from objreg.store import CHUNK, Entry, Exists, NotFound, Refused, Unavailable

SKEWED = 60.0
"""Seconds by which clocks may differ before it matters: S3 refuses at 15 minutes, signed URLs end early before that."""
_ODD = ('a b+c%2Fd&e', "é~日本'(1)", '/'.join(['k' * 199] * 3))
"""Keys that proxies like to mend; the last is as long as the layout's longest."""


def reached(scratch: Scratch) -> Found:
    """Address, credentials, container."""
    with scratch.timed('check'):
        scratch.check()
    return Found(State.OK, 'it answers, and these credentials may list it')


def missing_keys(scratch: Scratch) -> Found:
    """A missing key is `NotFound`, not a refusal."""
    for call in (scratch.read, scratch.stat):
        try:
            call(scratch.key())
        except NotFound:
            continue
        return Found(State.WRONG, 'a key that nobody wrote has an object', 'nothing that is asked for can be believed')
    return Found(State.OK, 'they are told as missing')


def present(scratch: Scratch) -> Found:
    """Some of what lies there already is what its digest says."""
    entries, _ = scratch.page('blobs/', limit=100, detail=True)
    seen = 0
    for entry, algorithm, digest in islice(_contents(entries, scratch.bounds.size), 3):
        try:
            if scratch.digest(entry.key, algorithm) != digest:
                return Found(State.WRONG, f'{entry.key} is damaged', 'clients refuse it: delete it and push it again')
        except NotFound:
            continue  # deleted meanwhile, or the listing is late
        scratch.readable = (entry.key, algorithm, digest)
        seen += 1
    return Found(State.OK, f'{seen} of its blobs were read, each is what its digest says' if seen else 'no blob yet')


def _contents(entries: list[Entry], largest: int) -> list[tuple[Entry, str, str]]:
    found = []
    for entry in entries:
        parts = entry.key.split('/')
        if len(parts) == 4 and parts[1] in ('sha256', 'sha512') and entry.size is not None and entry.size <= largest:
            found.append((entry, parts[1], parts[3]))
    return found


def written(scratch: Scratch) -> Found:
    """One object can be put, and is there; all other probes that write wait for this one."""
    key, data = scratch.key(), os.urandom(1000)
    before = time.time()
    scratch.put(key, data)
    middle = (before + time.time()) / 2
    if scratch.read(key) != data:
        return Found(State.WRONG, 'what is read is not what was written', 'this store cannot be used')
    scratch.skew = scratch.stat(key).modified - middle
    return Found(State.OK, 'these credentials may write it')


def small_objects(scratch: Scratch) -> Found:
    """Put, read, ranges, stat, copy, list, delete: what pushes and pulls are made of."""
    objects = {scratch.key(): os.urandom(1000) for _ in range(2 * scratch.bounds.rounds)}
    wrong = []
    for key, data in objects.items():
        scratch.put(key, data)
    for key, data in objects.items():
        target = scratch.key()
        scratch.copy(key, target)
        right = {
            'a read': scratch.read(key) == data, 'a range': scratch.get(key, 10, 20).read() == data[10:20],
            'the end of a range': scratch.get(key, 990, 5000).read() == data[990:],
            'the size': scratch.stat(key).size == len(data), 'a copy': scratch.read(target) == data,
        }
        wrong += [what for what, is_right in right.items() if not is_right]
    scratch.delete(list(objects))
    scratch.delete(list(objects))
    if wrong:
        return Found(State.WRONG, f'{", ".join(sorted(set(wrong)))}: not what was written', 'pulls would be damaged')
    return Found(State.OK, 'they are written, read, copied and deleted as promised')


def odd_keys(scratch: Scratch) -> Found:
    """No proxy in between mends keys, and long ones fit."""
    folder = scratch.folder()
    for odd in _ODD:
        scratch.put(folder + odd, odd.encode())
        if scratch.read(folder + odd) != odd.encode():
            return Found(State.WRONG, f'under {odd[:40]!r} lies something else', _MENDED)

    expected = sorted(folder + odd for odd in _ODD)
    scratch.seconds_until(lambda: len(scratch.page(folder).entries) == len(expected))
    listed = [entry.key for entry in scratch.page(folder).entries]
    if not listed:
        return Found(State.SKIPPED, 'the listing is too late to tell')
    if listed != expected:
        return Found(State.WRONG, 'they are listed otherwise than they were written', _MENDED)
    return Found(State.OK, 'spaces, percent signs, other scripts and 600 bytes are kept')


_MENDED = 'something between here and the store rewrites paths: mend the proxy, or `endpoint`'


def clock(scratch: Scratch) -> Found:
    """Whether this machine and the store agree on the time."""
    if scratch.skew is None:
        return Found(State.SKIPPED, 'nothing was seen that tells the time of the store')
    seconds, way = abs(scratch.skew), 'ahead of' if scratch.skew > 0 else 'behind'
    if seconds > SKEWED:
        return Found(
            State.WRONG, f"the store's clock is {seconds:.0f} s {way} this machine's",
            'signed URLs end too early or too late and S3 refuses requests: set the clock of this machine, by NTP',
        )
    return Found(State.OK, f"it differs from this machine's by {seconds:.1f} s" if seconds >= 2 else 'they agree')


class _Spoiled(io.BytesIO):
    """Gives other bytes at each reading: hashed first and sent then, it is spoiled on its way."""

    readings = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.readings += not self.tell()
        return bytes([self.readings % 256]) * len(super().read(size))


def checksums(scratch: Scratch) -> Found:
    """Whether the server looks at the checksum that it is sent."""
    key, body = scratch.key(), _Spoiled(bytes(CHUNK))
    try:
        scratch.put(key, body, CHUNK)
    except (Unavailable, Refused):
        try:
            scratch.stat(key)
        except NotFound:
            return Found(State.OK, 'bytes that were spoiled on their way are refused')
        return Found(State.WRONG, 'spoiled bytes are refused, and stored all the same', 'this store cannot be used')
    if body.readings < 2:
        return Found(State.OK, 'its driver sends no checksum' if not scratch.capabilities.local else 'none is needed')
    return Found(
        State.LIMITED, 'bytes that were spoiled on their way are stored',
        'what is stored is verified by nobody but the clients that pull it: use TLS between here and the store',
    )


def signed_urls(scratch: Scratch) -> Found:
    """Whether a stranger gets content by a signed URL, and the right one."""
    if scratch.readable is None:
        return Found(State.SKIPPED, 'there is no content to be signed')
    key, algorithm, digest = scratch.readable
    with scratch.timed('sign'):
        url = scratch.url(key, 300)
    if url is None:
        scratch.found['presign'] = False
        if scratch.capabilities.presign:
            return Found(
                State.WRONG, 'declared but not found: no URL is given',
                'bytes go through objreg; `objreg store setup` makes the key that signs',
            )
        return Found(State.LIMITED, 'cannot sign, as declared', 'bytes go through objreg')
    try:
        status, told = _fetched(scratch, url, algorithm)
    except requests.RequestException as error:
        return _unreachable(url, error)
    scratch.found['presign'] = status == 200 and told == digest
    if scratch.found['presign']:
        return Found(State.OK, f'a stranger gets the content from {urlsplit(url).netloc}', 'pulls go to the store')
    if scratch.skew is not None and abs(scratch.skew) > SKEWED:
        meaning = "this machine's clock is wrong: set it, by NTP"
    else:
        meaning = 'pulls by redirect fail: mend what signs or `public_endpoint`, or set `redirect = never`'
    return Found(State.WRONG, f'answered with {status}' if status != 200 else 'other bytes are there', meaning)


def _fetched(scratch: Scratch, url: str, algorithm: str) -> tuple[int, str]:
    """Status and digest of what is there; the server's clock is noted."""
    hasher, size = hashlib.new(algorithm), 0
    began = time.perf_counter()
    with requests.Session() as session:
        session.trust_env = False  # no credentials of a .netrc: a stranger has none
        with session.get(url, stream=True, timeout=(5, 60), allow_redirects=False) as answer:
            for chunk in answer.iter_content(CHUNK):
                hasher.update(chunk)
                size += len(chunk)
            told = answer.headers.get('Date')
    scratch.note('signed GET', began, size)
    if told and scratch.skew is None:
        scratch.skew = parsedate_to_datetime(told).timestamp() - time.time()
    return answer.status_code, hasher.hexdigest()


def _unreachable(url: str, error: requests.RequestException) -> Found:
    """The error itself names the URL, which opens the object to whoever reads it."""
    host = urlsplit(url).netloc
    if isinstance(error, requests.exceptions.SSLError):
        return Found(
            State.WRONG, f'the certificate of {host} is not trusted by all',
            'clients have to trust it as well (and follow the redirect), or set `redirect = never`',
        )
    return Found(
        State.WRONG, f'{host} cannot be reached from here ({type(error).__name__})',
        'pulls by redirect fail unless clients can: mend `public_endpoint`, or set `redirect = never`',
    )


def taken_key(scratch: Scratch) -> Found | None:
    """What is wrong with an `if_absent` that comes second; None if nothing is."""
    key = scratch.key()
    scratch.put(key, b'first', if_absent=True)
    try:
        scratch.put(key, b'second', if_absent=True)
    except Exists:
        if scratch.read(key) == b'first':
            return None
    return Found(State.WRONG, 'a key that is taken is written over', 'nothing can be claimed: mend `preset`')
