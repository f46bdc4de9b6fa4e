"""Attacks on Bearer tokens, each with its precedent."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from objreg.access import access_of
from objreg.config import ConfigError
from objreg.middleware.auth import Auth
from objreg.testing.fakes import FakeApp
from tests.unit.middleware.calls import call
from tests.unit.middleware.keys import EC, ISSUER, REALM, RSA, SERVICE, grants, token, write_jwks

Ask = Callable[..., Any]
PULL = grants('team/app', 'pull')


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """A pull of team/app by a token; the answer."""
    app = FakeApp()
    layer = Auth(app, type='token', realm=REALM, issuer=ISSUER, service=SERVICE, jwks=write_jwks(tmp_path / 'jwks'))

    def request(text: str, path: str = '/v2/team/app/manifests/tag', method: str = 'GET') -> Any:
        answer = call(layer, path, method, HTTP_AUTHORIZATION=f'Bearer {text}')
        answer.subject = access_of(app.last).subject if answer.status_code == 200 else None
        return answer

    return request


def part(data: str | bytes) -> str:
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b'=').decode()


def sign(header: dict[str, Any], payload: dict[str, Any] | str | bytes, key: Any = RSA) -> str:
    """A token with any header and payload, that a library would refuse to make."""
    text = json.dumps(payload) if isinstance(payload, dict) else payload
    signing_input = f'{part(json.dumps(header))}.{part(text)}'
    return f'{signing_input}.{part(jws.JWSRegistry.algorithms[header["alg"]].sign(signing_input.encode(), key))}'


def raw(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b'') -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return '.'.join(base64.urlsafe_b64encode(part).rstrip(b'=').decode() for part in parts)


def claims(**more: Any) -> dict[str, Any]:
    return {'iss': ISSUER, 'aud': SERVICE, 'sub': 'mallory', 'exp': time.time() + 300, 'access': [PULL], **more}


def test_a_good_token_passes(ask: Ask) -> None:
    """Without which the others would prove nothing."""
    assert ask(token(PULL)).subject == 'alice'
    assert ask(token(PULL, key=EC, algorithm='ES256')).status_code == 200
    assert ask(token(PULL, aud=['other', SERVICE])).status_code == 200
    assert ask(token(access=None, scope='repository:team/app:pull,push')).status_code == 200
    assert ask(token(grants('team/app', '*')), method='DELETE').status_code == 200


def test_a_header_may_say_more_than_is_needed(ask: Ask) -> None:
    """Services send the chain of their certificates along: it is looked at by nobody."""
    header = {'alg': 'RS256', 'kid': 'one', 'typ': 'JWT', 'x5c': ['A' * 1600] * 3, 'made': 'by a service'}
    assert ask(sign(header, claims(access=[PULL]))).status_code == 200


@pytest.mark.parametrize('algorithm', ['none', 'None', 'NONE', 'nOnE', ''])
def test_no_token_without_a_signature(ask: Ask, algorithm: str) -> None:
    """CVE-2015-9235: ``alg: none``, in all spellings."""
    assert ask(raw({'alg': algorithm, 'kid': 'one'}, claims())).status_code == 401
    assert ask(raw({'alg': algorithm}, claims())).status_code == 401


@pytest.mark.parametrize('secret', ['pem', 'jwk'])
def test_the_public_key_is_no_secret_to_sign_with(ask: Ask, secret: str) -> None:
    """CVE-2016-10555, CVE-2024-54150: algorithm confusion, HMAC by the RSA key's public half."""
    data = RSA.as_pem(private=False) if secret == 'pem' else json.dumps(RSA.as_dict(private=False)).encode()
    signing_input = raw({'alg': 'HS256', 'kid': 'one'}, claims()).rpartition('.')[0]
    signature = hmac.digest(data, signing_input.encode(), 'sha256')
    assert ask(f'{signing_input}.{base64.urlsafe_b64encode(signature).rstrip(b"=").decode()}').status_code == 401


def test_no_shared_secret_can_be_configured(tmp_path: Path) -> None:
    options = {'realm': REALM, 'issuer': ISSUER, 'service': SERVICE, 'jwks': write_jwks(tmp_path / 'jwks')}
    for algorithm in ('HS256', 'none', 'RS1', 'dir'):
        with pytest.raises(ConfigError, match='^algorithms: '):
            Auth(FakeApp(), type='token', algorithms=f'RS256 {algorithm}', **options)
    with pytest.raises(ConfigError, match='^algorithms: '):
        Auth(FakeApp(), type='token', algorithms=' ', **options)


@pytest.mark.parametrize('where', ['jwk', 'x5c', 'jku', 'x5u'])
def test_a_token_does_not_bring_its_own_key(ask: Ask, where: str) -> None:
    """CVE-2018-0114, CVE-2025-24976: the key is the operator's, whatever the header says."""
    own = RSAKey.generate_key(2048, parameters={'kid': 'one'}, private=True)
    header = {'jwk': own.as_dict(private=False), 'x5c': ['AAAA'], 'jku': 'http://127.0.0.1:9/', 'x5u': 'http://127.0.0.1:9/'}
    given = {'alg': 'RS256', 'kid': 'one', where: header[where]}
    signed = jwt.encode(given, claims(), own, algorithms=['RS256'])
    assert ask(signed).status_code == 401


@pytest.mark.parametrize('kid', [
    '../../../../etc/passwd', "' OR 1=1 --", 'three', '', 7, None, ['one'], {'a': 1}, 'x' * 9999,
])
def test_a_key_id_finds_a_key_or_nothing(ask: Ask, kid: Any) -> None:
    """A ``kid`` is compared, and neither opened as a file nor asked of anything."""
    own = RSAKey.generate_key(2048, private=True)
    signing_input = raw({'alg': 'RS256', 'kid': kid}, claims()).rpartition('.')[0]
    signed = jwt.encode({'alg': 'RS256'}, claims(), own, algorithms=['RS256'])
    assert ask(f'{signing_input}.{signed.rpartition(".")[2]}').status_code == 401


@pytest.mark.parametrize('wrong', [
    {'iss': 'https://evil.example'}, {'iss': ISSUER + '/'}, {'iss': [ISSUER]}, {'iss': None},
    {'aud': 'other'}, {'aud': None}, {'aud': []}, {'aud': [SERVICE + '.evil']}, {'aud': 7},
    {'exp': 1}, {'exp': None}, {'exp': 'never'}, {'exp': True},
    {'exp': -1}, {'nbf': 9999999999}, {'iat': 9999999999}, {'access': {'type': 'repository'}}, {'access': ['x']},
    {'access': [{'type': 'repository', 'name': 7, 'actions': []}]}, {'access': [PULL] * 1001}, {'scope': ['x']},
])
def test_every_claim_counts(ask: Ask, wrong: dict[str, Any]) -> None:
    """CVE-2026-123710, RFC 8725 section 3.8 and 3.9: a token of another issuer, for another audience, or of another
    time is none."""
    assert ask(token(**{'access': [PULL], **wrong})).status_code == 401


@pytest.mark.parametrize('grant', [
    grants('team', 'pull'), grants('team/app2', 'pull'), grants('team/ap', 'pull'), grants('TEAM/APP', 'pull'),
    grants('team/app', 'push'), grants('team/app', 'PULL'), grants('team/*', 'pull'), grants('*', '*'), grants('', '*'),
    grants('team/app', 'pull', kind='registry'), grants('team/app', 'pull', kind='plugin'), grants('team/app/', 'pull'),
])
def test_a_token_for_another_repository_is_not_one_for_this(ask: Ask, grant: dict[str, Any]) -> None:
    """Names that are a prefix of one another, and patterns that nobody promised."""
    answer = ask(token(grant))
    assert answer.status_code == 401
    assert answer.headers['WWW-Authenticate'] == (
        f'Bearer realm="{REALM}",service="{SERVICE}",scope="repository:team/app:pull",error="insufficient_scope"'
    )


@pytest.mark.parametrize('text', [
    '{"alg":"RS256","kid":"one","alg":"none"}', '{"alg":"none","kid":"one","alg":"RS256"}',
    '\ufeff{"alg":"RS256","kid":"one"}', '{"alg":["RS256"],"kid":"one"}', '{"alg":{"RS256":1},"kid":"one"}',
    '{"ALG":"RS256","kid":"one"}', '{"alg":"rs256","kid":"one"}', '{"alg":"RS256\\u0000","kid":"one"}',
    '{"alg":"RS256","kid":"one","b64":false,"crit":["b64"]}', '{"alg":"RS256","kid":"one","b64":false}',
    '{"alg":"RS256","kid":"one","zip":"DEF"}', '{"alg":"RSA-OAEP","enc":"A256GCM","kid":"one","zip":"DEF"}',
    '{"alg":"RS256","kid":"one","a":' + '[' * 5000 + ']' * 5000 + '}',
    '{"alg":"RS256","kid":"one","a":' + '9' * 9000 + '}', '{"alg":"RS256","a":' + '[' * 9000,
    '[]', '7', 'null', '"alg"', '',
])
def test_no_header_makes_good_what_is_not_signed(ask: Ask, text: str) -> None:
    """Headers that are read twice, or in two ways; RFC 7797; nested or huge ones."""
    signing_input = f'{part(text)}.{part(json.dumps(claims(access=[PULL])))}'
    own = RSAKey.generate_key(2048, private=True)
    for key in (b'', jws.JWSRegistry.algorithms['RS256'].sign(signing_input.encode(), own), b'\0' * 256, b'\xff' * 256):
        assert ask(f'{signing_input}.{part(key)}').status_code == 401


@pytest.mark.parametrize('header', [
    {'b64': False, 'crit': ['b64']}, {'b64': False}, {'crit': ['exp']}, {'crit': 'exp'}, {'crit': [['alg']]},
    {'crit': 7},
])
def test_a_header_that_changes_what_is_signed_is_refused_though_it_is_signed(ask: Ask, header: dict[str, Any]) -> None:
    """RFC 7797 section 7, RFC 7515 section 4.1.11."""
    assert ask(sign({'alg': 'RS256', 'kid': 'one', **header}, claims(access=[PULL]))).status_code == 401


@pytest.mark.parametrize('payload', [
    '[]', '7', 'null', '', '{', b'\xff\xfe', '{"a":' + '[' * 5000 + ']' * 5000 + '}',
])
def test_what_is_signed_and_no_object_is_refused(ask: Ask, payload: str | bytes) -> None:
    """Class of CVE-2024-34155: nesting that exhausts the stack ends in a 401, not in a 500."""
    assert ask(sign({'alg': 'RS256', 'kid': 'one'}, payload)).status_code == 401


@pytest.mark.parametrize('change', [
    lambda text: text + '=', lambda text: text + '==', lambda text: text.replace('.', '=.', 1),
    lambda text: text.replace('-', '+').replace('_', '/'), lambda text: text[:50] + '\n' + text[50:],
    lambda text: text + '.', lambda text: '.' + text, lambda text: f'{text},{text}', lambda text: f'{text} x',
    lambda text: f'"{text}"', lambda text: text + '\t', lambda text: text + '\n', lambda text: text.replace('.', '..'),
])
def test_a_token_has_one_spelling(ask: Ask, change: Callable[[str], str]) -> None:
    """RFC 7515 appendix C: what a lenient decoder forgives, a list of withdrawn tokens would miss."""
    good = sign({'alg': 'RS256', 'kid': 'one'}, claims(access=[PULL], jti='-_' * 9 + '?>'))
    assert ask(good).status_code == 200
    if change(good) != good:
        assert ask(change(good)).status_code == 401


@pytest.mark.parametrize(('key', 'algorithm'), [
    (EC, 'RS256'), (RSA, 'ES256'), (RSA, 'EdDSA'), (RSA, 'PS256'), (RSA, 'RS512'),
])
def test_a_key_is_good_for_its_own_algorithm(ask: Ask, key: Any, algorithm: str) -> None:
    """CVE-2016-10555 among keys of a pair: the algorithm is the operator's choice, and has to fit the key."""
    other = {'EdDSA': OKPKey.generate_key('Ed25519'), 'ES256': ECKey.generate_key('P-256')}.get(algorithm, RSA)
    assert ask(sign({'alg': algorithm, 'kid': key.kid}, claims(access=[PULL]), other)).status_code == 401


@pytest.mark.parametrize('algorithm', ['Ed25519', 'EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'RS512'])
def test_each_algorithm_that_is_offered_works(tmp_path: Path, algorithm: str) -> None:
    curve = {'ES256': 'P-256', 'ES384': 'P-384', 'ES512': 'P-521'}
    key: Any = RSA
    if algorithm in curve:
        key = ECKey.generate_key(curve[algorithm], parameters={'kid': 'x'})
    elif algorithm.startswith('Ed'):
        key = OKPKey.generate_key('Ed25519', parameters={'kid': 'x'})
    layer = Auth(
        FakeApp(), type='token', realm=REALM, issuer=ISSUER, service=SERVICE, algorithms=algorithm,
        jwks=write_jwks(tmp_path / 'jwks', key),
    )
    good = sign({'alg': algorithm, 'kid': key.kid}, claims(access=[PULL]), key)
    assert call(layer, '/v2/team/app/manifests/tag', HTTP_AUTHORIZATION=f'Bearer {good}').status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(['RS256', 'one']),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4), max_leaves=8,
)
HEADERS = JSON | st.fixed_dictionaries({'alg': st.just('RS256') | JSON}, optional={
    'kid': st.just('one') | JSON, 'crit': JSON, 'typ': JSON, 'jwk': JSON, 'x5c': JSON, 'jku': JSON, 'cty': JSON,
})
CLAIMS = JSON | st.fixed_dictionaries({}, optional={
    name: JSON | st.just(value) for name, value in claims().items()
} | {'nbf': JSON, 'iat': JSON, 'scope': JSON, 'access': st.lists(JSON) | st.lists(st.fixed_dictionaries(
    {}, optional={'type': st.just('repository') | JSON, 'name': JSON, 'actions': JSON},
))})


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HEADERS, CLAIMS)
def test_no_header_and_no_claims_get_more_than_an_answer(ask: Ask, header: Any, payload: Any) -> None:
    """Unsigned they are worth nothing, whatever they say; and neither way there is a 500."""
    signing_input = f'{part(json.dumps(header))}.{part(json.dumps(payload))}'
    assert ask(f'{signing_input}.AAAA').status_code == 401
    assert ask(sign({'alg': 'RS256', 'kid': 'one'}, json.dumps(payload))).status_code in (200, 401)


def test_no_bit_of_a_token_may_change(ask: Ask) -> None:
    good = token(PULL, key=EC, algorithm='ES256')
    for index in range(0, len(good), 7):
        if good[index] == '.' or index + 1 == len(good) or good[index + 1] == '.':
            continue  # the last character of a part has bits that mean nothing
        changed = good[:index] + ('A' if good[index] != 'A' else 'B') + good[index + 1:]
        assert ask(changed).status_code == 401, index


@pytest.mark.parametrize('text', [
    '', '.', '..', '...', 'a.b.c', 'x' * 20_000, 'é.é.é', '\0', '{}', 'e30.e30.', 'W10.W10.W10', 'a.b.c.d.e',
    base64.urlsafe_b64encode(b'{"alg":"RS256","alg":"none"}').decode() + '.e30.',
])
def test_nonsense_is_no_token(ask: Ask, text: str) -> None:
    assert ask(text).status_code == 401


def test_an_extension_that_must_be_understood_is_not_ignored(ask: Ask) -> None:
    """RFC 7515 section 4.1.11: ``crit``, and CVE-2025-59420."""
    header = {'alg': 'RS256', 'kid': 'one', 'crit': ['x-only-on-sundays'], 'x-only-on-sundays': True}
    signing_input = raw(header, claims()).rpartition('.')[0]
    signature = jws.JWSRegistry.algorithms['RS256'].sign(signing_input.encode(), RSA)
    signed = f'{signing_input}.{base64.urlsafe_b64encode(signature).rstrip(b"=").decode()}'
    assert ask(signed).status_code == 401


def test_the_keys_of_before_stay_when_the_service_is_gone(tmp_path: Path) -> None:
    path = tmp_path / 'jwks'
    layer = Auth(FakeApp(), type='token', realm=REALM, issuer=ISSUER, service=SERVICE, jwks=write_jwks(path))
    pull = '/v2/team/app/manifests/tag'
    assert call(layer, pull, HTTP_AUTHORIZATION=f'Bearer {token(PULL)}').status_code == 200
    path.write_text('{')
    with pytest.raises(ConfigError, match=f'^jwks: {path}'):
        layer.reload()
    assert call(layer, pull, HTTP_AUTHORIZATION=f'Bearer {token(PULL)}').status_code == 200
    write_jwks(path, EC)
    layer.reload()
    assert call(layer, pull, HTTP_AUTHORIZATION=f'Bearer {token(PULL)}').status_code == 401


def test_a_missing_file_of_keys_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / 'missing'
    with pytest.raises(ConfigError, match=f'^jwks: {path}: No such file'):
        Auth(FakeApp(), type='token', realm=REALM, issuer=ISSUER, service=SERVICE, jwks=str(path))


@pytest.mark.parametrize('source', [
    'http://tokens.example/jwks', 'ftp://tokens.example/jwks', 'file:///etc/passwd',
    'https://user:secret@tokens.example/jwks', 'http://user:secret@tokens.example/jwks',
])
def test_keys_do_not_come_over_the_network_in_the_clear(source: str) -> None:
    with pytest.raises(ConfigError, match='^jwks: ') as error:
        Auth(FakeApp(), type='token', realm=REALM, issuer=ISSUER, service=SERVICE, jwks=source)
    assert 'secret' not in str(error.value)
