"""A load is checked when it is made."""

import pytest

from loadtests.dialect import Target, dialect
from loadtests.generator import Load, generate


@pytest.mark.parametrize("wrong", [{"connections": 0}, {"streams": 0}, {"seconds": 0.0}, {"warm_up": -1.0}])
def test_a_load_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a load needs"):
        Load(**wrong)  # type: ignore[arg-type]  # numbers of either kind


def test_http_1_carries_one_call_at_a_time() -> None:
    with pytest.raises(ValueError, match="http carries one call at a time"):
        generate(Load(streams=2), dialect("http", Target("localhost", 1)), ("localhost", 1), [])
