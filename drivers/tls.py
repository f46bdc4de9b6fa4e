"""What a failed TLS handshake means, in words that an operator can act on."""

from __future__ import annotations

_MEANINGS = (
    ('certificate has expired', "the server's certificate has expired; renew it, unless this machine's clock is wrong"),
    ('certificate is not yet valid', "the server's certificate is not valid yet; set this machine's clock"),
    ('mismatch', "the server's certificate is of another host; mend {url}"),
    ("doesn't match", "the server's certificate is of another host; mend {url}"),
    ('verify failed', "the server's certificate is not trusted; mend ca_bundle"),
    ('wrong version number', 'there is no TLS at that port; mend {url}'),
    ('record layer failure', 'there is no TLS at that port; mend {url}'),
)


def meaning(error: BaseException, url: str) -> str:
    """What to mend; `url` is the option that says where the server is."""
    said = str(error)
    for text, sentence in _MEANINGS:
        if text in said:
            return sentence.format(url=url)
    return f'TLS failed; mend ca_bundle or {url}'
