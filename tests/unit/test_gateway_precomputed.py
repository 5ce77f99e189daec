"""Scores computed ahead: which rows they are used for, and what is said of deployments that cannot have any."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.backends.precomputed import ScoresAhead
from gateway.deployment import DeploymentError, parse_deployment
from gateway.idempotency import IdempotencyRule
from gateway.meters import AheadMeters
from gateway.precomputed import (
    PrecomputedRule,
    Score,
    key_start,
    read_precomputed,
    read_score,
    write_score,
)
from gateway.precomputed_plan import PrecomputedError, fit
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.plans import small_document, small_plan
from monitoring.series import SeriesFile
from routing.table import CANARY, CHAMPION
from tests.unit.small_line import DIGESTS, WALL, SmallLine, small_line

AMOUNT = 5.0
RULE = PrecomputedRule(600.0, {"amount": AMOUNT, "customer_present": True})
TOGETHER = [{"name": "card_id", "type": "int64"}, {"name": "store_id", "type": "int64"}]


def plan_of_both() -> dict[str, Any]:
    """The small plan with a third view, which is about card and store together."""
    document = small_document()
    both = {"name": "both", "ttl_seconds": 0, "features": []}
    both["features"] = [{"name": "both_count", "field": "01020307", "type": "double", "default": 0.0}]
    return {"groups": [*document["groups"], {"join_keys": TOGETHER, "views": [both]}]}


@pytest.fixture
def store() -> FixedFeatures:
    return FixedFeatures(lambda: 100.0)


def ahead(directory: Path, store: FixedFeatures, weight: int = 0) -> SmallLine:
    return small_line(directory, store, None, weight, precomputed=RULE, **plan_of_both())


async def put(line: SmallLine, store: FixedFeatures, score: float, age: float = 60.0, **changed: Any) -> None:
    """Store a score of card 1 as `sluice score-all` would have."""
    rule, digest = changed.get("rule", RULE), changed.get("digest", DIGESTS[CHAMPION])
    row = line.intake.read(line.call("nobody"))
    key = key_start("fraud", digest, rule) + row.keys[2]
    await store.keep({key: write_score(Score(score, WALL - age))}, 1e6, 1.0)


def counted(line: SmallLine) -> dict[str, float]:
    outcomes = ("hit", "missing", "old", "late", "other")
    found = {outcome: line.counted("sluice_precomputed_rows_total", outcome=outcome) for outcome in outcomes}
    return {outcome: times for outcome, times in found.items() if times}


async def test_a_score_that_is_there_is_the_answer_and_nothing_runs(tmp_path: Path, store: FixedFeatures) -> None:
    line = ahead(tmp_path, store)
    await put(line, store, 42.0)
    answer = await line.answer("a")
    assert (answer.outputs, answer.decision, answer.precomputed_age_s) == ({"score": 42.0}, "decline", 60.0)
    assert (answer.arm, answer.bundle_version, answer.degraded_reasons, answer.statuses) == (CHAMPION, "1", (), {})
    assert line.backends[CHAMPION].runs == []
    (record,) = line.kept.records
    assert (record.outputs, record.precomputed_age_s, record.arm) == ({"score": 42.0}, 60.0, CHAMPION)
    assert counted(line) == {"hit": 1}


@pytest.mark.parametrize(
    ("stored", "asked", "outcome"),
    [
        ({"age": 600.5}, {}, "old"),
        ({"digest": "f" * 64}, {}, "missing"),
        ({"rule": PrecomputedRule(600.0, {"amount": 6.0, "customer_present": True})}, {}, "missing"),
        ({}, {"card": 2}, "missing"),
        ({}, {"amount": 6.0}, "other"),
        ({}, {"features": {"customer_present": False}}, "other"),
        ({}, {"features": {"time": 9_000.0}}, "other"),
        ({}, {"features": {"card_count": 3.0}}, "other"),
    ],
)
async def test_everything_else_is_scored_in_process(
    tmp_path: Path, store: FixedFeatures, stored: Mapping[str, Any], asked: Mapping[str, Any], outcome: str
) -> None:
    line = ahead(tmp_path, store)
    await put(line, store, 42.0, **stored)
    answer = await line.answer("a", **asked)
    assert (answer.outputs, answer.precomputed_age_s) == ({"score": asked.get("amount", AMOUNT)}, None)
    assert line.backends[CHAMPION].runs == [1]
    assert line.kept.records[-1].precomputed_age_s is None
    assert counted(line) == {outcome: 1}


async def test_a_score_of_the_limits_very_age_is_used(tmp_path: Path, store: FixedFeatures) -> None:
    line = ahead(tmp_path, store)
    await put(line, store, 42.0, age=600.0)
    assert (await line.answer("a")).precomputed_age_s == 600.0


async def test_strange_bytes_are_no_score(tmp_path: Path, store: FixedFeatures) -> None:
    line = ahead(tmp_path, store)
    key = key_start("fraud", DIGESTS[CHAMPION], RULE) + line.intake.read(line.call("nobody")).keys[2]
    await store.keep({key: b"\x02" + write_score(Score(42.0, WALL))[1:]}, 60.0, 1.0)
    assert (await line.answer("a")).outputs == {"score": AMOUNT}


async def test_a_list_is_answered_by_both(tmp_path: Path, store: FixedFeatures) -> None:
    line = ahead(tmp_path, store)
    await put(line, store, 42.0)
    await line.ask_all([line.call("new", card=2), line.call("known"), line.call("other", amount=9.0, card=3)])
    scores = {name: said[-1].outputs["score"] for name, said in line.told.items() if said}  # type: ignore[union-attr]
    assert scores == {"new": AMOUNT, "known": 42.0, "other": 9.0}
    assert line.backends[CHAMPION].runs == [2]
    assert {one.request_id: one.precomputed_age_s for one in line.kept.records} == {
        "new": None,
        "known": 60.0,
        "other": None,
    }


async def test_a_score_is_used_although_a_feature_is_gone_that_a_run_would_need(
    tmp_path: Path, store: FixedFeatures
) -> None:
    line = ahead(tmp_path, store)
    await put(line, store, 42.0)
    store.remove(line.line.lanes.answering[CHAMPION].plan, {"card_id": 1, "store_id": 9})
    answer = await line.answer("a")
    assert (answer.outputs, answer.statuses) == ({"score": 42.0}, {})


async def test_each_arm_has_scores_of_its_own(tmp_path: Path, store: FixedFeatures) -> None:
    line = ahead(tmp_path, store, weight=10_000)
    await put(line, store, 42.0)
    answer = await line.answer("a")
    assert (answer.arm, answer.outputs, answer.precomputed_age_s) == (CANARY, {"score": 2 * AMOUNT}, None)
    await put(line, store, 43.0, digest=DIGESTS[CANARY])
    answer = await line.answer("b")
    assert (answer.arm, answer.outputs) == (CANARY, {"score": 43.0})


async def test_a_score_outside_the_contract_is_the_arms_failure_and_rescued(
    tmp_path: Path, store: FixedFeatures
) -> None:
    line = ahead(tmp_path, store, weight=10_000)
    await put(line, store, 1e6, digest=DIGESTS[CANARY])
    answer = await line.answer("a")
    assert (answer.arm, answer.assigned, answer.precomputed_age_s) == (CHAMPION, CANARY, None)


async def test_answers_are_evidence_and_no_runs(tmp_path: Path, store: FixedFeatures) -> None:
    """Whom a rollout hears must not depend on who has scores: else the arms would be judged on other people."""
    line = ahead(tmp_path, store, weight=10_000)
    await put(line, store, 42.0, digest=DIGESTS[CANARY])
    await line.answer("a")
    window = line.witness.window(line.clock())
    assert len(window.calls) == 1
    assert window.health.canary_runs == 0
    assert window.health.canary_scores.rows == 1
    await line.answer("b", amount=9.0)
    assert line.witness.window(line.clock()).health.canary_runs == 1


async def test_without_the_store_nothing_is_known(tmp_path: Path, store: FixedFeatures) -> None:
    line = ahead(tmp_path, store)
    await put(line, store, 42.0)
    store.away = True
    await line.ask("a")
    assert counted(line) == {"late": 1}


async def test_a_repeated_call_is_told_the_score_that_was_computed_ahead(tmp_path: Path, store: FixedFeatures) -> None:
    line = small_line(tmp_path, store, IdempotencyRule(60.0), precomputed=RULE, **plan_of_both())
    await put(line, store, 42.0)
    first, again = await line.answer("q"), await line.answer("q")
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.outputs, again.precomputed_age_s) == ({"score": 42.0}, 60.0)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"amount": 1.0}, "needs customer_present, which only a call knows"),
        ({}, "needs amount, customer_present, which only a call knows"),
        ({**RULE.values, "time": 3.0}, "no call must send 'time'"),
        ({**RULE.values, "nonsense": 3.0}, "no call must send 'nonsense'"),
        ({**RULE.values, "amount": -1.0}, "values: request feature amount must be at least 0"),
        ({**RULE.values, "customer_present": 1.0}, "values: request feature customer_present must be bool"),
    ],
)
def test_who_needs_more_than_entities_is_refused_when_loaded(
    tmp_path: Path, values: Mapping[str, float], complaint: str
) -> None:
    plan, meters = small_plan(tmp_path, **plan_of_both()), AheadMeters(SeriesFile(tmp_path / "metrics", 0), "fraud")
    with pytest.raises(PrecomputedError, match=complaint):
        ScoresAhead("fraud", PrecomputedRule(60.0, values), plan, ["c" * 64], meters)


def test_who_is_about_entities_that_no_view_has_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrecomputedError, match="no feature view is about card_id, store_id together"):
        fit(RULE, small_plan(tmp_path))
    assert fit(RULE, small_plan(tmp_path, **plan_of_both())).group == 2


def test_scores_are_kept_to_the_bit() -> None:
    score = Score(float(np.float32(0.1)), 1_766_000_000.123456)
    assert read_score(write_score(score)) == score
    assert read_score(b"") is None


def test_keys_tell_bundles_deployments_and_values_apart() -> None:
    other = PrecomputedRule(600.0, {"amount": 6.0, "customer_present": True})
    aged = PrecomputedRule(60.0, dict(reversed(RULE.values.items())))
    keys = {key_start(*of) for of in (("a", "c", RULE), ("b", "c", RULE), ("a", "d", RULE), ("a", "c", other))}
    assert len(keys) == 4
    assert key_start("a", "c", aged) == key_start("a", "c", RULE)


DECLARATION = """
deployment: fraud
unit: {entity: card_id}
clock: wall
budget_ms: 100
policy:
  version: "1"
  contract: {min: 0.0, max: 1.0}
  decide: {kind: thresholds, steps: [{below: 0.5, decision: approve}], otherwise: decline}
arms: {champion: "1"}
"""


def test_what_is_declared() -> None:
    said = DECLARATION + "backend: precomputed\nprecomputed: {max_age_s: 3600, values: {amount: 5}}\n"
    deployment = parse_deployment(said, "here")
    assert deployment.precomputed == PrecomputedRule(3600.0, {"amount": 5.0})
    assert deployment.backend == "precomputed"
    assert parse_deployment(DECLARATION, "here").backend == "onnx"
    assert parse_deployment(DECLARATION, "here").precomputed is None


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("backend: precomputed", "precomputed: max_age_s is missing"),
        ("backend: abacus", "backend is 'abacus'; known are "),
        ("precomputed: {max_age_s: 60}", "say backend: precomputed, too"),
        ("backend: precomputed\nprecomputed: {max_age_s: 0}", "max_age_s is 0"),
        ("backend: precomputed\nprecomputed: {max_age_s: 60, values: {a: x}}", "a is 'x'"),
        ("backend: precomputed\nprecomputed: {max_age: 60}", "'max_age' is unknown"),
        ("idempotency: {ttl_s: 0.5}", "idempotency: ttl_s is 0.5"),
        ("idempotency: {}", "idempotency: ttl_s is missing"),
        ("idempotency: {ttl_s: 5, away: perhaps}", "away is 'perhaps'; it is answer"),
    ],
)
def test_what_is_declared_wrongly_is_one_clear_line(said: str, complaint: str) -> None:
    with pytest.raises(DeploymentError) as caught:
        parse_deployment(DECLARATION + said + "\n", "here")
    assert complaint in str(caught.value)


def test_no_section_is_wanted_of_another_backend() -> None:
    assert read_precomputed(None, wanted=False) is None
