"""The note on a rollout reads like a good incident note: what, when, who, why, on which numbers."""

from dataclasses import replace
from math import inf

from msgspec.structs import replace as replaced

from routing.comparison import Differing
from routing.control.event import Event, decode, encode
from routing.control.explain import explain
from routing.control.view import Compared, View, lasting
from routing.findings import GuardState
from routing.rollout import Rollout, State
from routing.schedule import Stage, Step, schedule
from routing.verdict import cannot_tell, passes

SCHEDULE = schedule([Step(Stage.SHADOW, 0), Step(Stage.CANARY, 500)])
PENDING = Rollout("r7", "fraud", "1", "2", SCHEDULE, b"s", "ada", table=4, begun=0.0, since=0.0)
NOON = 1_795_348_800.0  # 2026-11-22 12:00:00 UTC


def test_one_that_was_rolled_back() -> None:
    canary = replace(PENDING, state=State.CANARY, at=1, reason="approved by grace")
    back = replace(canary, state=State.ROLLING_BACK, reason="row_faults: canary 20 of 180 units (11.11%)")
    events = [
        Event(PENDING, "", "ada", NOON),
        Event(canary, "pending", "grace", NOON + 300),
        Event(replace(canary, settled=True), "canary", "judge", NOON + 301),
        Event(back, "canary", "judge", NOON + 330, {"evidence": 1_234_567.0, "enough": 500.0}),
        Event(replace(back, state=State.ROLLED_BACK), "rolling back", "judge", NOON + 331),
    ]
    assert explain(events) == (
        "# Rollout r7 of fraud: rolled back\n\n"
        "Bundle 2 was to replace bundle 1. ada requested it on 2026-11-22 at 12:00:00 UTC; 6 min later it was rolled"
        " back.\n\n"
        "## What happened\n\n"
        "- 12:00:00 **pending** (ada): requested\n"
        "- 12:05:00 **canary at 5 % of all units** (grace): approved by grace\n"
        "- 12:05:01 **canary at 5 % of all units** (judge): approved by grace\n"
        "- 12:05:30 **rolling back** (judge): row_faults: canary 20 of 180 units (11.11%)\n"
        "- 12:05:31 **rolled back** (judge): row_faults: canary 20 of 180 units (11.11%)\n\n"
        "## Why it went back\n\n"
        "row_faults: canary 20 of 180 units (11.11%).\n\n"
        "The evidence was over a million where 500 is enough: of canaries that are no worse than is tolerated, at most"
        " 0.20% ever get so far, however often and however long one looks.\n\n"
        "## What the judge knew\n\n"
        "Nothing was kept of that: nobody led then, or nobody had been told yet.\n\n"
        "## What callers were exposed to, at most\n\n"
        "- 5 % of all units for 30 s\n"
    )


def test_one_that_people_took_back_says_what_the_judge_knew() -> None:
    canary = replace(PENDING, state=State.CANARY, at=1, reason="approved by grace")
    back = replace(canary, state=State.ROLLING_BACK, reason="aborted by night: complaints")
    guards = (
        GuardState("row_faults", 12.3, 500.0, 3, 9, False, "canary 3 of 812 units (0.37%), champion 9 of 15000 units"),
        GuardState("flips", 30.0, inf, 4, 86, True, "4 of 90 pairs differ, 5.00% may"),
    )
    known = View("r7", cannot_tell("812 of 2000 units of each arm"), guards, 4.1, 20.0, (15_000, 812), 90)
    event = decode(encode(Event(back, "canary", "night", NOON + 330, view=lasting(known))))
    assert explain([Event(PENDING, "", "ada", NOON), event]).endswith(
        "## Why it went back\n\n"
        "aborted by night: complaints.\n\n"
        "## What the judge knew\n\n"
        "It had said last, at 12:05:30: cannot tell: 812 of 2000 units of each arm.\n"
        "In its last step it had seen 15,000 units of the champion's, 812 of the canary's, 90 pairs; in all:\n\n"
        "- row_faults: evidence 12.3 of 500; canary 3 of 812 units (0.37%), champion 9 of 15000 units\n"
        "- flips (only reports): evidence 30; 4 of 90 pairs differ, 5.00% may\n"
        "- that it is not worse: evidence 4.1 of 20\n"
        "\n"
        "Evidence x of y: what was seen is x times likelier if the candidate is worse than is tolerated (of the last"
        " line: if it is not worse), and y times is enough.\n"
    )
    assert "nobody led then" in explain([Event(PENDING, "", "ada", NOON), replaced(event, view=None)])


def test_one_that_is_done_says_on_which_numbers_and_that_everybody_met_it() -> None:
    watched = replace(PENDING, state=State.WATCHED, at=len(PENDING.schedule.steps) - 1)
    done = replace(watched, state=State.DONE, reason="no harm was found")
    known = View("r7", passes("no harm was found"), (), 25.0, 20.0, (400, 20_000), 90)
    events = [
        Event(PENDING, "", "ada", NOON),
        Event(watched, "promoting", "judge", NOON + 60),
        Event(done, "watched", "judge", NOON + 120, view=lasting(known)),
    ]
    note = explain(events)
    assert "It had said last, at 12:02:00: pass: no harm was found.\n" in note
    assert "- that it is not worse: evidence 25 of 20\n" in note
    assert note.endswith("- 98 % of all units for 60 s\n- 100 % of all units since 12:02:00\n")
    undone = Event(replace(done, state=State.ROLLING_BACK, reason="undone by ada"), "done", "ada", NOON + 200)
    note = explain([*events, undone])
    assert "at 12:02:00: pass" in note
    assert note.endswith("- 100 % of all units for 80 s\n")


def test_the_log_names_no_customers() -> None:
    shown = Compared(rows=2, most_different=(Differing("card 7", 0.1, 0.9),))
    known = View("r7", cannot_tell("no traffic"), (), 1.0, 20.0, (0, 0), 2, comparison=shown)
    assert lasting(known).comparison == Compared(rows=2)


def test_one_that_has_only_begun() -> None:
    note = explain([Event(PENDING, "", "ada", NOON)])
    assert note.startswith("# Rollout r7 of fraud: pending\n\nBundle 2 was to replace bundle 1. ada requested it on")
    assert "it is pending" in note
    assert "Why it went back" not in note
    assert "exposed" not in note


def test_what_left_it_as_it_was_is_told_too() -> None:
    approved = Event(PENDING, "pending", "grace", NOON + 60, note="step 2 approved: looked at it")
    assert "- 12:01:00 step 2 approved: looked at it (grace)\n" in explain([Event(PENDING, "", "ada", NOON), approved])


def test_a_floor_says_its_own_numbers() -> None:
    back = replace(PENDING, state=State.ROLLING_BACK, reason="the canary's lane host died once")
    note = explain([Event(PENDING, "", "ada", NOON), Event(back, "pending", "judge", NOON + 9_000, {"deaths": 1.0})])
    assert "the canary's lane host died once.\n\nNumbers: deaths 1." in note
    assert "2 h 30 min later it was rolling back" in note


def test_times_are_written_as_everywhere_else() -> None:
    back = replace(PENDING, state=State.ROLLING_BACK, reason="the canary's lane host died once")
    for seconds, text in ((7_200, "2 h later"), (3 * 86_400 + 3_600, "3 d 1 h later")):
        assert text in explain([Event(PENDING, "", "ada", NOON), Event(back, "pending", "judge", NOON + seconds)])
