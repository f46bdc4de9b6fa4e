"""What a failed TLS handshake means."""

from __future__ import annotations

import pytest

from objreg.drivers import tls


@pytest.mark.parametrize(('said', 'meaning'), [
    ('[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:992)', 'has expired'),
    ('certificate verify failed: certificate is not yet valid', "set this machine's clock"),
    ("certificate verify failed: IP address mismatch, certificate is not valid for '127.0.0.1'", 'mend endpoint'),
    ("hostname 'a' doesn't match 'b'", 'mend endpoint'),
    ('certificate verify failed: self-signed certificate', 'mend ca_bundle'),
    ('[SSL: WRONG_VERSION_NUMBER] wrong version number', 'no TLS at that port; mend endpoint'),
    ('EOF occurred in violation of protocol', 'mend ca_bundle or endpoint'),
])
def test_it_is_told_in_words_that_name_what_to_mend(said: str, meaning: str) -> None:
    assert meaning in tls.meaning(OSError(said), 'endpoint')
