"""An emulator of Cloud Storage, a bucket on it that one test has for itself, and the key of an account."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from objreg.drivers.gcs import MIB, GcsStore
from objreg.drivers.gcs_upload import PARTS

ACCOUNT = 'registry@example.iam.gserviceaccount.com'


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The key of the account: another one in each process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def account_key(**other: str) -> str:
    """The file that Google would give of it."""
    pem = private_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps({
        'type': 'service_account', 'project_id': 'example', 'private_key_id': 'k', 'private_key': pem.decode(),
        'client_email': ACCOUNT, 'client_id': '1', 'token_uri': 'http://127.0.0.1:9/token', **other,
    })


@dataclass(frozen=True)
class GcsBucket:
    """A bucket of an emulator."""

    endpoint: str
    name: str

    @classmethod
    def make(cls, endpoint: str) -> GcsBucket:
        """A new, empty one, made as an operator makes it."""
        made = cls(endpoint, f'test-{secrets.token_hex(6)}')
        made.own.setup()
        return made

    @property
    def options(self) -> dict[str, Any]:
        """What the `gcs` driver (a section of ``stores.yml``) takes."""
        return {'bucket': self.name, 'endpoint': self.endpoint, 'credentials': account_key()}

    def store(self, **other: Any) -> GcsStore:
        """A store object on it, with small parts."""
        return GcsStore(**{**self.options, 'part_size': MIB, **other})

    @cached_property
    def own(self) -> GcsStore:
        """One by which it is looked at."""
        return self.store()

    def names(self) -> list[str]:
        """All names in it, those of parts included."""
        return [name for page in self.own.pages_under('') for name, _ in page]

    def parts(self) -> list[str]:
        """The parts of uploads."""
        return [name for name in self.names() if PARTS in name]

    def empty(self) -> None:
        """Delete all that is in it."""
        self.own.delete_names(self.names())

    def remove(self) -> None:
        """Remove it with all that is in it."""
        self.empty()
        self.own.connection.client.bucket(self.name).delete(retry=None)
        self.own.close()
