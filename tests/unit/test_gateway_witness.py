"""What the judge hears of rows: each by the arm it was assigned to, once it is settled, in order of admission."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gateway.backends.backend import BackendError
from gateway.call import Call, Priority
from gateway.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    FeaturesMissing,
    FeaturesUnavailable,
    InvalidRequest,
    PredictionFailed,
)
from gateway.fault_search import Outage
from gateway.intake import Row
from gateway.lane import Decided, Lane, Outcome
from gateway.matrix import MatrixBuilder
from gateway.policy import Policy, Thresholds
from gateway.served import Part
from gateway.signs import Signs
from gateway.testing.plans import small_plan
from gateway.testing.scripted_backend import ScriptedBackend
from gateway.witness import Witness
from routing.declared import Measure
from routing.order import UNKNOWN, Settled
from routing.table import CANARY, CHAMPION, NOT_DRAWN
from routing.units import FIRST_CALLS
from routing.window import NOTHING, Spread

FINE, DECLINED = Decided("approve", {"score": 0.1}), Decided("decline", {"score": 0.9})
BREACH = PredictionFailed("NaN", contract=True)


def rows(*numbers: int) -> list[Row]:
    call = Call("d", {}, {}, "", 0.0, 1.0, "", Priority.DEFAULT, "", lambda _: None)
    return [Row(call, str(number), (), [], None, number=number) for number in numbers]


PART = Part("r", step=1, epoch=0, weight=500)
MEASURES = [Measure("contract"), Measure("decisions", decisions=("decline",)), Measure("row_faults")]


def test_a_flush_brings_what_was_noted_and_says_up_to_when_all_is_settled() -> None:
    witness = Witness(Signs(MEASURES), PART)
    first, second = witness.admit(1.0), witness.admit(2.0)
    second.note(CHAMPION, rows(0, 1), [FINE, BREACH])
    second.release()
    calls, spent, until = witness.flush(5.0)
    assert calls == (
        Settled(2.0, 0, False, 1, 500, 0),
        Settled(2.0, 1, False, 1, 500, 1),
    )
    assert (spent, until) == (0, 1.0), "the first list is still on its way"
    first.note(CANARY, rows(2), [DECLINED])
    first.hold()
    first.release()
    assert witness.flush(6.0) == ((), 0, 1.0), "a part of it is"
    first.release()
    assert witness.flush(7.0) == ((Settled(1.0, 2, True, 1, 500, 2),), 0, 7.0)


def test_a_list_is_a_run_where_something_was_decided_and_a_broken_one_when_it_failed_again(tmp_path: Path) -> None:
    plan, policy = small_plan(tmp_path), Policy("p", 0.0, 1.0, Thresholds((), ("approve",)))
    lane = Lane(CANARY, "2", "d" * 64, plan, MatrixBuilder(plan, None), ScriptedBackend(), policy)
    witness = Witness(Signs(MEASURES), PART)
    ticket = witness.admit(1.0)
    ticket.note(CANARY, rows(0, 1), [FINE, DECLINED])
    ticket.note(CHAMPION, rows(2), [DeadlineExceeded("not begun")])
    for arm, again in ((CANARY, True), (CHAMPION, False)):
        ticket.search(replace(lane, arm=arm), np.zeros((1, 4), dtype=np.float32), rows(3))([None], again)
    health = witness.window(2.0).health
    assert (health.canary_runs, health.canary_broken) == (2, 1)
    assert (health.champion_runs, health.champion_broken) == (0, 0), "nobody has looked at it"
    assert health.canary_scores == Spread(2, 0.1, 0.9)
    assert witness.window(3.0).health == NOTHING


def test_a_unit_breaks_an_arms_runs_once(tmp_path: Path) -> None:
    plan, policy = small_plan(tmp_path), Policy("p", 0.0, 1.0, Thresholds((), ("approve",)))
    lane = Lane(CANARY, "2", "d" * 64, plan, MatrixBuilder(plan, None), ScriptedBackend(), policy)
    witness = Witness(Signs(MEASURES), PART)
    ticket, bad_row = witness.admit(1.0), BackendError("a row that it cannot take")

    def breaks(arm: str, *units: int, by: BackendError | None = bad_row) -> None:
        ticket.search(replace(lane, arm=arm), np.zeros((len(units), 4), dtype=np.float32), rows(*units))(
            [by] * len(units), True
        )

    for units in ((1,), (1,), (1, 1), (2,), (1, 2), (1, 3)):
        breaks(CANARY, *units)
    breaks(CHAMPION, 1)
    health = witness.window(2.0).health
    assert (health.canary_runs, health.canary_broken, health.champion_broken) == (3, 3, 1)
    for by in (Outage("whatever the row"), None):
        breaks(CANARY, 1, by=by)
    assert witness.window(3.0).health.canary_broken == 2, "nobody's row was at fault"


def test_runs_for_which_nobody_was_there_are_counted_by_arm() -> None:
    witness = Witness(Signs(MEASURES), PART)
    ticket = witness.admit(1.0)
    for arm in (CANARY, CANARY, CHAMPION):
        ticket.away(arm)
    health = witness.window(2.0).health
    assert (health.canary_away, health.champion_away) == (2, 1)
    assert witness.window(3.0).health == NOTHING


def test_a_search_that_cannot_be_heard_holds_nothing_up(tmp_path: Path) -> None:
    plan, policy = small_plan(tmp_path), Policy("p", 0.0, 1.0, Thresholds((), ("approve",)))
    lane = Lane(CANARY, "2", "d" * 64, plan, MatrixBuilder(plan, None), ScriptedBackend(), policy)
    witness = Witness(Signs(MEASURES), PART)
    ticket = witness.admit(1.0)
    tell = ticket.search(lane, np.zeros((1, 4), dtype=np.float32), rows(3))
    ticket.release()
    with pytest.raises(ValueError, match="shorter"):
        tell([], True)  # an answer too few
    assert witness.flush(5.0) == ((), 0, 5.0)


def test_a_list_keeps_the_weight_that_it_met() -> None:
    witness = Witness(Signs(MEASURES), PART)
    before = witness.admit(1.0)
    witness.part = Part("r", 2, 1, 2_000)
    after = witness.admit(2.0)
    before.note(CANARY, rows(0), [FINE])
    after.note(CANARY, rows(0), [FINE])
    before.release()
    after.release()
    calls, _, _ = witness.flush(3.0)
    assert [(call.step, call.epoch, call.weight) for call in calls] == [(1, 0, 500), (2, 1, 2_000)]


def test_a_unit_that_has_said_what_it_could_is_only_counted() -> None:
    witness = Witness(Signs(MEASURES), PART)
    ticket = witness.admit(1.0)
    ticket.note(CHAMPION, rows(0, 0, 0, 0, 0), [FINE] * 5)
    ticket.release()
    calls, spent, _ = witness.flush(2.0)
    assert (len(calls), spent) == (FIRST_CALLS, 5 - FIRST_CALLS)
    witness.part = Part("r", 2, 0, 2_000)
    ticket = witness.admit(3.0)
    ticket.note(CHAMPION, rows(0), [FINE])
    ticket.release()
    assert len(witness.flush(4.0)[0]) == 1, "another step, another word"


@pytest.mark.parametrize(
    ("outcome", "signs"),
    [
        (Decided("approve", {"score": 0.1}), 0),
        (Decided("decline", {"score": 0.9}), 2),
        (PredictionFailed("NaN", contract=True), 1),
        (FeaturesMissing("card_count_1d"), 4),
        (PredictionFailed("it raised"), UNKNOWN),
        (BackendUnavailable("open"), UNKNOWN),
        (DeadlineExceeded("late"), UNKNOWN),
        (FeaturesUnavailable("late"), UNKNOWN),
        (InvalidRequest("yours"), 0),
    ],
)
def test_only_what_is_the_arms_own_is_a_sign(outcome: Outcome, signs: int) -> None:
    assert Signs(MEASURES).of(outcome) == signs
    assert Signs([]).of(outcome) in (0, UNKNOWN)


def test_a_row_is_at_fault_when_it_fails_alone() -> None:
    signs = Signs(MEASURES)
    assert [signs.of_search(one) for one in (BackendError("alone"), Outage("away"), None)] == [4, UNKNOWN, UNKNOWN]


def test_a_row_whose_arm_was_chosen_is_evidence_of_nothing() -> None:
    witness = Witness(Signs(MEASURES), PART)
    ticket = witness.admit(1.0)
    ticket.note(CANARY, rows(NOT_DRAWN, 4), [BREACH, BREACH])
    ticket.release()
    calls, _, _ = witness.flush(2.0)
    assert [call.unit for call in calls] == [4]


def test_what_nobody_asks_for_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.witness.MOST_CALLS", 3)
    witness = Witness(Signs(MEASURES), PART)
    ticket = witness.admit(1.0)
    ticket.note(CANARY, rows(1, 2, 3, 4), [FINE] * 4)
    ticket.release()
    assert [call.unit for call in witness.flush(2.0)[0]] == [1, 2, 3]


def test_where_the_canary_has_no_weight_no_row_says_anything() -> None:
    witness = Witness(Signs(MEASURES), replace(PART, weight=0))
    shadowed, lapsed = witness.admit(1.0), Witness(Signs(MEASURES), PART).admit(1.0, lapsed=True)
    for ticket in (shadowed, lapsed):
        ticket.note(CHAMPION, rows(*range(10)) + rows(0, 0, 0, 0), [FINE] * 14)
        ticket.release()
    assert witness.flush(2.0) == ((), 0, 2.0)
