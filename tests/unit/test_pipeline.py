"""A pipeline as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from objreg import pipeline
from objreg.config import ConfigError


class Layer:
    def __init__(self, app: Any, problem: str = '') -> None:
        self.app = app
        self.problem = problem
        self.count = 0

    def reload(self) -> None:
        self.count += 1
        if self.problem:
            raise ConfigError(self.problem)


def test_what_one_layer_cannot_read_again_keeps_no_other_from_it() -> None:
    last = Layer(None)
    first = Layer(Layer(object(), 'second'), 'first')
    first.app.app = last
    with pytest.raises(ConfigError, match='first'):
        pipeline.each(first, 'reload')
    assert (first.count, first.app.count, last.count) == (1, 1, 1)
    pipeline.each(last, 'reload')
    pipeline.each(last, 'drain')
