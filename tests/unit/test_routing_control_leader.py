"""The leader with gateways in memory: a rollout goes its way, or back, whoever leads, however often that changes."""

import logging
from dataclasses import replace

import pytest

from routing.control.commands import end
from routing.control.errors import Refused
from routing.control.feed import ALIVE, Standing
from routing.control.leader import LEASE, PATIENCE
from routing.control.replay import replay
from routing.declared import read_rollout
from routing.guard import Guard, Source
from routing.judge import GONE, Rules
from routing.rollout import State
from routing.verdict import Outcome, cannot_tell, fail
from routing.window import Health, Window
from tests.unit.control_house import DECLARED, House


@pytest.fixture
async def house() -> House:
    house = House()
    await house.begin()
    return house


async def test_a_good_one_goes_all_the_way_with_a_persons_approval(house: House) -> None:
    assert await house.go(60, "a") == [State.SHADOWING, State.CANARY, State.AWAITING_APPROVAL]
    house.approved = True
    assert (await house.go(200, "a"))[-3:] == [State.PROMOTING, State.WATCHED, State.DONE]
    events = await house.store.history("fraud", 100)
    assert [event.by for event in events if event.rollout.reason == "approved by grace"] == ["grace"]
    assert events[0].by == "ada"


async def test_a_bad_one_goes_back_within_seconds_while_a_person_is_waited_for(house: House) -> None:
    await house.go(60, "a")
    assert (await house.rollout()).state is State.AWAITING_APPROVAL
    house.bad = 0.9
    began = house.now
    assert (await house.go(12, "a"))[-2:] == [State.ROLLING_BACK, State.ROLLED_BACK]
    back = next(one for one in await house.store.history("fraud", 100) if one.rollout.state is State.ROLLING_BACK)
    assert back.at - began <= 2.0
    assert back.rollout.reason.startswith("row_faults: canary")
    assert back.numbers["evidence"] >= back.numbers["enough"]
    assert back.view is not None
    assert back.view.guards[0].evidence == back.numbers["evidence"]


async def test_only_going_back_is_logged_as_a_warning(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await house.go(60, "a")
    house.bad = 0.9
    await house.go(12, "a")
    said = {record.message: record.levelname for record in caplog.records}
    assert said["rollout is awaiting approval"] == said["rollout is rolled back"] == "INFO"
    assert [message for message, level in said.items() if level == "WARNING"] == ["rollout is rolling back"]


async def test_who_comes_after_knows_to_the_bit_what_was_known(house: House) -> None:
    house.shared = True
    await house.go(30, "a")
    first = house.leader("a")
    known = first._hearing.led["fraud"].judge.findings.all[0].evidence
    assert known.value != 1.0
    house.now += LEASE + 1
    await house.leader("b").tick()
    assert house.leader("b")._hearing.led["fraud"].judge.findings.all[0].evidence.sums == pytest.approx(known.sums)
    assert await first.tick() is False
    assert first.verdicts() == {}


async def test_who_stands_by_hears_everything_and_says_nothing(house: House) -> None:
    house.shared = True
    second = house.leader("b")
    for _ in range(40):
        await house.go(1, "a")
        assert await second.tick() is False
    assert second.verdicts() == {}
    known, heard = house.leader("a")._hearing.led["fraud"].judge, second._hearing.led["fraud"].judge
    await house.leader("a").resign()
    assert await second.tick() is True
    assert heard is second._hearing.led["fraud"].judge, "it need not begin anew"
    assert heard.findings.all[0].evidence.value == pytest.approx(known.findings.all[0].evidence.value)


async def test_what_cannot_be_heard_while_standing_by_is_heard_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.go(4, "a")
    second = house.leader("b")
    monkeypatch.setattr(house.feed, "after", lambda *_: 1 / 0)
    assert await second.tick() is False
    assert second._hearing.led == {}


async def test_a_window_of_the_future_makes_nobody_elses_late(house: House) -> None:
    await house.go(8, "a")
    rollout = await house.rollout()
    await house.feed.send(rollout.name, Window("odd", 1, house.now + 3_600.0, house.now + 3_600.0))
    house.bad = 1.0
    await house.go(20, "a")
    assert (await house.rollout()).state is State.ROLLED_BACK


async def test_two_that_would_lead_make_one_story(house: House) -> None:
    house.approved = True
    await house.go(200, "a", "b")
    states = [event.rollout.state for event in await house.store.history("fraud", 100)]
    alone = House(approved=True)
    await alone.begin()
    await alone.go(200, "a")
    assert states == [event.rollout.state for event in await alone.store.history("fraud", 100)]
    assert states[-1] is State.DONE


async def test_nothing_moves_before_every_gateway_serves_the_table(house: House) -> None:
    house.serves = False
    await house.go(10, "a")
    assert (await house.rollout()).state is State.PENDING
    await house.feed.report("fraud", "other", Standing(0, house.now + 2))
    house.serves = True
    await house.go(4, "a")
    assert (await house.rollout()).state is State.PENDING, "the other one does not serve it yet"
    house.now += ALIVE + 2
    await house.go(2, "a")
    assert (await house.rollout()).state is State.SHADOWING, "who is gone is not waited for"


async def test_a_gateway_that_cannot_serve_it_sends_it_back_with_its_reason(house: House) -> None:
    house.serves = False
    await house.feed.report("fraud", "gw", Standing(0, house.now + 1, refused=1, trouble="no such bundle"))
    await house.go(2, "a")
    rollout = await house.rollout()
    assert rollout.state is State.ROLLING_BACK
    assert rollout.reason == "gateway gw cannot serve it: no such bundle"


async def test_a_gateway_that_takes_for_ever_sends_it_back(house: House) -> None:
    house.serves = False
    house.now += PATIENCE
    await house.feed.report("fraud", "gw", Standing(0, house.now + 1))
    await house.go(2, "a")
    assert (await house.rollout()).reason == f"gateway gw has not served it within {PATIENCE:.0f} s"


async def test_a_worker_that_is_gone_holds_nobody_up_for_long(house: House) -> None:
    await house.go(8, "a")
    rollout = await house.rollout()
    await house.feed.send(rollout.name, Window("gw.1", 1, house.now, house.now))
    await house.go(round(2 * GONE) - 4, "a")
    verdict = house.leader("a").verdicts()["fraud"]
    assert verdict.outcome is Outcome.CANNOT_TELL
    assert verdict.reason.startswith("worker gw.1 has been silent")
    await house.go(60, "a")
    assert (await house.rollout()).state is State.AWAITING_APPROVAL


async def test_a_dead_host_is_a_breach_of_the_canary_and_strain_is_not(house: House) -> None:
    await house.go(8, "a")
    house.health = Health(host_deaths=1, strained=True)
    await house.go(4, "a")
    assert house.leader("a").verdicts()["fraud"].outcome is Outcome.CANNOT_TELL
    house.health = Health(host_deaths=1)
    await house.go(30, "a")
    assert (await house.rollout()).state is State.ROLLED_BACK


async def test_a_source_outside_takes_it_back_and_one_that_is_dead_holds_it(house: House) -> None:
    house.outside = [cannot_tell("error_budget has been silent for 60 s")]
    assert await house.go(60, "a") == [State.SHADOWING, State.CANARY]
    assert house.leader("a").verdicts()["fraud"].reason == "error_budget has been silent for 60 s"
    house.outside = [fail("error_budget", "error_budget: 0.5 > 0.02 for 60 s")]
    await house.go(4, "a")
    assert (await house.rollout()).state is State.ROLLED_BACK
    back = next(one for one in await house.store.history("fraud", 100) if one.rollout.state is State.ROLLING_BACK)
    assert back.rollout.reason == "error_budget: 0.5 > 0.02 for 60 s"


async def test_what_a_person_did_between_two_looks_stands(house: House) -> None:
    await house.go(8, "a")
    await end(house.store, "fraud", "night", "wrong bundle", house.now)
    await house.go(2, "a")
    assert (await house.rollout()).state is State.ABORTED
    assert (await house.rollout()).reason == "aborted by night: wrong bundle"


async def replayed(house: House, rules: Rules) -> list[tuple[float, Outcome, str]]:
    events = await house.store.history("fraud", 100)
    return [(one.at, one.verdict.outcome, one.verdict.guard) async for one in replay(house.feed, events, rules)]


async def test_a_rollout_that_is_judged_again_is_judged_as_it_was(house: House) -> None:
    await house.go(60, "a")
    house.bad = 0.9
    await house.go(12, "a")
    back = next(one for one in await house.store.history("fraud", 100) if one.rollout.state is State.ROLLING_BACK)
    assert (back.at, Outcome.FAIL, "row_faults") in await replayed(house, DECLARED.rules)


async def test_of_one_that_is_done_the_replay_says_what_let_it_through(house: House) -> None:
    house.approved = True
    await house.go(200, "a")
    events = await house.store.history("fraud", 100)
    assert events[-1].rollout.state is State.DONE
    rulings = await replayed(house, DECLARED.rules)
    entered = [event.at for event in events if event.rollout.at and not event.rollout.settled]
    said = [[outcome for at, outcome, _ in rulings if at <= moment][-1] for moment in entered]
    assert said == [Outcome.PASS] * 4


async def test_other_rules_would_have_said_other_things(house: House) -> None:
    await house.go(60, "a")
    house.bad = 0.9
    await house.go(12, "a")
    lenient = read_rollout({"guards": {"row_faults": {"tolerated": 10_000.0}}}).rules
    assert Outcome.FAIL not in [outcome for _, outcome, _ in await replayed(house, lenient)]
    blind = read_rollout({"guards": {"row_faults": {"dry_run": True}}}).rules
    assert Outcome.FAIL not in [outcome for _, outcome, _ in await replayed(house, blind)]


async def test_guards_are_known_by_name_when_a_rollout_is_judged_again(house: House) -> None:
    await house.go(60, "a")
    house.bad = 0.9
    await house.go(12, "a")
    there = await replayed(house, DECLARED.rules)
    turned = replace(DECLARED.rules, guards=DECLARED.rules.guards[::-1])
    assert [one[1:] for one in await replayed(house, turned)] == [one[1:] for one in there]
    flips = replace(DECLARED.rules, guards=(*DECLARED.rules.guards, Guard("flips", Source.SHARES, at_most=0.1)))
    with pytest.raises(Refused, match="flips was not measured in rollout"):
        await replayed(house, flips)
