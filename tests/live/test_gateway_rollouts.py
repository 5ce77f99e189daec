"""Rollouts with real processes: the whole life and the way back, a memory that was lost, and what may not be served."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.testing.bundles import write_manifest
from gateway.testing.plans import small_document
from tests.live.running_gateway import ROOT, SLUICE
from tests.live.steered_house import Callers, SteeredHouse, steered_house
from tests.live.waiting import until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SteeredHouse]:
    with steered_house(tmp_path) as house:
        yield house


def test_a_bundle_becomes_champion_and_undo_brings_the_former_one_back(house: SteeredHouse) -> None:
    house.declare(minutes=0.01)
    with house.serving() as gateway, house.steering(), Callers(gateway.grpc) as callers:
        house.begin("2")
        assert house.await_state("done")["champion"] == "1"
        until(callers.versions, lambda found: found == {"2"}, "not everybody is answered by the new champion")
        assert ("canary", "2") in callers.answers
        house.order("undo", "fraud", "--reason", "complaints")
        assert house.await_state("rolled back")["reason"] == "undone by ada: complaints"
        assert callers.versions() == {"1"}
    assert callers.wrong == []
    assert set(callers.answers) == {("champion", "1"), ("canary", "2"), ("champion", "2")}


def test_a_memory_that_was_lost_brings_no_candidate_back_and_neither_does_a_restart(house: SteeredHouse) -> None:
    house.declare(minutes=60)
    with house.serving() as gateway:
        with house.steering(), Callers(gateway.grpc) as callers:
            house.begin("2")
            house.await_state("canary")
            assert callers.versions() == {"1", "2"}
            memory = house.memory()
            house.order("abort", "fraud", "--reason", "wrong bundle")
            house.await_state("aborted")
            assert callers.versions() == {"1"}
        house.forget_since(memory)
        with Callers(gateway.grpc) as callers:
            with house.steering():
                assert "lost" in house.await_state("rolled back")["reason"]
                assert callers.versions() == {"1"}
                before = callers.answers
            assert {version for _, version in before} == {"1"}, "never again"
    house.forget_since(memory)
    with house.serving() as gateway, house.steering(), Callers(gateway.grpc) as callers:
        house.await_state("rolled back")
        assert callers.versions() == {"1"}
        assert {version for _, version in callers.answers} == {"1"}


def test_a_weight_that_lapses_is_shown_and_so_is_what_the_judge_knew(house: SteeredHouse) -> None:
    def status() -> Any:
        command = [*SLUICE, "status", "--json", "--state", str(house.house.state)]
        return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    def lapsed() -> list[bool]:
        arms = [arm for worker in status()["workers"] for standing in worker["standings"] for arm in standing["arms"]]
        return [arm["lapsed"] for arm in arms if arm["arm"] == "canary"]

    def told() -> list[bool]:
        (found,) = house.order("status", "fraud")["deployments"]
        return [gateway["lapsed"] for gateway in found["gateways"]]

    house.declare(minutes=60)
    with house.serving() as gateway, Callers(gateway.grpc) as callers:
        with house.steering():
            house.begin("2")
            name = house.await_state("canary")["name"]
            assert callers.versions() == {"1", "2"}
            assert lapsed() == [False, False]
            assert [(one["rollout"], one["runs"]) for one in status()["tables"]] == [(name, True)]
        until(lambda: lapsed() == [True, True], complaint="no worker says that its canary has no weight")
        assert callers.versions() == {"1"}
        with house.steering():
            until(lambda: lapsed() == [False, False], complaint="the weight does not come back")
            until(lambda: told() == [False], complaint="the control plane still shows a weight that has lapsed")
            house.order("abort", "fraud", "--reason", "complaints")
            house.await_state("aborted")
            note = house.order("explain", "fraud")["markdown"]
            assert re.search(
                r"## What the judge knew\n\nIt had said last, at \d\d:\d\d:\d\d: (cannot tell|pass): ", note
            )
            assert "- row_faults: evidence " in note


def test_a_bundle_that_is_not_the_one_that_was_signed_is_refused_with_the_reason(
    house: SteeredHouse, tmp_path: Path
) -> None:
    house.declare(minutes=0.01)
    signed = tmp_path / "signed"
    shutil.copytree(house.house.bundles, signed)
    bundle = house.house.bundles / "fraud" / "2"
    golden = json.loads((bundle / "golden.json").read_text())
    (bundle / "golden.json").write_text(json.dumps({**golden, "tolerance": 1.0}))
    write_manifest(bundle, "2", small_document()["features"], deployment="fraud")
    with house.serving(), house.steering():
        house.begin("2", signed)
        reason = house.await_state("rolled back")["reason"]
    assert "gateway gw cannot serve it" in reason
    assert "changed since its table was made" in reason
