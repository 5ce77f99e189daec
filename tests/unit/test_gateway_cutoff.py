"""The cut-off of the tail: the champion's p99 and the margin, frozen after so many runs."""

from math import inf

import pytest

from gateway.cutoff import Cutoff


def test_it_is_frozen_at_the_p99_of_the_first_runs() -> None:
    cutoff = Cutoff(0.25, runs=200)
    for seconds in range(199, 0, -1):
        cutoff.observe(float(seconds))
        assert cutoff.seconds == inf
    cutoff.observe(200.0)
    assert cutoff.seconds == pytest.approx(198 * 1.25)
    for _ in range(1_000):
        cutoff.observe(1e6)
    assert cutoff.seconds == pytest.approx(198 * 1.25)
