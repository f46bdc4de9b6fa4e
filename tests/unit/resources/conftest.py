"""A client of a pipeline over a store in memory."""

import pytest

from tests.inprocess import Client


@pytest.fixture
def client():
    client = Client()
    yield client
    client.registry.close()
