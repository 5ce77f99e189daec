"""Rollouts with champion and canary on a real Triton: an innocent one passes, a broken one and a slow one go back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.testing.bundles import write_manifest
from gateway.testing.hostile_models import write_laborious_model, write_refusing_model
from gateway.testing.plans import small_document
from tests.live.steered_house import Callers, SteeredHouse, steered_house
from tests.live.waiting import until
from tests.real_triton import RealTriton, triton_on

SLOW_ROUNDS = 2_000
"""Products of matrices in every run: some ten milliseconds."""
WIDTH = len(small_document()["features"])


@pytest.fixture
def house(tmp_path: Path, real_triton: RealTriton) -> Iterator[SteeredHouse]:
    with steered_house(tmp_path) as house:
        for version in ("1", "2"):
            real_triton.keep(house.house.bundles / "fraud" / version)
        yield house


def declare(house: SteeredHouse, minutes: float, shadow_minutes: float = 0.01) -> None:
    """Declare fraud on Triton, its candidates watched as shadows for so long at least, and compared for their time."""
    house.declare(minutes)
    path = house.house.models / "fraud" / "deployment.yaml"
    text = path.read_text().replace("pairs: 5, minutes: 0.01", f"pairs: 5, minutes: {shadow_minutes}")
    path.write_text(
        text.replace("guards: {row_faults: {}}", "guards: {row_faults: {}, slower: {by: 0.1}}") + "backend: triton\n"
    )


def candidate(house: SteeredHouse, triton: RealTriton, write: Callable[[Path, int], None]) -> None:
    """Put another model into bundle 2, here and on Triton."""
    bundle = house.house.bundles / "fraud" / "2"
    write(bundle / "model.onnx", WIDTH)
    write_manifest(bundle, "2", small_document()["features"])
    triton.keep(bundle)


def on(triton: RealTriton) -> tuple[str, str]:
    return "--triton", triton.address


def test_an_innocent_one_becomes_champion(house: SteeredHouse, real_triton: RealTriton) -> None:
    declare(house, minutes=0.01)
    with house.serving(*on(real_triton)) as gateway, house.steering(), Callers(gateway.grpc) as callers:
        house.begin("2")
        assert house.await_state("done")["champion"] == "1"
        until(callers.versions, lambda found: found == {"2"}, "not everybody is answered by the new champion")
        house.order("undo", "fraud", "--reason", "complaints")
        assert house.await_state("rolled back")["reason"] == "undone by ada: complaints"
        assert callers.versions() == {"1"}
    assert callers.wrong == []
    assert set(callers.answers) == {("champion", "1"), ("canary", "2"), ("champion", "2")}


def test_one_that_fails_every_call_goes_back_and_costs_nobody_his_answer(
    house: SteeredHouse, real_triton: RealTriton
) -> None:
    candidate(house, real_triton, write_refusing_model)
    declare(house, minutes=60)
    with house.serving(*on(real_triton)) as gateway, house.steering(), Callers(gateway.grpc) as callers:
        house.begin("2")
        reason = house.await_state("rolled back")["reason"]
        assert callers.versions() == {"1"}
    assert "failed again when they were repeated" in reason
    assert callers.wrong == []
    assert {version for _, version in callers.answers} == {"1"}


def test_a_slow_one_goes_back(house: SteeredHouse, real_triton: RealTriton) -> None:
    candidate(house, real_triton, lambda path, width: write_laborious_model(path, width, SLOW_ROUNDS))
    declare(house, minutes=60, shadow_minutes=60)
    with house.serving(*on(real_triton)) as gateway, house.steering(), Callers(gateway.grpc) as callers:
        house.begin("2")
        reason = house.await_state("rolled back")["reason"]
    assert "slower" in reason
    assert callers.wrong == []


def test_a_triton_that_goes_away_costs_no_candidate_its_rollout(tmp_path: Path) -> None:
    with triton_on(tmp_path / "repository", tmp_path / "log") as triton, steered_house(tmp_path / "house") as house:
        for version in ("1", "2"):
            triton.keep(house.house.bundles / "fraud" / version)
        declare(house, minutes=0.15)
        with house.serving(*on(triton)) as gateway, house.steering(), Callers(gateway.grpc) as callers:
            house.begin("2")
            house.await_state("canary")
            for _ in range(2):
                triton.server.kill()
                until(lambda: len(callers.wrong) > 50, complaint="nobody is told")
                triton.server.restart()
                callers.versions()
                callers.wrong.clear()
            assert house.await_state("done", "rolled back")["state"] == "done"


def test_a_champion_newly_made_whose_model_vanishes_goes_back_by_itself(
    house: SteeredHouse, real_triton: RealTriton
) -> None:
    declare(house, minutes=0.01)
    path = house.house.models / "fraud" / "deployment.yaml"
    path.write_text(path.read_text().replace("{share: 0.1, minutes: 0.02}", "{share: 0.1, minutes: 60}"))
    with house.serving(*on(real_triton)) as gateway, house.steering(), Callers(gateway.grpc) as callers:
        house.begin("2")
        house.await_state("watched")
        until(callers.versions, lambda found: "2" in found, "nobody is answered by the new champion")
        real_triton.lose(house.house.bundles / "fraud" / "2")
        reason = house.await_state("rolled back")["reason"]
        until(callers.versions, lambda found: found == {"1"}, "the former champion does not answer everybody")
    assert "runs of the canary were asked of nobody" in reason
