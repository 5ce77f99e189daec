"""Sources outside: what is a breach, for how long it has to last, and that nothing which is no measurement is one."""

import math
from collections.abc import Iterable

import pytest

from routing.sources import Query, Reading, Sources, Trail, Webhook, check_address, combined
from routing.verdict import Outcome, Verdict, cannot_tell, fail, passes

QUERY = Query("errors", promql="rate(x[1m])", above=0.02, lasts=60.0, every=15.0)
NAMES = {"deployment": "fraud", "candidate": "2.0-rc_1", "champion": "1"}


def trail(values: Iterable[tuple[float, float]], query: Query = QUERY) -> Trail:
    """Return the trail of values, each heard when it was measured."""
    made = Trail(query)
    for at, value in values:
        made = made.heard(query.judged(value, at), at)
    return made


def said(trail: Trail, now: float) -> tuple[Outcome, str]:
    verdict = trail.verdict(now)
    return verdict.outcome, verdict.reason


def test_a_breach_that_lasts_long_enough_is_a_fail_with_its_number() -> None:
    breached = [(15.0 * turn, 0.05) for turn in range(5)]
    assert said(trail(breached[:4]), 45.0) == (Outcome.CANNOT_TELL, "errors: 0.05 > 0.02 for 45 of 60 s")
    verdict = trail(breached).verdict(61.0)
    assert verdict == fail("errors", "errors: 0.05 > 0.02 for 60 s", value=0.05)


def test_without_a_time_the_first_breach_is_enough_and_below_counts_too() -> None:
    query = Query("approved", promql="x", below=0.5, above=0.9)
    assert said(trail([(0.0, 0.4)], query), 1.0) == (Outcome.FAIL, "approved: 0.4 < 0.5 for 0 s")
    assert said(trail([(0.0, 0.95)], query), 1.0)[0] is Outcome.FAIL
    assert said(trail([(0.0, 0.5), (15.0, 0.9)], query), 16.0) == (Outcome.PASS, "approved: 0.9")


@pytest.mark.parametrize("interruption", [0.01, math.nan, math.inf])
def test_a_breach_that_is_interrupted_begins_anew(interruption: float) -> None:
    values = [(0.0, 0.05), (15.0, 0.05), (30.0, interruption), (45.0, 0.05), (60.0, 0.05), (75.0, 0.05)]
    assert said(trail(values), 75.0) == (Outcome.CANNOT_TELL, "errors: 0.05 > 0.02 for 30 of 60 s")


def test_a_breach_with_a_gap_in_it_begins_anew() -> None:
    assert trail([(0.0, 0.05), (45.0, 0.05), (90.0, 0.05)]).verdict(90.0).outcome is Outcome.FAIL
    assert said(trail([(0.0, 0.05), (46.0, 0.05), (91.0, 0.05)]), 91.0)[0] is Outcome.CANNOT_TELL


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_neither_fail_nor_pass(value: float) -> None:
    assert said(trail([(0.0, value)]), 1.0) == (Outcome.CANNOT_TELL, f"errors: the query gave {value:g}")


def test_silence_is_neither_fail_nor_pass() -> None:
    assert said(Trail(QUERY), 9.0) == (Outcome.CANNOT_TELL, "errors has said nothing yet")
    for value in (0.01, 0.05):
        made = trail([(15.0 * turn, value) for turn in range(10)])
        assert made.verdict(180.0).outcome is not Outcome.CANNOT_TELL
        assert said(made, 181.0) == (Outcome.CANNOT_TELL, "errors has been silent for 46 s")


@pytest.mark.parametrize(("at", "which"), [(100.0, "old"), (1_900.0, "early: its clock and ours differ")])
def test_what_is_not_from_now_says_nothing(at: float, which: str) -> None:
    made = trail([(985.0, 0.05)]).heard(QUERY.judged(0.05, at), 1_000.0)
    assert said(made, 1_000.0) == (Outcome.CANNOT_TELL, f"errors: what it says is 900 s {which}")


def test_what_came_late_is_not_heard_after_what_came_first() -> None:
    made = trail([(0.0, 0.01), (15.0, 0.01)])
    assert made.heard(QUERY.judged(0.05, 14.0), 16.0) is made


def test_names_are_put_into_a_query_once_and_only_safe_ones() -> None:
    query = Query(
        "q", promql='x{v="{candidate}",of=~"{champion}|{candidate}",d="{deployment}"} / y{z="{other}"}', above=1
    )
    assert query.written_for(NAMES) == 'x{v="2.0-rc_1",of=~"1|2.0-rc_1",d="fraud"} / y{z="{other}"}'
    for unsafe in ('"} or vector(0) #', "", "a b", "{champion}", "1\n"):
        with pytest.raises(ValueError, match=r"candidate .* cannot stand in a query"):
            query.written_for({**NAMES, "candidate": unsafe})


@pytest.mark.parametrize(
    ("judged", "outside", "exposed", "holds"),
    [
        (passes("ok"), [], True, "ok"),
        (passes("ok"), [passes("b")], True, "ok"),
        (passes("ok"), [passes("b"), cannot_tell("dead")], True, "dead"),
        (passes("ok"), [cannot_tell("dead")], False, "ok"),
        (cannot_tell("few"), [cannot_tell("dead")], True, "few"),
        (cannot_tell("few"), [passes("b")], True, "few"),
        (passes("ok"), [cannot_tell("dead"), fail("c", "worse")], True, "worse"),
        (cannot_tell("few"), [fail("c", "worse")], False, "worse"),
        (fail("g", "faults"), [fail("c", "worse"), cannot_tell("dead")], True, "faults"),
    ],
)
def test_a_fail_of_anyone_fails_and_doubt_of_anyone_holds(
    judged: Verdict, outside: list[Verdict], exposed: bool, holds: str
) -> None:
    assert combined(judged, outside, exposed).reason == holds


def test_a_dead_source_never_passes_for_a_judge_who_cannot_tell() -> None:
    assert combined(cannot_tell("few"), [passes("fine")]).outcome is Outcome.CANNOT_TELL


@pytest.mark.parametrize("url", ["", "prometheus:9090", "ftp://x", "file:///etc/passwd", "http://", "http://a b"])
def test_only_http_addresses_are_asked(url: str) -> None:
    with pytest.raises(ValueError, match=r"url is .* an address like"):
        check_address("url", url)
    check_address("url", "https://user:secret@prometheus.monitoring:9090/base")


def test_a_reading_of_a_webhook_needs_no_number() -> None:
    webhook = Webhook("chargebacks", url="http://risk/")
    made = Trail(webhook).heard(Reading(5.0, Outcome.FAIL, "3 chargebacks"), 5.0)
    assert made.verdict(6.0) == fail("chargebacks", "chargebacks: 3 chargebacks for 0 s")


def test_names_of_sources_are_their_own() -> None:
    with pytest.raises(ValueError, match="a name stands twice: errors, errors"):
        Sources((QUERY,), (Webhook("errors", url="http://risk/"),))
