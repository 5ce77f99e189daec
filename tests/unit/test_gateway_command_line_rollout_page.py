"""What people read of a rollout: golden texts, for whoever changes a word here changes what an SRE sees at night."""

from collections.abc import Sequence

import pytest
from rich.text import Text

from gateway.command_line.rollout import page
from gateway.command_line.rollout.gauges import bar, filled, sparkline
from gateway.command_line.rollout.looks import history_table
from gateway.command_line.rollout.ruling import side_by_side
from gateway.command_line.rollout.steps import plan
from gateway.command_line.rollout.words import moment, seconds_of, visible
from protos.sluice.v1 import rollouts_pb2 as pb
from tests.unit.sample_rollouts import NOON, STEPS, at_end, canary, deployment, events, overview


def plain(lines: Sequence[Text]) -> str:
    return "\n".join(line.plain.rstrip() for line in lines)


def test_a_rollout_that_runs() -> None:
    assert plain(page.overview(overview(deployment(), pb.DeploymentState(deployment="quotes")))) == (
        "2026-11-22 12:00:00 UTC   leader control-1\n"
        "\n"
        "fraud: canary at 5 % of units for 4 min\n"
        "  rollout   fraud-20261122-115000-3f2a, requested by ada 10 min ago\n"
        "  arms      1 is champion and answers 95 % of units; candidate 2 (9f86d081884c) answers 5 %\n"
        "  steps     ✓ shadow   ✓ canary 1 %   ● canary 5 %   ○ canary 25 %   ○ watched 90 %   ○ watched 98 %\n"
        "  because   nothing was found against it in 500 units\n"
        "  verdict   cannot tell: 812 of 2,000 units of each arm\n"
        "  next      as things go, this step may be left in 6 min\n"
        "  guards    row_faults  ████████············  12.3 of 500       canary 3 of 812 units (0.37%), champion 9 of"
        " 15,000\n"
        "            slower      ····················  0.4 of 500        the canary was worse in 9 pairs\n"
        "            flips       ██████████▉·········  30 (reports)      4 of 90 pairs differ\n"
        "            x of y: what was seen is x times likelier if the candidate is worse than tolerated; at y it is"
        " taken out\n"
        "  proof     █████████▍··········  4.1 of 20 that it is not worse: when full, it may be promoted\n"
        "  gateways  gw-1  table 7, heard 0 s ago\n"
        "            gw-2  table 6 of 7, heard 1 s ago  bundle 2 is not there\n"
        "\n"
        "quotes: no rollout so far"
    )


def test_one_that_waits_for_a_person_says_what_to_type() -> None:
    rollout = canary()
    rollout.state = "awaiting approval"
    text = plain(page.deployment(deployment(rollout), NOON))
    assert "next      as things go, this step may be left in 6 min" in text
    assert "            step 4 of 6 needs an approval: sluice rollout approve fraud" in text
    rollout.approved_by = "grace"
    assert "            approved by grace" in plain(page.deployment(deployment(rollout), NOON))


def test_an_approval_that_a_step_to_come_needs_is_told_ahead() -> None:
    rollout = canary()
    rollout.step = 0
    text = plain(page.deployment(deployment(rollout), NOON))
    assert "● shadow   ○ canary 1 % (approval)   ○ canary 5 %" in text
    assert "needs an approval" in text


@pytest.mark.parametrize(
    ("state", "arms", "steps"),
    [
        ("done", "2 (9f86d081884c) is champion; 1 is kept warm, `sluice rollout undo` returns to it", "✓ watched 98 %"),
        ("rolled back", "1 is champion; 2 (9f86d081884c) was to replace it", "✗ canary 5 %   ○ canary 25 %"),
        ("aborted", "1 is champion; 2 (9f86d081884c) was to replace it", "✗ canary 5 %   ○ canary 25 %"),
        ("rolling back", "1 is champion; 2 (9f86d081884c) was to replace it", "✗ canary 5 %   ○ canary 25 %"),
    ],
)
def test_one_that_is_judged_expects_nothing(state: str, arms: str, steps: str) -> None:
    text = plain(page.deployment(deployment(at_end(state)), NOON))
    assert text.startswith(f"fraud: {state} for 4 min\n")
    assert arms in text
    assert steps in text
    assert "verdict" not in text
    assert "next" not in text
    assert "proof" not in text


def test_a_table_that_is_not_served_everywhere_a_freeze_and_nobody_who_leads_are_said() -> None:
    rollout = canary()
    rollout.settled = False
    rollout.ClearField("verdict")
    one = deployment(rollout)
    one.frozen = "frozen: market opening (night)"
    text = plain(page.overview(pb.Overview(deployments=[one], at=NOON)))
    assert "nobody leads: nothing is judged, nothing goes forward, and canaries lose their weight" in text
    assert "for 4 min, not served by every gateway yet" in text
    assert "verdict   nothing yet" in text
    assert "held      frozen: market opening (night)" in text


def test_a_weight_that_has_lapsed_is_not_shown_as_if_it_held() -> None:
    one = deployment()
    one.gateways[0].lapsed = True
    text = plain(page.deployment(one, NOON))
    assert text.startswith("fraud: canary at 5 % of units, lapsed in 1 of 2 gateways, for 4 min\n")
    assert "gw-1  table 7, heard 0 s ago  the canary's weight has lapsed: the champion answers all units\n" in text


def test_pairs_and_what_they_are_worth() -> None:
    rollout = canary()
    rollout.comparison.CopyFrom(
        pb.Comparison(
            rows=2_000,
            flips=12,
            mean_distance=0.00412,
            quantiles=[pb.QuantileShift(quantile=0.5, champion=0.012, candidate=0.013)],
            money=-12.5,
            most_different=[pb.Differing(entity=f"card {n}", champion=0.01, candidate=0.93) for n in range(5)],
        )
    )
    text = plain(page.deployment(deployment(rollout), NOON))
    worth = "12 decisions flip (0.6 %), worth -12.50 by the policy's prices if it is right, scores 0.0041"
    assert f"2,000 rows scored by both: {worth}" in text
    rollout.comparison.flips = 1
    assert "1 decision flips (0.05 %)" in plain(page.deployment(deployment(rollout), NOON))
    assert "quantiles of scores: 50 % 0.012 -> 0.013\n" in text
    assert "most different: card 0 0.01 -> 0.93, card 1 0.01 -> 0.93, card 2 0.01 -> 0.93\n" in text
    for one in rollout.comparison.most_different:
        one.entity = ""
    text = plain(page.deployment(deployment(rollout), NOON))
    assert "most different: 0.01 -> 0.93, 0.01 -> 0.93, 0.01 -> 0.93; --entities says whose\n" in text


def test_evidence_that_nobody_can_imagine_is_no_figure() -> None:
    rollout = canary()
    rollout.guards[0].evidence, rollout.guards[2].evidence, rollout.proof = 3.1e134, 3.1e134, 3.1e134
    text = plain(page.deployment(deployment(rollout), NOON))
    assert "far over 500" in text
    assert "over a million (reports)" in text
    assert "far over 20 that it is not worse" in text
    assert "e+" not in text


def test_nobody_elses_words_reach_the_terminal_as_commands() -> None:
    rollout = canary()
    rollout.reason = "aborted by eve: \x1b[2J\x1b]0;pwned\x07 gone\nfraud: done"
    text = plain(page.deployment(deployment(rollout), NOON))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "aborted by eve: \N{REPLACEMENT CHARACTER}[2J" in text
    assert "gone\N{REPLACEMENT CHARACTER}fraud: done" in text, "a line of theirs is no line of ours"


def test_the_plan() -> None:
    assert plan(STEPS) == [
        "step  stage    candidate       at least                 for     to enter     to leave",
        "1     shadow   answers nobody  2,000 pairs              5 min   -            no guard against it",
        "2     canary   1 %             500 units of each arm    5 min   an approval  no guard against it",
        "3     canary   5 %             2,000 units of each arm  10 min  -            no guard against it",
        "4     canary   25 %            5,000 units of each arm  20 min  -            proof that it is not worse",
        "5     watched  90 %            -                        60 min  -            no guard against it",
        "6     watched  98 %            -                        23 h    -            no guard against it",
    ]


def test_the_history() -> None:
    assert history_table(events()) == [
        "time (UTC)           rollout                     became      by     because",
        "2026-11-22 11:50:00  fraud-20261122-115000-3f2a  pending     ada    retrained",
        "2026-11-22 11:51:00  fraud-20261122-115000-3f2a  shadowing   judge  every worker has loaded and warmed the"
        " candidate",
        "2026-11-22 11:56:00  fraud-20261122-115000-3f2a  canary 5 %  grace  approved by grace",
    ]


def test_what_left_a_rollout_as_it_was_is_in_its_history_too() -> None:
    approved = events()[1]
    approved.by, approved.note = "grace", "step 2 approved: looked at it"
    assert history_table([approved])[1] == (
        "2026-11-22 11:51:00  fraud-20261122-115000-3f2a          grace  step 2 approved: looked at it"
    )
    assert page.event(approved).plain == "11:51:00                     grace: step 2 approved: looked at it"
    assert side_by_side([approved], [])[1].startswith("11:51:00    0 s    step 2 approved: looked at it (grace)")


def test_a_deployment_that_cannot_be_shown_says_so() -> None:
    one = pb.DeploymentState(deployment="fraud", trouble="it cannot be shown: no rollout")
    assert plain(page.deployment(one, NOON)) == "fraud: it cannot be shown: no rollout"


def test_what_was_decided_beside_what_would_have_been() -> None:
    found = pb.Verdict(outcome="fail", reason="row_faults: 20 of 180 units", guard="row_faults")
    unsure = pb.Verdict(outcome="cannot tell", reason="no traffic")
    rulings = [pb.Ruling(at=NOON - 550, verdict=unsure), pb.Ruling(at=NOON - 100, verdict=found)]
    assert side_by_side(events(), rulings) == [
        "time (UTC)  after  decided then        says the judge now",
        "11:50:00    0 s    pending (ada)",
        "11:50:50    50 s                       cannot tell: no traffic",
        "11:51:00    60 s   shadowing (judge)",
        "11:56:00    6 min  canary 5 % (grace)",
        "11:58:20    8 min                      fail: row_faults: 20 of 180 units",
    ]


def test_a_bar_is_full_when_it_is_enough_and_not_before() -> None:
    assert bar(0.2, 500) == bar(1.0, 500) == "·" * 20
    assert bar(500, 500) == bar(1e9, 500) == "█" * 20
    assert bar(499, 500) == "█" * 19 + "▉"
    assert filled(10, 100) == pytest.approx(0.5), "evidence is multiplied: half of the way is the square root"
    assert filled(10, 0) == filled(10, 1) == 0.0
    assert sparkline([0.1, 1, 10, 99, 100, 1e5], 100) == "▁▁▄▇██"


def test_times() -> None:
    assert [seconds_of(text) for text in ("90s", "1.5m", "24h", "7d")] == [90, 90, 86_400, 604_800]
    with pytest.raises(ValueError, match="say 90s, 15m, 24h or 7d"):
        seconds_of("tomorrow")
    assert [moment(at) for at in (NOON, 1e300)] == ["2026-11-22 12:00:00", "1e+300 s after 1970"]
    assert visible("a\tb") == "a\N{REPLACEMENT CHARACTER}b"
