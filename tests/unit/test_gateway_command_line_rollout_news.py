"""What a log is told while a rollout is watched: every change once, and never nothing for long."""

from gateway.command_line.rollout.news import EVERY, News
from gateway.command_line.rollout.watched import WAITING, Watched
from protos.sluice.v1 import rollouts_pb2 as pb
from tests.unit.sample_rollouts import NOON, at_end, canary, deployment, overview

NAME = "fraud-20261122-115000-3f2a"
GW2 = "gateway gw-2: bundle 2 is not there"


class Log:
    """What stands in it of an overview after the other, the time of day left out."""

    def __init__(self) -> None:
        self.news, self.watched = News(), Watched("fraud")

    def hears(self, *deployments: pb.DeploymentState, after: float = 0.0, leader: str = "control-1") -> list[str]:
        found = overview(*deployments, at=NOON + after)
        found.leader = leader
        self.watched = self.watched.heard(found)
        return self.news.lines(self.watched)

    def hears_nothing(self, after: float) -> list[str]:
        self.watched = self.watched.silent("nobody listens", NOON + after)
        return self.news.lines(self.watched)


def test_what_changes_is_a_line_and_figures_alone_are_none() -> None:
    log, more = Log(), canary()
    assert log.hears() == [
        f"12:00:00 {NAME} canary 5 % (step 3 of 6): nothing was found against it in 500 units;"
        f" verdict cannot tell: 812 of 2,000 units of each arm; {GW2}"
    ]
    more.verdict.reason, more.guards[0].evidence = "900 of 2,000 units of each arm", 14.0
    assert log.hears(deployment(more), after=29) == []
    more.approved_by = "grace"
    frozen = deployment(more)
    frozen.frozen = "frozen: market opening (night)"
    (said,) = log.hears(frozen, after=30)
    assert said.endswith(f"; approved by grace; held: frozen: market opening (night); {GW2}")
    assert log.hears(deployment(at_end("rolled back", "row_faults: 20 of 180 units")), after=60) == [
        f"12:01:00 {NAME} rolled back (step 3 of 6): row_faults: 20 of 180 units; {GW2}"
    ]


def test_what_stalls_is_told_every_half_minute_with_what_is_missing_and_how_long_it_takes() -> None:
    log = Log()
    log.hears()
    told = [line for second in range(1, 91) for line in log.hears(after=second)]
    assert [line[:8] for line in told] == ["12:00:30", "12:01:00", "12:01:30"]
    assert told[0] == (
        f"12:00:30 {NAME} canary 5 % (step 3 of 6) for 4 min; verdict cannot tell: 812 of 2,000 units of each arm;"
        f" as things go, this step may be left in 6 min; {GW2}"
    )
    stalled = canary()
    stalled.expected_seconds, stalled.state = 0.0, "awaiting approval"
    log.hears(deployment(stalled), after=91)
    (line,) = log.hears(deployment(stalled), after=91 + EVERY)
    assert f"{NAME} awaiting approval of step 4 of 6, in step 3 at 5 % for 6 min; verdict cannot tell" in line
    assert (
        "; when this step may be left cannot be said yet; step 4 of 6 needs an approval: sluice rollout approve fraud"
    ) in line


def test_what_only_takes_its_time_is_told_with_the_time_that_is_left() -> None:
    log, waiting = Log(), canary()
    waiting.expected_seconds, waiting.since = 0.0, NOON - 580
    waiting.verdict.reason = "580 of 600 s"
    log.hears(deployment(waiting), after=-EVERY)
    (line,) = log.hears(deployment(waiting))
    assert "; verdict cannot tell: 580 of 600 s; this step may be left in 20 s at the earliest; " in line
    waiting.since = NOON - 700
    (line,) = log.hears(deployment(waiting), after=EVERY)
    assert "when this step may be left cannot be said yet" in line


def test_nothing_is_told_again_of_what_is_over() -> None:
    log = Log()
    assert len(log.hears(deployment(at_end("done")))) == 1
    assert log.hears(deployment(at_end("done")), after=10 * EVERY) == []
    assert log.hears(pb.DeploymentState(deployment="quotes"), after=10 * EVERY) == [
        "12:05:00 quotes: no rollout so far",
        f"12:05:00 {WAITING}",
    ]
    assert log.hears(pb.DeploymentState(deployment="quotes"), after=20 * EVERY) == []


def test_no_state_is_told_twice() -> None:
    """A step is entered with the verdict that let it, then every gateway serves it, then it is judged anew."""
    log, entered = Log(), canary()
    entered.reason, entered.settled = "no harm was found in 500 units", False
    entered.verdict.outcome, entered.verdict.reason = "pass", entered.reason
    assert log.hears(deployment(entered)) == [
        f"12:00:00 {NAME} canary 5 % (step 3 of 6): no harm was found in 500 units; not served by every gateway yet;"
        f" {GW2}"
    ]
    served = canary()
    served.reason, served.table = "every gateway serves it", 8
    assert log.hears(deployment(served), after=1) == []
    assert log.hears(deployment(served), after=2) == []
    (line,) = log.hears(deployment(served), after=6)
    assert "verdict cannot tell: 812 of 2,000 units of each arm" in line, "what holds is told before half a minute"
    assert "not served" not in line


def test_nobody_who_leads_and_weights_that_lapse_are_news() -> None:
    log, lapsed = Log(), deployment()
    log.hears()
    assert log.hears(after=1, leader="") == [
        "12:00:01 nobody leads: nothing is judged, nothing goes forward, and canaries lose their weight"
    ]
    lapsed.gateways[0].lapsed = True
    (line,) = log.hears(lapsed, after=2, leader="")
    assert line.endswith(f"; gateway gw-1: the canary's weight has lapsed: the champion answers all units; {GW2}")
    assert log.hears(lapsed, after=3, leader="control-2") == ["12:00:03 control-2 leads"]


def test_silence_is_told_at_once_and_every_half_minute_and_so_is_its_end() -> None:
    log = Log()
    log.hears()
    assert log.hears_nothing(5) == ["12:00:05 not heard: nobody listens; trying again"]
    assert [log.hears_nothing(after) for after in (10, 34)] == [[], []]
    assert log.hears_nothing(35) == ["12:00:35 not heard for 30 s: nobody listens; trying again"]
    assert log.hears(after=20) == ["12:00:20 heard again"]
    assert log.hears_nothing(40) == ["12:00:40 not heard: nobody listens; trying again"]
