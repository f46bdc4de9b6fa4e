"""The keys that sign tokens: made, published, used and taken away in their time, by any node."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from objreg.auth.tokens import Algorithms, TokenInvalid, Tokens
from objreg.drivers.memory import MemoryStore
from objreg.hub import keys
from objreg.hub.signing import AHEAD, DAY, LAST_TOKENS, Signing
from objreg.store import Store
from objreg.testing.faults import CountingStore, LaggingStore

START = 1_800_000_000
HOUR = 3600


class Time:
    """What time it is, as the test says."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def node(time: Time) -> Callable[..., Signing]:
    """Another node, on the store given."""
    return lambda store, **more: Signing(store, clock=time, **more)


def kid(token: str) -> str:
    found: str = jws.extract_compact(token.encode()).headers()['kid']
    return found


def is_good(token: str, published: dict[str, Any]) -> bool:
    """Whether who fetched these keys believes that token."""
    try:
        jwt.decode(token, KeySet.import_key_set(published), registry=Algorithms(['ES256', 'EdDSA']))
    except ValueError:  # no key of that id
        return False
    return True


def ids(published: dict[str, Any]) -> list[str]:
    return [key['kid'] for key in published['keys']]


def test_nodes_that_begin_at_once_believe_each_other(node: Callable[..., Signing]) -> None:
    """Each makes a key, as neither sees that of the other: both are published, and both are good."""
    store, barrier = MemoryStore(), Barrier(4)
    nodes = [node(store) for _ in range(4)]

    def begin(one: Signing) -> str:
        barrier.wait()
        return one.sign({'sub': 'alice'})

    with ThreadPoolExecutor(4) as threads:
        tokens = list(threads.map(begin, nodes))
    for one in [*nodes, node(store)]:
        one.reload()
        assert all(is_good(token, one.jwks()) for token in tokens)
        assert all(one.find(kid(token)) for token in tokens)
    assert len({kid(one.sign({})) for one in nodes}) == 1, 'all sign by the same, once they have looked'


def test_a_key_is_known_to_who_meets_it_at_once(node: Callable[..., Signing]) -> None:
    """A node that has looked a moment ago looks again for a key that it does not know."""
    store = MemoryStore()
    first, second = node(store), node(store)
    assert first.find('x') == []
    first._looked -= 2  # a second has passed
    token = second.sign({})
    assert [key.kid for key in first.find(kid(token))] == [kid(token)]


def test_a_key_is_published_before_it_signs_and_after_its_last_token(
    time: Time, node: Callable[..., Signing]
) -> None:
    """Two months in steps of 20 minutes: who fetched the keys within the hour finds the one that signs, who fetches
    them now finds that of each token that still lives; and there are never more than two."""
    store = MemoryStore()
    nodes = [node(store), node(store)]
    fetched: list[list[str]] = []
    signers: list[str] = []
    last = ''
    for step in range(65 * 24 * 3):
        one = nodes[step % 2]
        one.reload()
        token, published = one.sign({}), one.jwks()
        assert step % 100 or is_good(token, published)
        assert all(kid(token) in before for before in fetched[-3:]), step
        assert not last or kid(last) in ids(published), step
        assert len(ids(published)) <= 2
        if kid(token) not in signers[-1:]:
            signers.append(kid(token))
        last = token
        fetched.append(ids(published))
        time.now += HOUR / 3
    assert len(signers) == len(set(signers)) == 3, 'each signs for a month, and does not come back'


def test_a_key_ends_in_time_and_not_before(time: Time, node: Callable[..., Signing]) -> None:
    signing = node(MemoryStore(), days=2)
    first = signing.sign({})
    time.now = START + 2 * DAY - AHEAD - 1
    assert ids(signing.jwks()) == [kid(first)]
    time.now += 1
    assert len(ids(signing.jwks())) == 2, 'the next one is published'
    time.now += AHEAD - 1
    assert kid(signing.sign({})) == kid(first)
    time.now += 1
    second = signing.sign({})
    assert kid(second) != kid(first), 'and signs, once every registry has had the time to fetch it'
    time.now += LAST_TOKENS - 1
    assert is_good(first, signing.jwks())
    time.now += 1
    assert kid(first) not in ids(signing.jwks())
    assert is_good(second, signing.jwks())


def test_a_key_that_was_taken_away_is_taken_away_on_every_node(node: Callable[..., Signing]) -> None:
    """CVE-2025-22149: a key that is not in the set any more must not stay trusted."""
    store = MemoryStore()
    first, second = node(store), node(store)
    old = first.sign({'iss': 'i', 'aud': 'a', 'exp': 2**33})
    verifier = Tokens(second, 'i', 'a', ['ES256'], 0)
    verifier.verify(old)
    made = first.rotate()
    second.reload()
    assert ids(second.jwks()) == ids(first.jwks()) == [made]
    with pytest.raises(TokenInvalid):
        verifier.verify(old)
    verifier.verify(first.sign({'iss': 'i', 'aud': 'a', 'exp': 2**33}))
    assert len(list(store.list(keys.SIGNING))) == 1


def test_a_node_that_did_not_hear_of_it_forgets_the_key_within_a_minute(
    node: Callable[..., Signing], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, now = MemoryStore(), [100.0]
    monkeypatch.setattr('objreg.hub.signing.time.monotonic', lambda: now[0])
    first, second = node(store), node(store)
    old = kid(first.sign({}))
    assert second.find(old)
    first.rotate()
    now[0] += 60
    assert second.find(old) == []


def test_a_listing_that_lags_hides_no_key_that_a_node_made(time: Time, node: Callable[..., Signing]) -> None:
    lagging = LaggingStore(MemoryStore())
    one = node(lagging)
    token = one.sign({})
    one.reload()
    assert is_good(token, one.jwks()), 'it does not show what was written'
    lagging.catch_up()
    made = one.rotate()
    one.reload()
    assert ids(one.jwks()) == [made], 'it shows what was taken away'
    assert len(list(lagging.inner.list(keys.SIGNING))) == 1


def test_finding_a_key_makes_none(node: Callable[..., Signing]) -> None:
    """A registry reads: that somebody sends it a token writes nothing into the bucket."""
    store = MemoryStore()
    assert node(store).find(None) == node(store).find('x') == []
    assert list(store.list('')) == []


def test_keys_that_nobody_has_are_not_looked_for_at_each_request(node: Callable[..., Signing]) -> None:
    counting = CountingStore(MemoryStore())
    one = node(counting)
    token = one.sign({})
    counting.reset()
    for number in range(100):
        one.find(f'unknown{number}')
        one.find(kid(token))
        one.sign({})
    assert counting.calls.get('list', 0) <= 1


@pytest.mark.parametrize('algorithm', ['ES256', 'EdDSA'])
def test_the_key_set_is_public_and_says_what_it_is_for(node: Callable[..., Signing], algorithm: str) -> None:
    """RFC 7517: nothing of the private key."""
    store = MemoryStore()
    one = node(store, algorithm=algorithm)
    (published,) = one.jwks()['keys']
    assert published['alg'] == algorithm and published['use'] == 'sig'
    assert not set(published) & {'d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'}
    assert is_good(one.sign({}), one.jwks())
    assert jws.extract_compact(one.sign({}).encode()).headers() == {
        'typ': 'JWT', 'alg': algorithm, 'kid': published['kid']
    }


def test_an_id_is_a_fingerprint_as_libtrust_makes_it(node: Callable[..., Signing]) -> None:
    """docker/libtrust util.go, keyIDEncode: SHA-256 of the DER, 240 bits, base 32 in groups of four."""
    one = node(MemoryStore())
    certificate = x509.load_pem_x509_certificate(one.bundle())
    der = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode().rstrip('=')
    expected = ':'.join(re.findall('.{1,4}', text))
    assert ids(one.jwks()) == [expected]
    assert re.fullmatch(r'([A-Z2-7]{4}:){11}[A-Z2-7]{4}', expected)


def test_the_bundle_has_a_certificate_for_each_key(time: Time, node: Callable[..., Signing]) -> None:
    """Docker's registry up to 2.8 takes the public keys from it, and looks at neither names nor dates; others may."""
    one = node(MemoryStore(), days=2)
    one.sign({})
    time.now += 2 * DAY - AHEAD
    found = x509.load_pem_x509_certificates(one.bundle())
    assert len(found) == len(one.jwks()['keys']) == 2
    assert len({certificate.serial_number for certificate in found}) == 2
    for certificate in found:
        certificate.verify_directly_issued_by(certificate)
        assert certificate.not_valid_before_utc.timestamp() < time.now < certificate.not_valid_after_utc.timestamp()


def test_keys_of_another_algorithm_are_in_no_bundle(node: Callable[..., Signing]) -> None:
    """Go's crypto of those days would refuse the whole file."""
    assert node(MemoryStore(), algorithm='EdDSA').bundle() == b''


def test_a_change_of_the_algorithm_ends_no_token(time: Time, node: Callable[..., Signing]) -> None:
    store: Store = MemoryStore()
    old = node(store, days=2).sign({})
    time.now += 2 * DAY - AHEAD
    one = node(store, days=2, algorithm='EdDSA')
    one.jwks()
    time.now += AHEAD
    assert is_good(old, one.jwks()) and is_good(one.sign({}), one.jwks())
    assert [key['alg'] for key in one.jwks()['keys']] == ['ES256', 'EdDSA']
