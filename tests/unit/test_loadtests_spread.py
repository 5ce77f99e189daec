"""The middle of a few rounds and its interval; two measured in turn; seats."""

import pytest

from loadtests.in_turn import in_turn
from loadtests.seats import Seats, seats_for, unseated
from loadtests.spread import spread


def test_few_rounds_span_their_interval_and_say_what_it_is_worth() -> None:
    three = spread([3.0, 1.0, 2.0])
    assert (three.median, three.low, three.high, three.coverage) == (2.0, 1.0, 3.0, 0.75)
    assert spread([5.0]).coverage == 0.0
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]).coverage == 0.9375


def test_many_rounds_leave_their_ends_out_and_still_cover_95_percent() -> None:
    twenty = spread([float(number) for number in range(1, 21)])
    assert (twenty.median, twenty.low, twenty.high) == (10.5, 6.0, 15.0)
    assert twenty.coverage == pytest.approx(0.9586, abs=1e-4)


def test_no_rounds_have_no_median() -> None:
    with pytest.raises(ValueError, match="no rounds"):
        spread([])


def test_two_take_turns_at_being_first() -> None:
    order: list[str] = []

    def run(name: str) -> str:
        order.append(name)
        return name

    pairs = in_turn(lambda: run("a"), lambda: run("b"), 3, lambda _: None)
    assert "".join(order) == "abbaab"
    assert (pairs.first, pairs.second) == (["a"] * 3, ["b"] * 3)


def test_ratios_are_taken_pair_by_pair_and_a_round_without_one_is_named() -> None:
    numbers = iter([2.0, 1.0, 4.0, 8.0, 3.0, 0.0])
    pairs = in_turn(lambda: next(numbers), lambda: next(numbers), 3, lambda _: None)
    assert pairs.ratios(lambda value: value) == ([2.0, 2.0], "no ratio in round 3")
    assert pairs.ratios(lambda value: value + 1) == ([1.5, 1.8, 4.0], "")


def test_the_worker_sits_alone_and_the_rest_as_the_cores_reach() -> None:
    assert seats_for(2) == Seats(0, 1, 1, 1)
    assert seats_for(3) == Seats(0, 1, 2, 2)
    assert seats_for(8) == Seats(0, 1, 2, 3)
    assert seats_for(8, redis=5, proxy=1) == Seats(0, 1, 5, 1)
    assert "Redis on core 1" in seats_for(2).text()
    assert "worker on any core" in unseated().text()
    with pytest.raises(ValueError, match="one core cannot hold both"):
        seats_for(1)
