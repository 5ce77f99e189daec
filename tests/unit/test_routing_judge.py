"""The judge: what it says of windows, in words that a person can act on, and what it refuses to say."""

import itertools
from dataclasses import replace
from random import Random

import pytest

from routing.comparison import compared
from routing.guard import Guard, Source
from routing.judge import SILENT, USED_UP_EVERY, Judge, Rules
from routing.order import UNKNOWN, Settled
from routing.proof import ProofWanted
from routing.schedule import Stage, Step
from routing.verdict import Outcome, Verdict
from routing.window import Health, Pair, Spread, Window

GUARDS = (
    Guard("row_faults", Source.UNITS),
    Guard("approvals", Source.DECISIONS),
    Guard("slower", Source.PAIRS),
    Guard("flips", Source.SHARES, at_most=0.05),
)
FAULT, APPROVED, SLOWER, FLIPPED = 1, 2, 4, 8
STEP = Step(Stage.CANARY, 2_000)
SHADOW = Step(Stage.SHADOW, 0)


class Worker:
    """Flushes what it is told; every unit is new."""

    def __init__(self, judge: Judge, name: str = "0.1", weight: int = STEP.weight) -> None:
        self.judge, self.name, self.weight = judge, name, weight
        self.now = 0.0
        self.sequence = 0
        self._units = itertools.count()
        judge.join(name, 0.0)

    def calls(self, canary: bool, count: int, signs: int = 0) -> tuple[Settled, ...]:
        units = itertools.islice(self._units, count)
        return tuple(Settled(self.now, unit, canary, 1, self.weight, signs) for unit in units)

    def flush(self, *calls: tuple[Settled, ...], **rest: object) -> Window:
        self.sequence += 1
        self.now += 0.5
        together = tuple(itertools.chain(*calls))
        window = Window(self.name, self.sequence, self.now, self.now, 1, together, **rest)  # type: ignore[arg-type]
        assert self.judge.take(window)
        return window

    def verdict(self, step: Step = STEP) -> Verdict:
        return self.judge.verdict(1, step, 0.0, self.now)


def worker(guards: tuple[Guard, ...] = GUARDS, proof: ProofWanted | None = None) -> Worker:
    return Worker(Judge(Rules(guards, proof or ProofWanted()), 0.0))


def alike(one: Worker, rounds: int, signs: int = 0) -> None:
    """Flush the calls of two arms that behave alike, at the step's weight."""
    for _ in range(rounds):
        one.flush(one.calls(False, 80, signs), one.calls(True, 20, signs))


def test_a_canary_that_fails_more_of_its_units_fails_and_the_reason_says_how_many() -> None:
    one = worker()
    alike(one, 5)
    assert one.verdict().outcome is Outcome.PASS
    for _ in range(4):
        one.flush(one.calls(False, 79), one.calls(False, 1, FAULT), one.calls(True, 15), one.calls(True, 5, FAULT))
    verdict = one.verdict()
    assert (verdict.outcome, verdict.guard) == (Outcome.FAIL, "row_faults")
    assert verdict.reason == "row_faults: canary 20 of 180 units (11.11%), champion 4 of 720 units (0.56%)"
    assert verdict.numbers["evidence"] >= verdict.numbers["enough"] == pytest.approx(500.0)
    alike(one, 50)
    assert one.verdict() == verdict, "nothing that comes later makes it better"


def test_who_hears_hours_at_once_knows_what_was_known_who_heard_them_as_they_came() -> None:
    one, later = worker(), worker().judge
    windows = []
    for number in range(600):
        bad = FAULT if number > 400 and number % 4 == 0 else 0
        windows.append(one.flush(one.calls(False, 8, FAULT if number % 10 == 0 else 0), one.calls(True, 2, bad)))
        one.verdict()
    for window in windows:
        later.take(window)
    later.verdict(1, STEP, 0.0, one.now)
    for known, heard in zip(one.judge.findings.all, later.findings.all, strict=True):
        assert heard.evidence.value == pytest.approx(known.evidence.value)
        assert heard.bad == known.bad
    assert later.proof.evidence == pytest.approx(one.judge.proof.evidence)


def test_time_for_which_nobody_watched_or_the_weight_had_lapsed_does_not_count() -> None:
    one, step = worker(), replace(STEP, least_seconds=60.0)
    looked(one, 20, step)
    one.now += 600.0
    looked(one, 20, step)
    assert one.verdict(step).reason == "24 of 60 s", "of the gap as much as is not yet a silence"
    for _ in range(100):
        one.flush(one.calls(False, 8), one.calls(True, 2), lapsed=True)
    assert one.verdict(step).reason == "24 of 60 s"
    looked(one, 80, step)
    assert one.verdict(step).outcome is Outcome.PASS


def test_windows_that_never_came_are_counted() -> None:
    judge = worker().judge
    judge.take(Window("0.1", 3, 1.0, 1.0))
    judge.take(Window("0.1", 3, 1.0, 1.0))
    judge.take(Window("0.1", 5, 2.0, 2.0))
    assert judge.missed == 3


def test_faults_that_both_arms_share_prove_nothing() -> None:
    one = worker()
    alike(one, 50, FAULT)
    assert one.verdict().outcome is Outcome.PASS


def test_a_canary_that_approves_everything_fails_though_nothing_breaks() -> None:
    one = worker()
    for _ in range(20):
        one.flush(one.calls(False, 72), one.calls(False, 8, APPROVED), one.calls(True, 20, APPROVED))
    assert one.verdict().guard == "approvals"


def test_a_canary_that_approves_nothing_any_more_fails_too() -> None:
    one = worker()
    for _ in range(40):
        one.flush(one.calls(False, 40), one.calls(False, 40, APPROVED), one.calls(True, 20))
    assert one.verdict().guard == "approvals"


@pytest.mark.parametrize(
    ("pair", "guard"), [(Pair(SLOWER, 0), "slower"), (Pair(FLIPPED, 0), "flips"), (Pair(SLOWER | FLIPPED, 0), "flips")]
)
def test_pairs_find_what_is_slower_or_decides_otherwise(pair: Pair, guard: str) -> None:
    one = worker()
    one.flush(pairs=(pair,) * 60)
    verdict = one.verdict(SHADOW)
    assert (verdict.outcome, verdict.guard) == (Outcome.FAIL, guard)
    assert "60" in verdict.reason


def test_pairs_that_both_show_it_or_take_turns_say_nothing() -> None:
    one = worker()
    one.flush(pairs=(Pair(SLOWER, SLOWER),) * 400 + (Pair(SLOWER, 0), Pair(0, SLOWER)) * 200)
    one.flush(pairs=(Pair(FLIPPED, 0), *(Pair(0, 0),) * 19) * 20)
    assert one.verdict(SHADOW).outcome is Outcome.PASS


def test_a_dry_run_guard_reports_and_does_not_act() -> None:
    dry = (replace(GUARDS[0], dry_run=True), Guard("contract", Source.UNITS))
    one = worker(dry)
    for _ in range(10):
        one.flush(one.calls(False, 80), one.calls(True, 20, FAULT))
    assert one.verdict().outcome is Outcome.PASS
    assert one.judge.findings.all[0].evidence.value > 1e6


def test_a_window_is_heard_once_however_often_it_comes() -> None:
    one = worker()
    window = one.flush(one.calls(False, 79), one.calls(True, 20, FAULT))
    evidence = one.verdict().numbers
    assert not one.judge.take(window)
    assert not one.judge.take(replace(window, calls=()))
    assert one.verdict().numbers == evidence
    assert one.judge.findings.units == [79, 20]


def test_calls_wait_for_the_slowest_worker() -> None:
    one = worker()
    other = Worker(one.judge, "1.1")
    one.flush(one.calls(True, 30, FAULT))
    assert one.verdict().outcome is Outcome.PASS
    assert one.judge.findings.units == [0, 0]
    other.flush()
    assert one.verdict().outcome is Outcome.FAIL


def test_a_silent_worker_leaves_it_without_a_source_until_it_is_known_to_have_ended() -> None:
    one = worker()
    Worker(one.judge, "1.1")
    for _ in range(round(2 * SILENT) + 1):
        one.flush(one.calls(False, 80), one.calls(True, 20))
    assert one.verdict().outcome is Outcome.CANNOT_TELL
    assert one.verdict().reason == "worker 1.1 has been silent for 6 s"
    one.judge.leave("1.1")
    assert one.verdict().outcome is Outcome.PASS
    one.judge.leave("0.1")
    assert one.verdict().reason == "no worker has sent anything"


def test_a_worker_that_comes_back_after_a_silence_is_heard_again_and_nothing_twice() -> None:
    one = worker()
    window = one.flush(one.calls(False, 80), one.calls(True, 20))
    one.now += 60.0
    assert one.judge.forget_silent(one.now - 15.0) == ["0.1"]
    assert one.verdict().reason == "no worker has sent anything"
    assert not one.judge.take(window)
    one.flush(one.calls(False, 80), one.calls(True, 20))
    assert one.verdict().outcome is Outcome.PASS
    assert one.judge.findings.units == [160, 40]
    assert one.judge.forget_silent(one.now - 15.0) == []


def test_no_traffic_is_no_pass() -> None:
    one = worker()
    step = replace(STEP, least_exposure=100, least_seconds=10.0)
    for _ in range(30):
        one.flush()
    assert (one.verdict(step).outcome, one.verdict(step).reason) == (Outcome.CANNOT_TELL, "0 of 100 units of each arm")
    one.flush(one.calls(False, 400), one.calls(True, 100))
    one.flush()
    assert one.verdict(step).outcome is Outcome.PASS
    fast = replace(step, least_seconds=60.0)
    assert one.verdict(fast).reason == "16 of 60 s"


def test_units_that_are_used_up_tell_nothing() -> None:
    one = worker()
    while one.now < USED_UP_EVERY:
        one.flush(one.calls(False, 8), one.calls(True, 2), spent=20)
    assert one.verdict().reason.startswith("units used up")
    while one.now < 2 * USED_UP_EVERY:
        one.flush(one.calls(False, 8), one.calls(True, 2))
    assert one.verdict().outcome is Outcome.PASS


def test_a_split_that_is_off_is_no_fault_of_the_canary() -> None:
    one = worker()
    for _ in range(20):
        one.flush(one.calls(False, 80), one.calls(True, 40))
    verdict = one.verdict()
    assert (verdict.outcome, verdict.numbers["seen"]) == (Outcome.CANNOT_TELL, 800)
    assert verdict.numbers["expected"] == pytest.approx(480.0)
    assert verdict.reason.startswith("the split is off")


@pytest.mark.parametrize("proof", [ProofWanted(), ProofWanted(ceiling=0.02)])
def test_the_last_step_asks_for_proof(proof: ProofWanted) -> None:
    one, last = worker(proof=proof), replace(STEP, proof=True)
    alike(one, 2)
    assert one.verdict(last).reason == "that the canary is not worse has not been shown yet"
    for _ in range(200):
        one.flush(one.calls(False, 76), one.calls(False, 4, FAULT), one.calls(True, 20 - (one.sequence % 5 == 0)))
        if one.sequence % 5 == 0 and not proof.ceiling:
            one.flush(one.calls(True, 1, FAULT))
    verdict = one.verdict(last)
    assert verdict.outcome is Outcome.PASS
    assert ("2.00%" if proof.ceiling else "2 times") in verdict.reason


def test_a_canary_that_is_mostly_late_is_neither_more_seldom_nor_harmless() -> None:
    """Nobody knows what its late calls would have shown: no guard is told, and nothing is proved by them."""
    one, last = worker(proof=ProofWanted(ceiling=0.02)), replace(STEP, proof=True)
    for _ in range(100):
        late = one.calls(True, 15, UNKNOWN)
        one.flush(one.calls(False, 40), one.calls(False, 40, APPROVED), one.calls(True, 5, APPROVED), late)
    for step in (STEP, last):
        assert one.verdict(step).outcome is Outcome.CANNOT_TELL
        assert "of the canary's last" in one.verdict(step).reason
    assert not one.judge.proof.shown
    alike(one, 100)
    assert one.verdict().outcome is Outcome.PASS


@pytest.mark.parametrize("sign", [FAULT, APPROVED])
def test_a_champion_that_is_mostly_late_makes_no_canary_worse(sign: int) -> None:
    one = worker()
    for _ in range(100):
        late = one.calls(False, 60, UNKNOWN)
        one.flush(one.calls(False, 20, sign), late, one.calls(True, 20, sign))
    assert one.verdict().outcome is Outcome.PASS


def test_without_a_single_fault_only_a_ceiling_ends_it() -> None:
    one, last = worker(proof=ProofWanted(times=2.0)), replace(STEP, proof=True)
    alike(one, 100)
    assert one.verdict(last).outcome is Outcome.CANNOT_TELL


def looked(one: Worker, rounds: int, step: Step) -> None:
    """Go on alike, with a look at every flush, as a leader looks."""
    for _ in range(rounds):
        alike(one, 1)
        one.verdict(step)


def test_the_day_has_to_be_covered_before_proof_is_enough() -> None:
    one, last = worker(proof=ProofWanted(ceiling=0.02, cover_h=2, cover_units=500)), replace(STEP, proof=True)
    looked(one, 100, last)
    verdict = one.verdict(last)
    assert verdict.outcome is Outcome.CANNOT_TELL
    assert verdict.reason == "1 of 2 hours of the day are covered"
    assert one.verdict().outcome is Outcome.PASS, "other steps do not wait for it"
    assert one.judge.expected(1, last, 0.0, one.now) == pytest.approx(3_550.0 + 500 / 40, abs=1.0)
    one.now += 3_600.0
    looked(one, 60, last)
    assert one.verdict(last).outcome is Outcome.PASS
    assert one.judge.expected(1, last, 0.0, one.now) == 0.0


def test_what_a_step_still_takes_is_the_longest_of_what_is_missing() -> None:
    one, step = worker(), replace(STEP, least_exposure=2_000, least_seconds=40.0)
    looked(one, 10, step)
    assert one.judge.expected(1, step, 0.0, one.now) is None, "nobody knows the traffic after 5 s"
    looked(one, 30, step)
    assert one.judge.expected(1, step, 0.0, one.now) == pytest.approx((2_000 - 800) / 40)
    assert one.judge.expected(1, replace(step, least_exposure=900), 0.0, one.now) == pytest.approx(20.0)
    looked(one, 60, step)
    assert one.judge.expected(1, step, 0.0, one.now) == 0.0


def test_nobody_foretells_what_cannot_be_told() -> None:
    one, last = worker(), replace(STEP, proof=True)
    looked(one, 40, last)
    assert one.judge.expected(1, last, 0.0, one.now) is None, "without a fault and a ceiling it never ends"
    assert one.judge.expected(1, STEP, 0.0, one.now) == 0.0
    one.now += SILENT + 1
    one.verdict()
    assert one.judge.expected(1, STEP, 0.0, one.now) is None, "its worker is silent"
    one.flush(health=BROKEN)
    one.verdict()
    assert one.judge.expected(1, STEP, 0.0, one.now) is None, "it is rolled back"


BROKEN = Health(canary_runs=5, canary_broken=5, champion_runs=100)


@pytest.mark.parametrize(
    ("health", "guard", "reason"),
    [
        (BROKEN, "broken_runs", "5 of 5 runs of the canary failed, and failed again when they were repeated"),
        (Health(host_deaths=1), "host_deaths", "the canary's lane host died once"),
        (Health(golden_wrong=2), "golden_rows", "the canary's golden rows came out wrong 2 times"),
        (
            Health(canary_scores=Spread(200, 0.5, 0.5), champion_scores=Spread(300, 0.1, 0.9)),
            "constant_scores",
            "the canary scored 0.5 on every one of 200 rows, and the champion did not",
        ),
    ],
)
def test_floors_need_no_statistics_and_spare_nobody_but_under_shared_trouble(
    health: Health, guard: str, reason: str
) -> None:
    one = worker()
    one.flush(health=health)
    verdict = one.verdict()
    assert (verdict.outcome, verdict.guard, verdict.reason) == (Outcome.FAIL, guard, reason)
    other = worker()
    other.flush(health=replace(health, strained=True))
    assert other.verdict().outcome is Outcome.CANNOT_TELL
    assert "under strain" in other.verdict().reason


def test_where_rows_break_the_champions_runs_too_more_of_the_canarys_have_to_break() -> None:
    by_chance, more = worker(), worker()
    by_chance.flush(health=replace(BROKEN, champion_broken=60))
    assert by_chance.verdict().outcome is Outcome.PASS
    more.flush(health=replace(BROKEN, champion_broken=60, canary_runs=40, canary_broken=40))
    assert more.verdict().guard == "broken_runs"


def test_an_outage_that_the_champion_shares_is_nobodys() -> None:
    one = worker()
    one.flush(health=Health(champion_runs=2_000, champion_broken=1, champion_out=1))
    one.flush(health=BROKEN)
    verdict = one.verdict()
    assert verdict.outcome is Outcome.CANNOT_TELL
    assert verdict.reason.endswith("but 1 of the champion's runs broke at no row's fault in the same span")


def test_a_clock_that_is_set_back_blinds_nobody() -> None:
    one = worker()
    alike(one, 20)
    one.flush(health=Health(strained=True))
    one.verdict()
    one.now -= 600.0
    for _ in range(10):
        one.flush(one.calls(False, 80), one.calls(True, 20, FAULT))
    verdict = one.verdict()
    assert (verdict.outcome, verdict.guard) == (Outcome.FAIL, "row_faults")
    floor = worker()
    floor.flush(health=Health(strained=True))
    floor.now -= 600.0
    floor.flush(health=BROKEN)
    assert floor.verdict().guard == "broken_runs", "strain before the step is none after it"


def test_calls_that_all_come_too_late_let_nobody_through() -> None:
    one = worker()
    alike(one, 20)
    while one.now < 2 * USED_UP_EVERY:
        units = [Settled(one.now - 30.0, 10_000 + at, False, 1, one.weight, 0) for at in range(5)]
        one.flush(tuple(units))
        verdict = one.verdict()
    assert verdict.outcome is Outcome.CANNOT_TELL
    assert verdict.reason.startswith("most calls came too late")


def test_a_dead_host_is_the_canarys_whatever_breaks_the_champions_runs() -> None:
    one = worker()
    one.flush(health=Health(host_deaths=1, champion_runs=100, champion_broken=60))
    assert one.verdict().guard == "host_deaths"


@pytest.mark.parametrize(
    "health",
    [
        replace(BROKEN, canary_broken=4),
        replace(BROKEN, canary_runs=6),
        replace(BROKEN, champion_runs=99),
        Health(canary_scores=Spread(199, 0.5, 0.5), champion_scores=Spread(300, 0.1, 0.9)),
        Health(canary_scores=Spread(200, 0.5, 0.5), champion_scores=Spread(300, 0.5, 0.5)),
        Health(strained=True),
    ],
)
def test_floors_hold_for_less(health: Health) -> None:
    one = worker()
    one.flush(health=health)
    assert one.verdict().outcome is Outcome.PASS


def test_an_outage_counts_from_where_it_began() -> None:
    one = worker()
    one.flush(health=Health(canary_runs=500, champion_runs=5_000))
    one.flush(health=Health(canary_runs=30, canary_broken=2))
    assert one.verdict().outcome is Outcome.PASS
    one.flush(health=Health(canary_runs=2, canary_broken=2))
    one.flush(health=Health(canary_runs=3, canary_broken=3))
    assert one.verdict().outcome is Outcome.PASS, "nobody knows how the champion fares since then"
    one.flush(health=Health(champion_runs=10))
    assert one.verdict().reason.startswith("5 of 5 runs")


def test_of_a_unit_that_comes_again_pairs_tell_the_time_alone() -> None:
    guards = (Guard("row_faults", Source.UNITS), Guard("flaky", Source.PAIRS), Guard("slower", Source.TIMES))
    flaky, slower = 2, 4
    often, each = worker(guards), worker(guards)
    for at in range(40):
        often.flush(pairs=(Pair(flaky, 0, 7),))
        each.flush(pairs=(Pair(flaky, 0, at),))
    assert [finding.bad for finding in often.judge.findings.all] == [[0, 0], [0, 1], [0, 0]]
    assert often.verdict().outcome is Outcome.PASS
    assert each.verdict().guard == "flaky"
    for _ in range(40):
        often.flush(pairs=(Pair(slower, 0, 7),))
    assert often.verdict().guard == "slower"
    assert often.judge.exposure(1).pairs == 80


AWAY = Health(canary_away=2, champion_runs=20)
"""Half a second of it."""


def test_a_canary_that_nobody_hears_of_is_taken_out_while_the_champion_answers_beside_it() -> None:
    one = worker()
    one.flush(health=Health(canary_runs=500, champion_runs=500))
    for _ in range(4):
        one.flush(health=AWAY)
        assert one.verdict().outcome is Outcome.PASS, "it may come back"
    one.flush(health=AWAY)
    verdict = one.verdict()
    assert (verdict.outcome, verdict.guard) == (Outcome.FAIL, "away_runs")
    assert verdict.reason == "10 of 10 runs of the canary were asked of nobody: it is away"


@pytest.mark.parametrize(
    "health",
    [
        replace(AWAY, champion_away=3),
        replace(AWAY, champion_runs=1),
        replace(AWAY, champion_broken=20),
        replace(AWAY, canary_runs=1),
        replace(AWAY, canary_away=0),
    ],
    ids=["so is the champion", "nobody asks it", "it is broken", "others are answered", "nobody asked"],
)
def test_nobody_is_taken_for_away_who_need_not_be(health: Health) -> None:
    one = worker()
    for _ in range(8):
        one.flush(health=health)
        assert one.verdict().outcome is Outcome.PASS
    other = worker()
    for _ in range(8):
        other.flush(health=replace(AWAY, strained=True))
    assert other.verdict().outcome is Outcome.CANNOT_TELL


def test_floors_forget_what_is_long_ago() -> None:
    one = worker()
    one.flush(health=replace(BROKEN, canary_broken=4))
    for _ in range(30):
        one.flush()
    one.flush(health=replace(BROKEN, canary_broken=1))
    assert one.verdict().outcome is Outcome.PASS


def test_a_rollout_without_a_guard_on_units_could_never_be_promoted() -> None:
    with pytest.raises(ValueError, match="no guard looks at units"):
        Rules(GUARDS[1:])


@pytest.mark.parametrize("wrong", [{"times": 1.0}, {"ceiling": 1.0}, {"alpha": 0.0}])
def test_proofs_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ProofWanted(**wrong)


def test_comparisons_of_all_windows_are_merged_and_say_nothing_to_the_judge() -> None:
    one = worker()
    rows = [compared("card 1", 0.1, 0.9, True), compared("card 2", 0.2, 0.2, False)]
    before = one.verdict()
    for row in rows:
        one.flush(comparison=row)
    again = Window(one.name, 1, one.now, one.now, comparison=rows[0])
    assert not one.judge.take(again), "what is heard twice counts once"
    assert one.judge.comparison == rows[0].merged(rows[1])
    assert one.verdict().outcome is before.outcome


def test_a_canary_that_raises_more_seldom_stays_though_the_champions_bad_units_are_soon_known() -> None:
    """Half of some units' rows break the champion, one in ten of as many others the canary."""
    findings, flaky = worker((Guard("row_faults", Source.UNITS), Guard("flaky", Source.PAIRS))).judge.findings, 2
    random = Random(7)
    for at in range(30_000):
        unit = random.randrange(1_000)
        champion = unit < 50 and random.random() < 0.5
        canary = 50 <= unit < 100 and random.random() < 0.1
        findings.pair(Pair(flaky * canary, flaky * champion, unit))
        assert at % 10 or findings.look(at / 20) is None
    flaky_state = findings.states()[1]
    assert 0 < flaky_state.canary < flaky_state.champion


def test_shares_ask_a_unit_once_an_hour() -> None:
    guards = (Guard("row_faults", Source.UNITS), Guard("flips", Source.SHARES, 1.0, 0.01))
    findings, flips = worker(guards).judge.findings, 2
    for hour in range(3):
        for _ in range(5):
            for unit in range(100):
                findings.pair(Pair(flips if hour == 2 else 0, 0, unit))
        said = findings.look(3600.0 * (hour + 1))
        assert (said is not None) == (hour == 2)
    assert (findings.states()[1].canary, findings.states()[1].champion) == (100, 200)
