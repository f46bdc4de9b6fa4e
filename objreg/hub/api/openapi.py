"""The table of operations as OpenAPI 3.1."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from objreg.hub.api.operation import PREFIX, Needs, Operation
from objreg.hub.api.table import TABLE
from objreg.hub.browser import SESSION

_PROBLEM = {
    'type': 'object', 'required': ['type', 'title', 'status', 'detail'],
    'properties': {
        'type': {'type': 'string'}, 'title': {'type': 'string'}, 'status': {'type': 'integer'},
        'detail': {'type': 'string'},
    },
}
_SECURITY: list[dict[str, list[str]]] = [{'password': []}, {'token': []}, {'session': []}]
_PLACES = '#/components/schemas/{name}'


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    types = [kind for one in TABLE for kind in (one.body, one.answer) if kind not in (None, type(None))]
    schemas, components = msgspec.json.schema_components(types, ref_template=_PLACES)
    described = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in TABLE:
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _described(one, described)
    described_all = {
        'openapi': '3.1.0',
        'info': {'title': 'objreg', 'version': version('objreg'), 'description': 'The hub: accounts, tokens, rights.'},
        'paths': paths,
        'components': {
            'schemas': {**components, 'Problem': _PROBLEM},
            'securitySchemes': {
                'password': {'type': 'http', 'scheme': 'basic'}, 'token': {'type': 'http', 'scheme': 'bearer'},
                'session': {'type': 'apiKey', 'in': 'cookie', 'name': SESSION[0]},
            },
        },
        'security': _SECURITY,
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(described_all))  # defaults may be tuples
    return plain


def _described(one: Operation, described: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        'operationId': one.id, 'summary': one.summary,
        'description': f'{one.description}\n\nFor {one.needs.value}.'.strip(),
        'parameters': [_parameter(one, name) for name in one.parameters],
        'responses': {
            str(one.status): {'description': 'Done.'},
            'default': {
                'description': 'A problem (RFC 9457).',
                'content': {'application/problem+json': {'schema': {'$ref': _PLACES.format(name='Problem')}}},
            },
        },
    }
    if one.needs is Needs.NOTHING:
        found['security'] = [{}, *_SECURITY]
    if one.body is not None:
        found['requestBody'] = {'required': True, 'content': _json(described[repr(one.body)])}
    if one.method == 'GET':
        found['responses']['304'] = {'description': 'It is what `If-None-Match` says.'}
    if repr(one.answer) in described:
        found['responses'][str(one.status)]['content'] = _json(described[repr(one.answer)])
    return found


def _json(schema: Any) -> dict[str, Any]:
    return {'application/json': {'schema': schema}}


def _parameter(one: Operation, name: str) -> dict[str, Any]:
    in_path = name in one.in_path
    schema = msgspec.json.schema(one.parameters[name])
    if not in_path:
        schema['default'] = one.defaults[name]
    return {'name': name, 'in': 'path' if in_path else 'query', 'required': in_path, 'schema': schema}
