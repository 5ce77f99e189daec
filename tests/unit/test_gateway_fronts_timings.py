"""Times on the wire."""

import pytest

from gateway.call import Answer
from gateway.errors import Overloaded
from gateway.fronts.timings import microseconds, slowest


def answer(queue: float, total: float) -> Answer:
    return Answer({}, "", "champion", "1", "1", queue_time=queue, total_time=total)


@pytest.mark.parametrize(
    ("seconds", "count"), [(0.0, 0), (1.4e-6, 1), (1.6e-6, 2), (-1.0, 0), (1e9, 2**32 - 1), (0.25, 250_000)]
)
def test_microseconds_fit_their_field(seconds: float, count: int) -> None:
    assert microseconds(seconds) == count


def test_the_slowest_is_taken_stage_by_stage() -> None:
    slow = slowest([answer(1.0, 2.0), Overloaded(""), answer(0.5, 3.0)])
    assert slow is not None
    assert (slow.queue_time, slow.total_time) == (1.0, 3.0)
    assert slowest([Overloaded("")]) is None
