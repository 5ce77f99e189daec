"""The simulation of the judge: what it draws, what it makes of runs, and when it says that a promise broke."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest

from tests.sim.judge.__main__ import DELAYS, FALSE_ROLLBACKS, JSON, PAGE, main, publish, write
from tests.sim.judge.counts import SLOT, counts_of
from tests.sim.judge.figures import broken_promise, figures_of, line_of
from tests.sim.judge.pairs import ALIKE, SLOWER, play_slower
from tests.sim.judge.plan import GUILTY_LINE, LINE, STREAM, Sizes, parts_of
from tests.sim.judge.power import Cell, play_cell
from tests.sim.judge.rivals import repeated_z_test, thresholds
from tests.sim.judge.scenarios import RAMP
from tests.sim.judge.seen import see
from tests.sim.judge.traffic import Traffic, bursty, draw
from tests.sim.judge.twin import Events, evidence, first_found, first_reached, looks, seldom
from tests.sim.judge.work import Done, play_all

RAMPED = Traffic("ramped", 600.0, shape=bursty, steps=RAMP[:2], champion=0.02, canary=0.05, onset=300.0, outages=True)


def test_traffic_drawn_by_the_second_is_that_drawn_call_by_call() -> None:
    by_second, by_call = see(RAMPED, 1).counts, counts_of(draw(RAMPED, 2), RAMPED.seconds)
    for one, other in (
        (by_second.canary, by_call.canary),
        (by_second.canary_bad, by_call.canary_bad),
        (by_second.champion, by_call.champion),
        (by_second.champion_bad, by_call.champion_bad),
    ):
        assert one.size == other.size == RAMPED.seconds / SLOT
        expected = max(1.0, float(one.sum() + other.sum()) / 2)
        assert abs(one.sum() - other.sum()) < 5 * np.sqrt(2 * expected), "five standard errors of two Poisson counts"


def test_looks_that_are_seldom_show_the_same_evidence() -> None:
    events = see(RAMPED, 3).events
    often, few = looks(0.0, 600.0), seldom(600.0)
    np.testing.assert_allclose(evidence(events, often)[np.isin(often, few)], evidence(events, few), rtol=1e-9)


@pytest.mark.parametrize("burst", [10.0, 500.0])
def test_looking_at_an_eighth_first_finds_the_same(burst: float) -> None:
    at = looks(0.0, 600.0)
    events = Events(burst + np.arange(20) / 10, np.ones(20, bool), np.full(20, 0.05))
    found = first_found(events, at, 600.0)
    assert burst < found == first_reached(events, at, 600.0) < burst + 2.5


def test_the_common_judges_find_what_is_plain_and_keep_what_is_not() -> None:
    fine, bad = (see(Traffic("t", 600.0, champion=0.001, canary=rate), 1).counts for rate in (0.0, 0.2))
    assert thresholds(fine, 0.001) == repeated_z_test(fine) == inf
    assert thresholds(bad, 0.001) == 50.0, "the fifth check"
    assert repeated_z_test(bad) == 10.0, "the first look"
    assert thresholds(bad, 0.15) == inf, "who wrote the threshold knew his traffic"


def test_an_entry_of_the_tables_counts_from_the_onset() -> None:
    ours, fixed, tested, suffered, events = play_cell(Cell(1_000.0, 2_000, 25.0, 60.0), [0])[0]
    assert 0 < ours < 10 <= min(fixed, tested)
    assert 0 < suffered < events
    (slower,) = play_slower(replace(SLOWER[4], rate=1_000.0, seconds=600.0), [0])
    assert 0 < slower[0] < 10


def done(kind: str, rows: list[list[object]]) -> Done:
    part = next(part for part in parts_of(Sizes()) if part.kind == kind)
    return Done(part, rows)


def test_a_promise_breaks_when_the_lower_bound_exceeds_alpha() -> None:
    kept = figures_of(done(STREAM, [[1.0, inf, inf]] * 20 + [[inf, 10.0, inf]] * 1_980))
    assert broken_promise(kept) == "", "20 of 2,000 are 1 %"
    broken = figures_of(done(STREAM, [[1.0, inf, inf]] * 40 + [[inf, 10.0, inf]] * 1_960))
    assert "1.34%" in broken_promise(broken)
    assert (broken["thresholds"], broken["z_test"]) == (0.98, 0.0)
    assert "rolled back" in line_of(broken)


def test_a_guilty_canary_that_is_not_found_or_is_cleared_breaks_one_too() -> None:
    assert not broken_promise(figures_of(done(GUILTY_LINE, [[5.0, "row_faults", False]] * 30)))
    assert "only" in broken_promise(figures_of(done(GUILTY_LINE, [[inf, "", False]] * 5 + [[5.0, "tail", False]] * 25)))
    cleared = figures_of(done(GUILTY_LINE, [[5.0, "row_faults", True]] * 10 + [[5.0, "row_faults", False]] * 20))
    assert "not to be worse" in broken_promise(cleared)


def test_parts_are_played_whole_and_in_order_of_their_seeds() -> None:
    part = replace(next(part for part in parts_of(Sizes(), only="constant") if part.kind == STREAM), runs=5, cost=2.0)
    (found,) = play_all([part], processes=2)
    assert found.rows == part.play(range(5))


def test_a_part_of_it_is_written_and_is_not_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--only", "events: constant, errors 0.1", "--runs", "2", "--processes", "1", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "every promise kept" in capsys.readouterr().out
    document = json.loads((tmp_path / JSON).read_text())
    assert not document["whole"]
    assert [one["name"] for one in document["found"]] == ["constant, errors 0.1 %"]
    assert publish(tmp_path, tmp_path / "results") == 2
    assert publish(tmp_path / "nowhere", tmp_path / "results") == 2


def test_a_whole_one_is_published_with_its_page_and_pictures(tmp_path: Path) -> None:
    parts = {part.kind: part for part in parts_of(Sizes())}
    rows: dict[str, list[list[object]]] = {
        kind: [[10.0, "tail", False]] if "line" in kind or kind == "floors" else [[10.0, 50.0, inf, 3, 30]]
        for kind in parts
    }
    found = [figures_of(Done(part, rows[kind])) for kind, part in parts.items()]
    write(tmp_path, {"whole": True, "found": found})
    assert publish(tmp_path, tmp_path / "results") == 0
    page = (tmp_path / "results" / PAGE).read_text()
    assert all(one["name"] in page for one in found if one["kind"] in (STREAM, LINE, GUILTY_LINE))
    for picture in (FALSE_ROLLBACKS, DELAYS):
        assert (tmp_path / "results" / picture).read_text().endswith("</svg>\n")


def test_nobody_is_slower_among_alike_bundles() -> None:
    assert {cell.ratio for cell in ALIKE} == {1.0}
