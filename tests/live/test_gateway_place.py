"""`sluice place` on real bundles: real runs in process and on a real Triton, and who could be scored ahead."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tritonclient.grpc import InferenceServerClient  # type: ignore[import-untyped] # shipped without types

from gateway.testing.redis_server import RedisServer
from models.manifest import load_manifest
from tests.live.running_gateway import ROOT, SLUICE
from tests.real_triton import RealTriton

pytestmark = pytest.mark.usefixtures("filled_redis")
BUNDLES = ROOT / "models" / "bundles"
QUICK = ("--seconds", "0.05", "--sizes", "1,64")
NOWHERE = ("--redis-url", "redis://127.0.0.1:1/0")


def place(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SLUICE, "place", *words], capture_output=True, text=True, cwd=ROOT, check=False)


def report(*words: str) -> dict[str, Any]:
    done = place(*words, *QUICK, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def cells(found: dict[str, Any], kind: str) -> dict[int, dict[str, Any]]:
    """The figures of a place, by size of list."""
    return {one["cell"]["rows"]: one["cell"] for one in found["offers"] if one["cell"]["place"]["kind"] == kind}


def test_the_page_has_the_table_and_the_verdicts() -> None:
    done = place("fraud", *QUICK, *NOWHERE)
    assert done.returncode == 0, done.stderr
    assert "fraud 1: of a budget of 100 ms a run may take 0.1 of it, 10 ms" in done.stdout
    assert "meets the budget at the least cost" in done.stdout
    assert "the model needs amount, customer_present" in " ".join(done.stdout.split())
    assert "fraud 1: CPU: lists of 64, for 0.05 s" in done.stderr


def test_rows_in_lists_cost_less_than_rows_alone() -> None:
    found = cells(report("fraud", "2", *NOWHERE), "cpu")
    assert found[64]["core_seconds"] < found[1]["core_seconds"]
    assert all(0 < one["p50"] <= one["p99"] and one["device_rate"] is None for one in found.values())


def test_what_cannot_be_measured_is_named_and_has_no_figures() -> None:
    found = report("fraud", "--threads", "1,256", "--triton", "127.0.0.1:1", *NOWHERE)
    why = {(one["place"]["kind"], one["place"]["threads"]): one["why"] for one in found["absent"]}
    assert "fewer than 256 threads want" in why["cpu", 256]
    assert "127.0.0.1:1" in why["triton", 1]
    assert not cells(found, "triton")
    assert set(cells(found, "cpu")) == {1, 64}


def test_where_no_place_meets_the_budget_it_is_said() -> None:
    found = report("fraud", "--share", "0.000001", *NOWHERE)
    assert found["verdict"]["winner"] is None
    assert found["verdict"]["sentence"].startswith("No place meets the budget")


def test_whom_the_feature_redis_knows_can_be_scored_ahead(filled_redis: RedisServer) -> None:
    found = report("credit", "--redis-url", filled_redis.url, "--calls-per-second", "1e6")
    assert found["question"]["terms"]["entities"] == 30_000
    assert found["question"]["terms"]["fresh"] == 86_400.0
    assert found["ahead"]["cheaper"]
    assert 0 < found["ahead"]["break_even"] < 1e6


def test_without_the_feature_redis_the_table_stands_and_entities_are_asked_for() -> None:
    found = report("credit", *NOWHERE)
    assert found["offers"]
    assert found["ahead"] is None
    assert found["question"]["not_ahead"].endswith("say --entities N")


def test_entities_may_be_said() -> None:
    found = report("credit", "--entities", "1000000", "--fresh-hours", "1", "--calls-per-second", "1", *NOWHERE)
    assert found["question"]["terms"]["fresh"] == 3600.0
    assert not found["ahead"]["cheaper"]


@pytest.mark.parametrize(("words", "said"), [(("nobody",), "nobody/deployment.yaml"), (("fraud", "99"), "fraud/99")])
def test_what_is_not_there_is_named(words: tuple[str, ...], said: str) -> None:
    done = place(*words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_triton_is_measured_and_left_as_it_was(real_triton: RealTriton, tmp_path: Path) -> None:
    model = load_manifest(BUNDLES / "quotes" / "1").served_name
    assert real_triton.keep(BUNDLES / "quotes" / "1") == model
    found = report("quotes", "--triton", real_triton.address, *NOWHERE)
    triton = cells(found, "triton")
    assert set(triton) == {1, 64}
    assert all(one["p99"] > 0 and one["device_rate"] > 0 for one in triton.values())
    with InferenceServerClient(real_triton.address) as client:
        assert not client.is_model_ready(model)


def test_a_triton_without_the_model_says_what_to_do(real_triton: RealTriton) -> None:
    found = report("credit", "--triton", real_triton.address, *NOWHERE)
    (why,) = (one["why"] for one in found["absent"] if one["place"]["kind"] == "triton")
    assert "sluice triton-repository" in why
