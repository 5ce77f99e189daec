"""Rollouts of a deployment that passes tensors on, in lane hosts and on a real Triton; its callers are NVIDIA's client.

An innocent candidate becomes champion; one that fails, is slow, answers otherwise or dies goes back, and costs nobody
his answer.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.passed_house import NAME, PassedHouse, TensorCallers, passed_house
from tests.live.waiting import until


@pytest.fixture(params=["lane hosts", "triton"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PassedHouse]:
    triton = request.getfixturevalue("real_triton") if request.param == "triton" else None
    with passed_house(tmp_path, triton) as house:
        yield house


GUARDS = "row_faults: {}, slower: {by: 0.5}, score_shift: {more_than: 0.5, at_most: 0.1}"


def gone_back(house: PassedHouse, wrong: str) -> tuple[str, str]:
    """Roll such a candidate out until it has gone back, which cost nobody his answer; return why, and the note."""
    house.bundle("2", wrong)
    steered = house.steered
    with (
        steered.serving(*house.flags) as gateway,
        steered.steering(),
        TensorCallers(gateway.grpc) as callers,
    ):
        steered.begin("2")
        state = steered.await_state("rolled back")
        assert callers.versions() == {"1"}
        note = steered.order("explain", NAME)["markdown"]
    assert callers.wrong == []
    assert {version for _, version in callers.answers} == {"1"}
    return state["reason"], note


def test_an_innocent_one_becomes_champion(house: PassedHouse) -> None:
    house.bundle("2")
    house.declare(minutes=0.01, guards=GUARDS)
    steered = house.steered
    with steered.serving(*house.flags) as gateway, steered.steering(), TensorCallers(gateway.grpc) as callers:
        steered.begin("2")
        assert steered.await_state("done", "rolled back")["state"] == "done"
        until(callers.versions, lambda found: found == {"2"}, "not everybody is answered by the new champion")
        steered.order("undo", NAME, "--reason", "complaints")
        assert steered.await_state("rolled back")["reason"] == "undone by ada: complaints"
        assert callers.versions() == {"1"}
    assert callers.wrong == []
    assert set(callers.answers) == {("champion", "1"), ("canary", "2"), ("champion", "2")}


def test_one_that_fails_every_call_goes_back(house: PassedHouse) -> None:
    house.declare(minutes=60)
    reason, _ = gone_back(house, "fails")
    assert "failed again when they were repeated" in reason


def test_a_slow_one_goes_back_by_pairs(house: PassedHouse) -> None:
    house.declare(minutes=60, shadowing=60, guards="row_faults: {}, slower: {by: 0.1}")
    reason, note = gone_back(house, "slow")
    assert "slower: the canary was worse in" in reason
    assert "- slower: evidence" in note


def test_one_whose_output_shifts_goes_back(house: PassedHouse) -> None:
    house.declare(minutes=60, shadowing=60, guards="row_faults: {}, score_shift: {more_than: 0.5, at_most: 0.1}")
    reason, note = gone_back(house, "shifted")
    assert re.match(r"score_shift: \d+ of \d+ units differ", reason)
    assert "- score_shift: evidence" in note


def test_one_that_kills_its_process_goes_back(house: PassedHouse) -> None:
    house.declare(minutes=60, shadowing=60, guards="row_faults: {}, flaky: {}")
    reason, _ = gone_back(house, "deadly")
    assert re.match("flaky: the canary was worse" if house.triton else "the canary's lane host died", reason)


def test_a_canary_that_kills_its_process_costs_nobody_his_answer(house: PassedHouse) -> None:
    house.bundle("2", "deadly")
    house.declare(minutes=60, arms=', canary: {version: "2", weight: 0.5}')
    steered = house.steered
    with steered.serving(*house.flags) as gateway, TensorCallers(gateway.grpc) as callers:
        assert callers.versions(calls=400) == {"1"}
        workers = gateway.workers()
        if house.triton is None:
            assert gateway.metric("sluice_host_deaths_total", reason="memory") >= 1
        assert gateway.metric("sluice_rescued_total") >= 1
        assert gateway.workers() == workers
    assert callers.wrong == []
    assert set(callers.answers) == {("champion", "1")}
