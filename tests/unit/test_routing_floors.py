"""Who is away goes back; who was so for a moment, and whoever shares an outage with the champion, does not."""

from collections.abc import Sequence

import pytest

from routing.floors import FloorLimits, Floors
from routing.verdict import Verdict
from routing.window import Health, Window

WELL = Health(champion_runs=25, canary_runs=1)
UNASKED = Health(champion_runs=25)
AWAY = Health(champion_runs=25, canary_away=1)
BOTH = Health(champion_away=2, canary_away=2)


def found(spans: Sequence[Health]) -> Verdict | None:
    """Return the first thing that is found, looking after each of these half seconds."""
    floors = Floors(FloorLimits())
    for number, health in enumerate(spans, 1):
        floors.take(Window("w", number, number / 2, number / 2, health=health))
        if (said := floors.look(number / 2)) is not None:
            return said
    return None


def test_a_canary_that_is_asked_in_vain_for_two_seconds_is_away() -> None:
    said = found([WELL] * 9 + [AWAY] * 5)
    assert said is not None
    assert (said.guard, said.numbers) == ("away_runs", {"away": 5, "asked": 5})


@pytest.mark.parametrize("after", [[UNASKED] * 7, [WELL] * 7])
def test_one_that_was_away_for_a_moment_is_not(after: list[Health]) -> None:
    assert found([WELL] * 9 + [Health(champion_runs=25, canary_away=5)] + after) is None


def test_one_that_is_asked_seldom_is_away_when_it_is_asked_in_vain_again() -> None:
    assert found([WELL] * 9 + [AWAY, UNASKED] * 4) is None, "not often enough"
    assert found([WELL] * 9 + [AWAY, UNASKED] * 5) is not None


def test_an_outage_that_both_share_is_nobodys_though_the_champion_is_heard_of_first() -> None:
    busy = Health(champion_runs=400, canary_runs=20)
    assert found([busy, *[BOTH] * 5, Health(champion_runs=400, canary_away=1), busy]) is None
    assert found([busy, *[BOTH] * 5, *[Health(champion_runs=400, canary_away=1)] * 5]) is not None, (
        "by itself from then on"
    )
