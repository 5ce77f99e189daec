"""A peer beside ours: rates and ratios only where every round was sound, and the table that shows them."""

import datetime

from loadtests.answer import FRESH, Verdict
from loadtests.generator import Load
from loadtests.in_turn import Pairs
from loadtests.peers.catalogue import PEERS
from loadtests.peers.outcome import Outcome
from loadtests.peers.versus import Versus
from loadtests.tally import Report, Tally

PEER = PEERS[0]
AT = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def report(good: int, faults: int = 0) -> Report:
    tally = Tally()
    for _ in range(good):
        tally.count(FRESH, 1_500_000)
    for _ in range(faults):
        tally.count(Verdict("not the model's score"), 0)
    return Report("grpc", 16, 1, 1.0, 4_000, 0, tally, {"generator": 0.5, "worker": 0.9})


def versus(ours: list[Report], theirs: list[Report]) -> Versus:
    return Versus(PEER, Pairs(ours, theirs))


SOUND = versus([report(300), report(100), report(200)], [report(100), report(100), report(100)])
UNSOUND = versus([report(300)], [report(100, faults=5)])


def test_ratios_are_taken_pair_by_pair() -> None:
    assert SOUND.ratios == [3.0, 1.0, 2.0]
    assert SOUND.spread is not None
    assert (SOUND.spread.median, SOUND.spread.low, SOUND.spread.high) == (2.0, 1.0, 3.0)


def test_one_unsound_round_leaves_no_rate_and_no_ratio() -> None:
    assert (UNSOUND.our_rates, UNSOUND.their_rates, UNSOUND.ratios, UNSOUND.spread) == ([], [], [], None)
    assert UNSOUND.as_json()["ours_over_theirs"] is None


def test_the_table_shows_ratios_reasons_and_failures() -> None:
    text = Outcome(AT, Load(), "ours", [SOUND, UNSOUND], {"Another": "it ended with 1"}).text()
    assert "**2.00** | 1.00 to 3.00" in text
    assert "no rate" in text
    assert f"- {PEER.title}, round 1: 5 × not the model's score" in text
    assert text.endswith("Another could not be measured:\nit ended with 1")
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_one_bad_round_among_many_good_calls_is_named() -> None:
    rounds = [report(20_000), report(100, faults=1)]
    assert "round 2: 1 × not the model's score" in Outcome(AT, Load(), "ours", [versus(rounds, rounds)]).text()
