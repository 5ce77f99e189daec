"""A rollout's life: forward only with evidence and everybody's acknowledgement, back at once from anywhere."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from routing.rollout import (
    FINAL,
    Facts,
    Rollout,
    State,
    abort,
    advance,
    draw_anew,
    outlived,
    outnumbered,
    roll_back,
    table_of,
)
from routing.schedule import Schedule, Stage, Step, approved_first, schedule
from routing.table import Table
from routing.verdict import Verdict, cannot_tell, fail, passes

STEPS = (
    Step(Stage.SHADOW, 0, least_exposure=100),
    Step(Stage.CANARY, 100, approval=True),
    Step(Stage.CANARY, 2_000),
)
SCHEDULE = schedule(STEPS)
GOOD, BAD, UNSURE = passes("fine"), fail("faults", "too many faults"), cannot_tell("no traffic")


def begun(**changes: object) -> Rollout:
    rollout = Rollout("r1", "fraud", "1", "2", SCHEDULE, b"salt", "ada", table=7, begun=0.0, since=0.0)
    return replace(rollout, **changes)


def go(rollout: Rollout, verdict: Verdict, acknowledged: bool = True, approved: str = "", now: float = 1.0) -> Rollout:
    return advance(rollout, Facts(verdict, acknowledged, approved), now)


def arms(rollout: Rollout) -> tuple[str, int | None, tuple[float, ...]]:
    table = table_of(rollout, 0.5)
    return table.champion, table.canary and table.canary.weight, tuple(one.rate for one in table.shadows)


def test_the_whole_way_to_champion() -> None:
    rollout, seen = begun(), []
    for _ in range(40):
        seen.append((rollout.state, rollout.settled, arms(rollout)))
        following = go(rollout, GOOD, approved="grace")
        if following is rollout:
            break
        rollout = following
    assert seen == [
        (State.PENDING, False, ("1", None, (0.0,))),
        (State.SHADOWING, False, ("1", None, (0.5,))),
        (State.SHADOWING, True, ("1", None, (0.5,))),
        (State.CANARY, False, ("1", 100, ())),
        (State.CANARY, True, ("1", 100, ())),
        (State.CANARY, False, ("1", 2_000, ())),
        (State.CANARY, True, ("1", 2_000, ())),
        (State.PROMOTING, False, ("1", 9_000, ())),
        (State.WATCHED, True, ("1", 9_000, ())),
        (State.WATCHED, False, ("1", 9_800, ())),
        (State.WATCHED, True, ("1", 9_800, ())),
        (State.DONE, False, ("2", None, (0.0,))),
    ]


def test_nothing_goes_forward_before_every_worker_has_acknowledged() -> None:
    rollout = begun()
    assert go(rollout, GOOD, acknowledged=False) is rollout
    rollout = go(go(rollout, UNSURE), UNSURE, now=5.0)
    assert (rollout.state, rollout.settled, rollout.since) == (State.SHADOWING, True, 5.0)
    assert go(rollout, GOOD, acknowledged=False) is rollout, "it was served once, and is not now"
    assert go(rollout, UNSURE) is rollout


def test_a_person_is_waited_for_and_named() -> None:
    rollout = begun(state=State.SHADOWING, settled=True)
    waiting = go(rollout, GOOD)
    assert (waiting.state, arms(waiting)) == (State.AWAITING_APPROVAL, arms(rollout))
    assert go(waiting, GOOD) is waiting
    assert waiting.entered == rollout.entered < waiting.since, "the step's time goes on"
    assert go(waiting, UNSURE, approved="grace") is waiting, "an approval shows nothing"
    approved = go(waiting, GOOD, approved="grace")
    assert (approved.state, approved.weight, approved.reason) == (State.CANARY, 100, "approved by grace")
    assert go(waiting, BAD, approved="grace").state is State.ROLLING_BACK


@pytest.mark.parametrize("state", [state for state in State if state not in FINAL | {State.ROLLING_BACK}])
@pytest.mark.parametrize("settled", [False, True])
def test_a_breach_acts_in_every_state(state: State, settled: bool) -> None:
    rollout = begun(state=state, settled=settled, at=1)
    back = advance(rollout, Facts(BAD, acknowledged=False, frozen="Friday"), 9.0)
    assert (back.state, back.reason, back.table, arms(back)) == (State.ROLLING_BACK, BAD.reason, 8, ("1", None, ()))
    assert go(back, GOOD, acknowledged=False) is back
    ended = go(back, GOOD)
    assert (ended.state, arms(ended)) == (State.ROLLED_BACK, ("1", None, ()))
    assert go(ended, BAD) is ended


def test_a_freeze_keeps_everything_where_it_is() -> None:
    rollout = begun(state=State.CANARY, at=1, settled=True)
    assert advance(rollout, Facts(GOOD, True, frozen="until Monday"), 1.0) is rollout


def test_a_candidate_that_not_every_worker_can_load_goes_back() -> None:
    back = advance(begun(), Facts(UNSURE, False, overdue="worker 1 cannot load it"), 1.0)
    assert (back.state, back.reason) == (State.ROLLING_BACK, "worker 1 cannot load it")
    settled = begun(state=State.CANARY, at=1, settled=True)
    assert advance(settled, Facts(UNSURE, True, overdue="late"), 1.0) is settled


def test_people_end_it_and_undo_it() -> None:
    canary = begun(state=State.CANARY, at=2, settled=True)
    aborted = abort(canary, "ada", "wrong bundle", 3.0)
    assert aborted.reason == "aborted by ada: wrong bundle"
    assert go(aborted, GOOD).state is State.ABORTED
    done = begun(state=State.DONE, at=4)
    assert abort(done, "ada", "late", 3.0) is done
    undone = roll_back(done, "undone by ada", 3.0)
    assert (undone.state, arms(undone)) == (State.ROLLING_BACK, ("1", None, ()))
    assert roll_back(undone, "again", 4.0) is undone


def test_units_are_drawn_anew_without_a_new_step() -> None:
    rollout = begun(state=State.CANARY, at=1, settled=True, since=4.0)
    anew = draw_anew(rollout, b"other", 9.0)
    assert (anew.salt, anew.epoch, anew.table, anew.since, anew.settled) == (b"other", 1, 8, 4.0, False)
    assert go(anew, GOOD, acknowledged=False) is anew, "no step before everybody has drawn anew"
    served = go(anew, UNSURE)
    assert (served.settled, served.since, served.reason) == (True, 4.0, anew.reason), "the step's time goes on"
    assert draw_anew(begun(state=State.DONE), b"other", 9.0).epoch == 0


def test_units_keep_their_arms_for_as_long_as_was_declared() -> None:
    canary = begun(state=State.CANARY, at=1, settled=True)
    assert [outlived(canary, 60.0, now) for now in (59.0, 60.0)] == [False, True]
    anew = draw_anew(canary, b"other", 60.0)
    assert [outlived(anew, 60.0, now) for now in (119.0, 120.0)] == [False, True]
    assert not outlived(canary, 0.0, 1e9), "0 is for ever"
    assert not outlived(begun(state=State.SHADOWING, settled=True), 60.0, 1e9), "a shadow spends no units"


@pytest.mark.parametrize("state", [State.PENDING, State.CANARY, State.AWAITING_APPROVAL, State.WATCHED, State.DONE])
def test_a_table_that_nobody_remembers_takes_the_candidate_out_above_it(state: State) -> None:
    rollout = begun(state=state, at=1)
    assert outnumbered(rollout, 7, 3.0) is rollout
    back = outnumbered(rollout, 12, 3.0)
    assert (back.state, back.table, arms(back)) == (State.ROLLING_BACK, 13, ("1", None, ()))
    assert "lost" in back.reason
    assert "table 12 is served, and it knows up to 7" in back.reason


def test_what_goes_back_already_goes_back_above_it_and_what_has_stays() -> None:
    back = roll_back(begun(state=State.CANARY, at=1), "too many faults", 3.0)
    above = outnumbered(back, 12, 4.0)
    assert (above.state, above.table, above.reason) == (State.ROLLING_BACK, 13, "too many faults")
    over = begun(state=State.ROLLED_BACK)
    assert outnumbered(over, 12, 4.0) is over


def test_the_first_step_that_answers_anybody_can_be_made_to_need_approval() -> None:
    unapproved = schedule([Step(Stage.SHADOW, 0), Step(Stage.CANARY, 100), Step(Stage.CANARY, 500)])
    assert [step.approval for step in approved_first(unapproved).steps] == [False, True, False, False, False]
    assert approved_first(approved_first(unapproved)) == approved_first(unapproved)


@pytest.mark.parametrize(
    ("steps", "match"),
    [
        ((Step(Stage.CANARY, 100, proof=True), Step(Stage.WATCHED, 9_000)), "shadow, canary and watched"),
        ((Step(Stage.SHADOW, 0), Step(Stage.WATCHED, 9_000)), "shadow, canary and watched"),
        ((*STEPS, Step(Stage.WATCHED, 9_000)), "no canary step asks for proof"),
        ((replace(STEPS[0], approval=True), *SCHEDULE.steps[1:]), "needs no approval"),
        ((*SCHEDULE.steps, Step(Stage.WATCHED, 9_000)), "must rise"),
    ],
)
def test_schedules_that_cannot_be(steps: tuple[Step, ...], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Schedule(steps)


@pytest.mark.parametrize("wrong", [(Stage.SHADOW, 5), (Stage.CANARY, 0), (Stage.CANARY, 10_000), (Stage.CANARY, -1)])
def test_steps_that_cannot_be(wrong: tuple[Stage, int]) -> None:
    with pytest.raises(ValueError, match="weight"):
        Step(*wrong)


class Life(RuleBasedStateMachine):
    """Any order of looks, freezes, approvals and people's commands."""

    def __init__(self) -> None:
        super().__init__()
        self.rollout = begun()
        self.tables: list[Table] = [table_of(self.rollout, 0.5)]
        self.condemned = False
        self.now = 0.0

    def becomes(self, rollout: Rollout) -> None:
        self.now += 1.0
        before, self.rollout = self.rollout, rollout
        table = table_of(rollout, 0.5)
        if table != self.tables[-1]:
            assert table.number == self.tables[-1].number + 1, "every table has its own number"
            self.tables.append(table)
        assert not self.condemned or rollout.weight == 0
        if rollout.weight > before.weight and not self.condemned:
            assert before.settled, "no step before everybody has acknowledged the last one"

    @rule(
        verdict=st.sampled_from([GOOD, GOOD, BAD, UNSURE]),
        acknowledged=st.booleans(),
        approved=st.sampled_from(["", "grace"]),
        frozen=st.sampled_from(["", "", "Friday"]),
    )
    def look(self, verdict: Verdict, acknowledged: bool, approved: str, frozen: str) -> None:
        before = self.rollout
        rollout = advance(before, Facts(verdict, acknowledged, approved, frozen), self.now)
        live = before.state not in FINAL | {State.ROLLING_BACK}
        if live and verdict is BAD:
            assert rollout.state is State.ROLLING_BACK
            self.condemned = True
        if live and frozen and verdict is not BAD:
            assert (rollout.at, rollout.table) == (before.at, before.table), "nothing goes forward"
        if rollout.at > before.at and rollout.step.approval:
            assert approved
        self.becomes(rollout)

    @rule(good=st.integers(1, 6))
    def goes_well(self, good: int) -> None:
        for _ in range(good):
            self.becomes(advance(self.rollout, Facts(GOOD, True, "grace"), self.now))

    @rule()
    def is_aborted(self) -> None:
        self.condemned |= not self.rollout.over
        self.becomes(abort(self.rollout, "ada", "no", self.now))

    @rule()
    def is_undone(self) -> None:
        self.condemned = True
        self.becomes(roll_back(self.rollout, "undone by ada", self.now))

    @rule()
    def is_drawn_anew(self) -> None:
        self.becomes(draw_anew(self.rollout, bytes([len(self.tables) % 256 or 1]), self.now))

    @invariant()
    def a_condemned_candidate_answers_nobody(self) -> None:
        if self.condemned:
            table = table_of(self.rollout, 0.5)
            assert table.champion == "1"
            assert table.canary is None
            assert table.shadows == ()


TestLife = Life.TestCase
TestLife.settings = settings(stateful_step_count=40)
