"""The description of the API is one, and tells of all of it."""

from __future__ import annotations

from openapi_spec_validator import OpenAPIV31SpecValidator

from objreg.hub.api.openapi import document
from objreg.hub.api.operation import PREFIX, Needs
from objreg.hub.api.table import TABLE
from tests.unit.hub.api.world import World


def test_it_is_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_it_has_every_operation() -> None:
    paths = document()['paths']
    for one in TABLE:
        found = paths[PREFIX + one.path][one.method.lower()]
        assert (found['operationId'], found['summary']) == (one.id, one.summary)
        assert found['summary'].endswith('.') or ';' in found['summary'], one.id
        assert [parameter['name'] for parameter in found['parameters']] == list(one.parameters)
        assert ('requestBody' in found) == (one.body is not None)
        assert ({} in found.get('security', [])) == (one.needs is Needs.NOTHING)
    assert sum(map(len, paths.values())) == len(TABLE) == len({one.id for one in TABLE})


def test_it_says_what_parameters_may_be() -> None:
    after, limit = document()['paths'][f'{PREFIX}/users']['get']['parameters']
    assert limit['schema'] == {'type': 'integer', 'minimum': 1, 'maximum': 500, 'default': 100}
    assert after['required'] is False


def test_whoever_asks_is_given_it(world: World) -> None:
    assert world.ask('', 'GET', '/openapi.json').data == document()
