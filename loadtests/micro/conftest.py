"""What several micro-benchmarks share: an event loop of the worker's own kind, and the sizes of lists."""

import asyncio
from collections.abc import Iterator

import pytest
import uvloop

SIZES = (1, 16, 64)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop like a worker's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner.get_loop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever takes `rows` once for every size of a list."""
    if "rows" in metafunc.fixturenames:
        metafunc.parametrize("rows", SIZES)
