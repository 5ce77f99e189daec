"""Whether computing ahead is cheaper: where it breaks even, and what is said of it."""

from dataclasses import replace

import pytest

from gateway.placing.ahead import AheadTerms, AheadVerdict, weigh
from gateway.placing.costs import Load, Prices
from gateway.placing.figures import Cell, Place

PRICES = Prices(cpu=0.36, gpu=3.6, memory=0.0)
RUN = Cell(Place("cpu"), 64, 1000, 0.001, 0.002, core_seconds=1e-4)
TERMS = AheadTerms(entities=360_000, fresh=3600.0, entity_seconds=0.0, score_bytes=0.0)
"""A hundred entities a second."""


def weighed(calls: float, terms: AheadTerms = TERMS, online: Cell = RUN, rows: int = 1) -> AheadVerdict:
    return weigh(online, RUN, Load(calls, rows), PRICES, terms)


def test_it_breaks_even_where_as_many_rows_are_asked_about_as_are_computed() -> None:
    assert weighed(99.0).break_even == pytest.approx(100.0)
    assert not weighed(99.0).cheaper
    assert weighed(101.0).cheaper


def test_costs_are_those_of_shares_of_machines() -> None:
    # 100 runs a second of 0.1 ms are 0.01 of a core, at a load of 0.6 of one at 0.36.
    assert weighed(50.0).ahead == pytest.approx(0.01 / 0.6 * 0.36)
    assert weighed(50.0).saved == pytest.approx(0.005 / 0.6 * 0.36)


@pytest.mark.parametrize(
    ("terms", "break_even"),
    [
        (replace(TERMS, hit_share=0.5), 200.0),
        (replace(TERMS, fresh=7200.0), 50.0),
        (replace(TERMS, entities=720_000), 200.0),
        (replace(TERMS, entity_seconds=1e-4), 200.0),
    ],
)
def test_what_moves_it(terms: AheadTerms, break_even: float) -> None:
    assert weighed(100.0, terms).break_even == pytest.approx(break_even)


def test_calls_of_many_rows_break_even_earlier() -> None:
    assert weighed(100.0, rows=4).break_even == pytest.approx(25.0)


def test_memory_is_paid_for_whatever_is_asked() -> None:
    prices = replace(PRICES, memory=1.0)
    with_memory = weigh(RUN, RUN, Load(100.0), prices, replace(TERMS, score_bytes=1e6))
    assert with_memory.ahead == pytest.approx(0.01 / 0.6 * 0.36 + 360.0)


def test_a_run_on_a_device_is_saved_with_the_device() -> None:
    device = Cell(Place("gpu"), 64, 1000, 0.001, 0.002, core_seconds=1e-4, device_rate=1e4)
    assert weighed(100.0, online=device).break_even == pytest.approx(100.0 / 11)


def test_it_is_said_in_words() -> None:
    said = weighed(50.0).sentence
    assert said.startswith("Computing 360,000 scores every 1 h costs 0.006 an hour")
    assert "it is the cheaper one from 100 calls/s on, so it is not at the 50 given." in said
    assert "so it is at the 500 given" in weighed(500.0).sentence


def test_where_one_core_does_it_all_no_machine_is_saved() -> None:
    assert "no whole machine is saved" in weighed(500.0).sentence
    assert "no whole machine is saved" not in weighed(50_000.0).sentence
