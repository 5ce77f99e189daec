"""Settings of seats and hosts that cannot be."""

from typing import Any

import pytest

from gateway.backends.settings import HostSettings, SeatSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory_mb": 0},
        {"slots": 0},
        {"nice": -1},
        {"nice": 20},
        {"patience": 0.0},
        {"patience": float("nan")},
        {"cpus": (100_000,)},
        {"loading": 0.0},
        {"first_pause": 0.0},
        {"first_pause": 2.0, "longest_pause": 1.0},
    ],
)
def test_hosts_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a lane host"):
        HostSettings(**wrong)


@pytest.mark.parametrize("wrong", [{"wait": -1.0}, {"loop_run": -1.0}])
def test_seats_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not below zero"):
        SeatSettings(**wrong)
