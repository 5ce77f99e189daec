"""What a leader does whatever its judge says: halts, lost memory, fresh units; and what it shows of what it knows."""

from collections.abc import Collection
from dataclasses import replace

import msgspec
import pytest

from routing.control.change import change
from routing.control.commands import end
from routing.control.feed import Standing
from routing.control.halts import Halt
from routing.control.leader import LEASE
from routing.control.view import NOBODY, SHOWN_FOR
from routing.declared import read_rollout
from routing.rollout import State, roll_back
from tests.unit.control_house import DECLARED, House


@pytest.fixture
async def house() -> House:
    house = House()
    await house.begin()
    return house


async def test_what_is_known_is_shown_while_somebody_leads(house: House) -> None:
    assert await house.notes.board() == NOBODY
    await house.go(8, "a")
    board = await house.notes.board()
    assert (board.leader, board.at) == ("a", house.now)
    view = board.views["fraud"]
    assert view.rollout == (await house.rollout()).name
    assert view.verdict == house.leader("a").verdicts()["fraud"]
    assert [(one.guard, one.enough) for one in view.guards] == [("row_faults", 300.0), ("slower", 300.0)]
    assert (view.proof_enough, view.proof > 0) == (20.0, True)
    house.now += SHOWN_FOR
    assert await house.notes.board() == NOBODY


async def test_evidence_is_shown_as_it_grows(house: House) -> None:
    await house.go(60, "a")
    before = (await house.notes.board()).views["fraud"].guards[0]
    house.bad = 0.3
    await house.go(2, "a")
    after = (await house.notes.board()).views["fraud"].guards[0]
    assert after.evidence > before.evidence
    assert after.canary > before.canary
    assert after.text.startswith(f"canary {after.canary} of ")


async def test_who_resigns_is_followed_at_once(house: House) -> None:
    await house.go(4, "a")
    assert not await house.leader("b").tick()
    await house.leader("b").resign()
    assert not await house.leader("b").tick(), "who does not lead has nothing to give up"
    await house.leader("a").resign()
    assert await house.leader("b").tick()


async def test_an_approval_ends_with_the_key_of_who_gave_it(house: House) -> None:
    await house.go(60, "a")
    house.approved = True
    house.principals.clear()
    await house.go(4, "a")
    assert (await house.rollout()).state is State.AWAITING_APPROVAL


async def test_nothing_goes_forward_while_it_is_frozen_and_what_goes_back_does(house: House) -> None:
    await house.notes.halt(Halt("", "freeze", "night", "incident 7", house.now, until=house.now + 30.0))
    await house.go(20, "a")
    assert (await house.rollout()).state is State.PENDING
    house.now += 30.0
    await house.go(20, "a")
    assert (await house.rollout()).state is State.AWAITING_APPROVAL, "a freeze ends by itself"
    await house.notes.halt(Halt("fraud", "freeze", "night", "incident 8", house.now))
    house.bad = 0.9
    await house.go(12, "a")
    assert (await house.rollout()).state is State.ROLLED_BACK


async def test_a_declared_window_freezes(house: House) -> None:
    house.declared = read_rollout({"shadow": {"pairs": 10, "minutes": 0.01}, "freeze": [{}]})
    await house.go(20, "a")
    assert (await house.rollout()).state is State.PENDING


@pytest.mark.parametrize(("kind", "done"), [("kill", "killed"), ("stop", "everything was stopped")])
async def test_what_runs_while_it_is_stopped_is_taken_out_by_whoever_leads(house: House, kind: str, done: str) -> None:
    await house.go(20, "a")
    deployment = "fraud" if kind == "kill" else ""
    await house.notes.halt(Halt(deployment, kind, "night", "wrong prices", house.now))  # type: ignore[arg-type]
    await house.go(4, "a")
    rollout = await house.rollout()
    assert (rollout.state, rollout.reason) == (State.ABORTED, f"aborted by night: {done}: wrong prices")
    back = next(one for one in await house.store.history("fraud", 100) if one.rollout.state is State.ROLLING_BACK)
    assert back.by == "night"
    assert back.view is not None
    assert back.view.rollout == rollout.name


async def test_units_are_drawn_anew_when_they_have_kept_their_arms_for_long_enough(house: House) -> None:
    house.declared = replace(DECLARED, sticky_for=40.0)
    await house.go(30, "a")
    before = await house.rollout()
    assert (before.state, before.epoch, before.salt) == (State.AWAITING_APPROVAL, 0, b"salt")
    await house.go(60, "a")
    after = await house.rollout()
    assert (after.state, after.epoch, len(after.salt)) == (State.AWAITING_APPROVAL, 1, 16)
    drawn = [one for one in await house.store.history("fraud", 100) if one.rollout.epoch == 1]
    assert (drawn[0].by, drawn[0].rollout.drawn) == ("judge", drawn[0].at)
    assert drawn[0].at - drawn[0].rollout.begun == pytest.approx(40.0, abs=1.0)
    await house.go(80, "a")
    assert (await house.rollout()).epoch == 2


async def test_a_table_that_nobody_remembers_sends_it_back_above_it(house: House) -> None:
    await house.go(20, "a")
    forgotten = await house.rollout()
    house.serves = False
    await house.feed.report("fraud", "gw", Standing(forgotten.table + 3, house.now + 1, rollout=forgotten.name))
    await house.go(1, "a")
    rollout = await house.rollout()
    assert (rollout.state, rollout.table) == (State.ROLLING_BACK, forgotten.table + 4)
    assert rollout.reason.startswith("the control Redis has lost what it had acknowledged")


async def test_a_forgotten_rollouts_higher_table_sends_back_what_runs_and_leaves_what_is_over(house: House) -> None:
    """No gateway would go back to a lower number, so nothing could ever be acknowledged."""
    await house.go(20, "a")
    house.serves = False
    await house.feed.report("fraud", "gw", Standing(99, house.now + 1, rollout="r9"))
    await house.go(1, "a")
    rollout = await house.rollout()
    assert (rollout.state, rollout.table) == (State.ROLLING_BACK, 100)
    house.serves = True
    await house.go(4, "a")
    assert (await house.rollout()).state is State.ROLLED_BACK
    await house.feed.report("fraud", "other", Standing(200, house.now + 1, rollout="r9"))
    await house.go(2, "a")
    assert (await house.rollout()).table == 100


async def test_what_a_gateway_remembers_to_have_taken_out_goes_back_though_redis_forgot(house: House) -> None:
    await house.go(20, "a")
    rollout = await house.rollout()
    standing = Standing(rollout.table, house.now + 1, rollout=rollout.name)
    await house.feed.report("fraud", "other", standing)
    await house.go(1, "a")
    assert (await house.rollout()).state is State.AWAITING_APPROVAL
    marked = msgspec.structs.replace(standing, taken_out=rollout.name)
    await house.feed.report("fraud", "other", marked)
    await house.go(1, "a")
    after = await house.rollout()
    assert (after.state, after.table) == (State.ROLLING_BACK, rollout.table + 1)
    assert after.reason.endswith("gateway other has taken the candidate out already")


async def test_a_promotion_that_was_forgotten_after_it_was_undone_is_undone_again(house: House) -> None:
    house.approved = True
    await house.go(200, "a")
    done = await house.rollout()
    assert done.state is State.DONE
    house.serves = False
    await house.feed.report("fraud", "gw", Standing(done.table + 1, house.now + 1, rollout=done.name))
    await house.go(1, "a")
    assert (await house.rollout()).state is State.ROLLING_BACK


async def test_who_has_much_to_hear_gives_others_their_turn_and_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.approved = True
    await house.go(9, "a")
    assert (await house.rollout()).state is State.CANARY
    second = house.leader("b")
    await house.leader("a").resign()
    monkeypatch.setattr("routing.control.hearing._MOST", 3)
    monkeypatch.setattr("routing.control.hearing.SHARE", 0.0)
    for _ in range(2):
        assert await second.tick()
        assert second.verdicts()["fraud"].reason == "what was found out so far is still being heard"
        assert (await house.rollout()).state is State.CANARY
    assert await house.store.unjudged() == {"fraud"}
    for _ in range(3):
        await second.tick()
    assert await house.store.unjudged() == frozenset()
    assert "still being heard" not in second.verdicts()["fraud"].reason


async def test_who_has_heard_everything_says_what_it_knows_however_slow_the_machine_is(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.control.hearing.SHARE", 0.0)
    await house.go(9, "a")
    assert "still being heard" not in house.leader("a").verdicts()["fraud"].reason
    assert await house.store.unjudged() == frozenset()


async def test_what_goes_back_waits_for_nothing_to_be_heard(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.go(10, "a")
    kept = await house.store.read("fraud")
    assert kept.rollout is not None
    await change(house.store, kept, roll_back(kept.rollout, "undone by ada", house.now), "ada", house.now)
    await house.serve()
    monkeypatch.setattr(house.feed, "after", lambda *_: 1 / 0)
    await house.leader("b").tick()
    house.now += LEASE + 1
    await house.serve()
    await house.leader("b").tick()
    assert (await house.rollout()).state is State.ROLLED_BACK


async def test_a_rollout_that_cannot_be_judged_is_said_to_whoever_keeps_its_weight(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.go(10, "a")
    with monkeypatch.context() as patch:
        patch.setattr("routing.judge.Judge.take", lambda *_: 1 / 0)
        await house.go(2, "a")
        assert await house.store.unjudged() == {"fraud"}
    await house.go(2, "a")
    assert await house.store.unjudged() == frozenset()


async def test_a_rollout_is_judged_by_the_rules_with_which_it_began(house: House) -> None:
    rules = replace(DECLARED.rules, guards=DECLARED.rules.guards[:1])
    kept = await house.store.read("fraud")
    assert kept.rollout is not None
    begun = replace(kept.rollout, rules=rules, guards=("row_faults",))
    await change(house.store, kept, begun, "ada", house.now)
    await house.go(4, "a")
    assert [one.guard.name for one in house.leader("a")._hearing.led["fraud"].judge.findings.all] == ["row_faults"]


async def test_who_looks_at_many_keeps_the_lease_or_stops(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.go(10, "a")
    monkeypatch.setattr("routing.control.leader._RENEW", 0.0)
    stolen = house.store.lead
    asked = 0

    async def lead(name: str, seconds: float, unjudged: Collection[str] = ()) -> int:
        nonlocal asked
        asked += 1
        return await stolen(name, seconds) if asked == 1 else 0

    house.store.lead = lead  # type: ignore[method-assign]
    assert not await house.leader("a").tick()
    assert asked == 2


async def test_a_table_of_a_gateway_s_own_is_overtaken_and_nothing_goes_back(house: House) -> None:
    await house.go(10, "a")
    before = await house.rollout()
    await house.feed.report("fraud", "late", Standing(before.table + 5, house.now))
    await house.leader("a").tick()
    after = await house.rollout()
    assert (after.table, after.state, after.settled) == (before.table + 6, before.state, False)


async def test_the_same_number_of_another_table_is_no_acknowledgement(house: House) -> None:
    await house.go(10, "a")
    rollout = await house.rollout()
    await end(house.store, "fraud", "night", "wrong bundle", house.now)
    await house.feed.report("fraud", "gw", Standing(rollout.table + 1, house.now, rollout="another"))
    house.serves = False
    await house.leader("a").tick()
    assert (await house.rollout()).state is State.ROLLING_BACK


async def test_a_deployment_that_cannot_be_judged_does_not_keep_the_leader_from_leading(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.go(4, "a")

    async def look(deployment: str, now: object) -> None:
        raise ValueError("what is this")

    monkeypatch.setattr(house.leader("a"), "_look", look)
    assert await house.leader("a").tick()
    assert "a rollout cannot be judged" in caplog.text
    monkeypatch.undo()
    await house.go(60, "a")
    assert (await house.rollout()).state is State.AWAITING_APPROVAL, "it was heard anew from the first window on"
