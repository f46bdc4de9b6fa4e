"""The keys that sign tokens: made, published, used, and taken away, each in its time, by any node.

A key is published `AHEAD` seconds before it signs, so that every registry has fetched it by then, and stays published
until the last token that it signed has expired.  Which one signs follows from the keys in the bucket alone: the newest
of those that were published long enough, or the oldest while all are new.  So two nodes that both make a key, because
they start at once or find the last one too old, do no harm.

A key's id is the fingerprint that Docker's registry up to 2.8 computes (libtrust), so that it finds the key in a bundle
of certificates; others take whatever id a JWKS says.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey

from objreg import libtrust
from objreg.auth.tokens import Algorithms
from objreg.hub import keys, records
from objreg.hub.records import SigningKey
from objreg.store import NotFound, Store

DAY = 86400
AHEAD = 2 * 3600
"""Longer than any registry keeps what it fetched (`objreg.auth.keysets`: an hour)."""
LAST_TOKENS = 8 * DAY
"""More than any token or session lives, after a key has signed its last one."""
_LOOK = 60.0
"""Seconds between two looks at the bucket."""
_LOOK_FOR_UNKNOWN = 1.0
ALGORITHMS = ('ES256', 'EdDSA')


class _Key(NamedTuple):
    created: int
    id: str
    key: Any
    algorithm: str


class Described(NamedTuple):
    """A key, for people; `signs`: new tokens are signed by it."""

    id: str
    created: int
    algorithm: str
    signs: bool


class Signing:
    """The keys under ``hub/signing/``.  `algorithm` is that of new ones; each signs for `days`."""

    def __init__(
        self, store: Store, *, algorithm: str = 'ES256', days: float = 30, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._algorithm = algorithm
        self._days = days
        self._clock = clock
        self._keys: list[_Key] = []
        self._looked = float('-inf')
        self._lock = Lock()

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT with these claims."""
        signing = self._current()
        header = {'typ': 'JWT', 'alg': signing.algorithm, 'kid': signing.key.kid}
        return jwt.encode(header, claims, signing.key, registry=_REGISTRY)

    def find(self, kid: str | None) -> list[Any]:
        """The keys of that id; all of them for None (`objreg.auth.keysets.Keys`).  Makes none."""
        self._look(_LOOK)
        found = self._of(kid)
        if not found:  # another node may have made it this moment
            self._look(_LOOK_FOR_UNKNOWN)
            found = self._of(kid)
        return found

    def jwks(self) -> dict[str, Any]:
        """All public keys, as RFC 7517 has them."""
        published = [(one.key.as_dict(private=False), one.algorithm) for one in self._renewed()]
        return {'keys': [{**public, 'use': 'sig', 'alg': algorithm} for public, algorithm in published]}

    def bundle(self) -> bytes:
        """The same as self-signed certificates (PEM), for Docker's registry up to 2.8 (``rootcertbundle``)."""
        return b''.join(_certificate(one) for one in self._renewed() if one.algorithm == 'ES256')

    def described(self) -> list[Described]:
        """The keys that there are, the oldest first."""
        found, current = self._renewed(), self._current()
        return [Described(str(one.key.kid), one.created, one.algorithm, one.id == current.id) for one in found]

    def rotate(self) -> str:
        """Make a key that signs from now on, and take all others away: their tokens are void.  Returns its id."""
        with self._lock:
            old = [keys.signing(one.id) for one in self._listed()]
            made = self._make()
            self._store.delete(old)
            self._keys, self._looked = [made], time.monotonic()
        return str(made.key.kid)

    def reload(self) -> None:
        """Look at the bucket now."""
        self._look(0)

    def _of(self, kid: str | None) -> list[Any]:
        return [one.key for one in self._keys if kid is None or one.key.kid == kid]

    def _current(self) -> _Key:
        """The key to sign with."""
        found = self._renewed()
        ready = [one for one in found if self._clock() - one.created >= AHEAD]
        return ready[-1] if ready else found[0]

    def _look(self, age: float) -> None:
        if time.monotonic() - self._looked < age:
            return
        with self._lock:
            if time.monotonic() - self._looked >= age:
                self._keys, self._looked = self._listed(), time.monotonic()

    def _renewed(self) -> list[_Key]:
        """What there is to be: a new key in time, and none that has no tokens left."""
        self._look(_LOOK)
        if self._is_due(self._keys):
            with self._lock:
                found = self._listed()  # another thread, or node, may have been here
                if not found or self._clock() - found[-1].created >= self._days * DAY - AHEAD:
                    found = [*found, self._make()]
                gone = _without_tokens(found, self._clock())
                self._store.delete([keys.signing(one.id) for one in gone])
                self._keys, self._looked = [one for one in found if one not in gone], time.monotonic()
        return self._keys

    def _is_due(self, found: list[_Key]) -> bool:
        now = self._clock()
        return not found or now - found[-1].created >= self._days * DAY - AHEAD or bool(_without_tokens(found, now))

    def _listed(self) -> list[_Key]:
        """The keys in the bucket, the oldest first.

        Each is read, since listings lag: they may show what was taken away, and not show what this node made.
        """
        ids = {entry.key.removeprefix(keys.SIGNING) for entry in self._store.list(keys.SIGNING)}
        ids.update(one.id for one in self._keys)
        found = [key for id in ids if (key := self._read(id)) is not None]
        return sorted(found, key=lambda one: (one.created, one.id))

    def _read(self, id: str) -> _Key | None:
        try:
            record = records.read(self._store, keys.signing(id), SigningKey)
        except NotFound:  # taken away since it was listed
            return None
        return _loaded(id, record)

    def _make(self) -> _Key:
        key: Any = OKPKey.generate_key('Ed25519') if self._algorithm == 'EdDSA' else ECKey.generate_key('P-256')
        created = int(self._clock())
        id = f'{created:012d}-{hashlib.sha256(libtrust.public_bytes(key)).hexdigest()[:16]}'
        record = SigningKey(jwk=key.as_dict(private=True), created=created)
        self._store.put(keys.signing(id), record.dump())
        return _loaded(id, record)


_REGISTRY = Algorithms(list(ALGORITHMS))


def _without_tokens(found: list[_Key], now: float) -> list[_Key]:
    """Keys whose last token has expired: the next one has long been signing."""
    return [one for one, after in pairwise(found) if now - after.created >= AHEAD + LAST_TOKENS]


def _loaded(id: str, record: SigningKey) -> _Key:
    kind, algorithm = (OKPKey, 'EdDSA') if record.jwk.get('kty') == 'OKP' else (ECKey, 'ES256')
    key: Any = kind.import_key({**record.jwk})
    return _Key(record.created, id, kind.import_key({**record.jwk, 'kid': libtrust.key_id(key)}), algorithm)


def _certificate(one: _Key) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'objreg')])
    begins = datetime.fromtimestamp(one.created, UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(one.key.public_key)
        .serial_number(int.from_bytes(hashlib.sha256(libtrust.public_bytes(one.key)).digest()[:8]) | 1)
        .not_valid_before(begins - timedelta(days=1)).not_valid_after(begins + timedelta(days=3650))
        .sign(one.key.private_key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
