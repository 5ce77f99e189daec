"""Where a model should run, from figures: costs on whole machines, the cheapest that fits, and what is said of it."""

import pytest

from gateway.placing.costs import Cost, Load, Prices, cost_of, row_price
from gateway.placing.figures import Absent, Cell, Place, quantile
from gateway.placing.verdict import Allowance, judge, money, offers_of

PRICES = Prices(cpu=0.1, gpu=2.0, triton=3.0)
ALLOWANCE = Allowance(budget=0.1, share=0.1)
ANY = Absent(Place("gpu"), "there is none")


def cpu(rows: int, p99: float, seconds: float, threads: int = 1) -> Cell:
    """A run on the CPU, of which a row takes so many seconds."""
    return Cell(Place("cpu", threads), rows, 1000, p99 / 2, p99, seconds)


def gpu(rows: int, p99: float, rate: float, seconds: float = 1e-6) -> Cell:
    """A GPU that makes so many rows a second."""
    return Cell(Place("gpu"), rows, 1000, p99 / 2, p99, seconds, rate)


def triton(rows: int, p99: float, rate: float, seconds: float = 1e-4) -> Cell:
    """A Triton that makes so many rows a second."""
    return Cell(Place("triton"), rows, 1000, p99 / 2, p99, seconds, rate)


def said(cells: list[Cell], load: Load) -> str:
    return judge(offers_of(cells, load, PRICES, ALLOWANCE), [], load, ALLOWANCE).sentence


def test_the_cpu_costs_whole_cores_that_are_not_full() -> None:
    # 7,000 rows/s of 100 µs are 0.7 of a core, and of two cores 0.35 each: one at 0.6 is not enough.
    assert cost_of(cpu(8, 0.001, 1e-4), Load(7_000, 1, 0.6), PRICES) == Cost(2, 0, 0.2, pytest.approx(0.2 / 25.2))
    assert cost_of(cpu(8, 0.001, 1e-4), Load(5_900, 1, 0.6), PRICES).cores == 1
    assert cost_of(cpu(8, 0.001, 1e-4), Load(5_900, 2, 0.6), PRICES).cores == 2


def test_a_run_of_four_threads_takes_four_cores_however_little_there_is_to_do() -> None:
    assert cost_of(cpu(8, 0.001, 1e-6, threads=4), Load(1.0), PRICES).per_hour == pytest.approx(0.4)


def test_an_idle_device_costs_its_whole_hour_and_the_core_that_asks_it() -> None:
    cost = cost_of(gpu(64, 0.001, rate=1e6), Load(0.5), PRICES)
    assert (cost.cores, cost.devices, cost.per_hour) == (1, 1, pytest.approx(2.1))
    assert cost.per_million == pytest.approx(2.1 / 1800 * 1e6)


def test_devices_are_added_as_the_load_grows() -> None:
    assert cost_of(gpu(64, 0.001, rate=1_000), Load(601, 1, 0.6), PRICES).devices == 2


def test_a_share_of_machines_costs_no_more_than_whole_ones() -> None:
    cell, load = triton(64, 0.001, rate=3_000), Load(500, 3)
    assert row_price(cell, load, PRICES) * load.rows * 3600 <= cost_of(cell, load, PRICES).per_hour
    assert row_price(cell, load, PRICES) == pytest.approx((1e-4 * 0.1 + 3.0 / 3_000) / 0.6 / 3600)


def test_at_a_low_load_the_cpu_wins_and_at_a_high_one_the_gpu() -> None:
    cells = [cpu(1, 0.001, 1e-3), gpu(64, 0.002, rate=1e5)]
    assert said(cells, Load(100)).startswith(
        "CPU, row by row, meets the budget at the least cost: 0.10 an hour (1 core)"
    )
    assert said(cells, Load(40_000)).startswith("GPU, in lists of up to 64, meets")


def test_the_runner_up_is_another_place_at_its_cheapest() -> None:
    cells = [cpu(1, 0.001, 1e-4), cpu(8, 0.002, 1e-4), gpu(8, 0.001, rate=1e6), triton(8, 0.001, rate=1e6)]
    load = Load(100)
    verdict = judge(offers_of(cells, load, PRICES, ALLOWANCE), [], load, ALLOWANCE)
    assert verdict.winner is not None
    assert verdict.winner.cell is cells[0]
    assert verdict.runner_up is not None
    assert verdict.runner_up.cell is cells[2]
    assert verdict.sentence.endswith("The runner-up, GPU, would cost 2.10 an hour (1 GPU + 1 core), 21 times as much.")


def test_one_kind_with_more_threads_is_runner_up_only_where_there_is_no_other() -> None:
    cells = [cpu(1, 0.001, 1e-4), cpu(1, 0.001, 1e-4, threads=2)]
    assert "The runner-up, CPU, 2 threads, would cost 0.20" in said(cells, Load(1.0))
    assert "The runner-up, GPU, would cost 2.10" in said([*cells, gpu(1, 0.001, rate=1e6)], Load(1.0))


def test_of_those_that_cost_the_same_the_faster_wins() -> None:
    assert said([cpu(8, 0.004, 1e-5), cpu(4, 0.002, 1e-5)], Load(1.0)).startswith("CPU, in lists of up to 4")


def test_who_is_late_does_not_win_however_cheap() -> None:
    assert said([cpu(1, 0.0101, 1e-5), triton(1, 0.01, rate=1e4)], Load(1.0)).startswith("Triton, row by row")


def test_a_list_that_holds_no_call_does_not_win() -> None:
    assert said([cpu(1, 0.0001, 1e-5), cpu(16, 0.002, 1e-5)], Load(1.0, 10)).startswith("CPU, in lists of up to 16")


def test_where_nobody_fits_it_is_said_what_would_help() -> None:
    load = Load(10, 8)
    verdict = judge(
        offers_of([cpu(2, 0.005, 1e-3), cpu(8, 0.02, 1e-3)], load, PRICES, ALLOWANCE), [ANY], load, ALLOWANCE
    )
    assert verdict.winner is None
    assert "the fastest, CPU in lists of 8, has a p99 of 20 ms, and a run may take 10 ms" in verdict.sentence
    assert "calls of at most 2 rows instead of 8; budget_ms of 200 or more" in verdict.sentence
    assert verdict.sentence.endswith("a GPU, which could not be measured here.")


def test_without_figures_there_is_no_winner() -> None:
    assert judge([], [ANY], Load(), ALLOWANCE).sentence.startswith("No place could be measured")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (12_345.678, "12,345.68"),
        (0.1, "0.10"),
        (0.05, "0.05"),
        (0.1389, "0.139"),
        (0.0000475, "0.0000475"),
        (0.0, "0.00"),
    ],
)
def test_small_amounts_keep_three_digits(amount: float, shown: str) -> None:
    assert money(amount) == shown


def test_a_quantile_is_a_value_that_was_measured() -> None:
    assert [quantile(range(1, 101), share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert quantile([7.0], 0.99) == 7.0
