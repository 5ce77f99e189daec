"""`python -m tests.sim.judge`: how often innocent canaries are rolled back, and how soon guilty ones.

Runs are drawn with fixed seeds and judged after every flush, twice a second, by the twin of the shipped arithmetic
(`tests/sim/test_routing_judge.py` shows the two equal). Exit status 1 when the lower bound (99 %, Clopper-Pearson) of a
false-rollback share exceeds α.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import beta

from routing.guard import ALPHA
from tests.sim.judge.pairs import ALIKE, SLOWER, PairTraffic, pair_events
from tests.sim.judge.rivals import repeated_z_test, thresholds
from tests.sim.judge.scenarios import GUILTY, INNOCENT
from tests.sim.judge.traffic import Traffic, draw
from tests.sim.judge.twin import events_of, first_reached

_BATCH = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Play everything; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.judge", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs of each innocent scenario [2000]")
    parser.add_argument("--guilty-runs", type=int, default=100, help="runs of each guilty scenario [100]")
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    parser.add_argument(
        "--out", type=Path, default=Path(".sluice/sim"), help="where judge.json is written [.sluice/sim]"
    )
    options = parser.parse_args(arguments)
    innocent = [one for one in INNOCENT if options.only in one.name]
    guilty = [one for one in GUILTY if options.only in one.name]
    with ProcessPoolExecutor() as pool:
        found = [_show_innocent(pool, one, options.runs) for one in innocent]
        power = [_show_guilty(pool, one, options.guilty_runs) for one in guilty]
        slow = [_show_pairs(one, options.runs) for one in (ALIKE, *SLOWER) if options.only in one.name]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "judge.json").write_text(
        json.dumps({"alpha": ALPHA, "innocent": found, "guilty": power, "pairs": slow}, indent=1)
    )
    broken = [one["name"] for one in found if one["lower"] > ALPHA]
    print(
        f"\n{len(found) - len(broken)} of {len(found)} innocent scenarios within α = {ALPHA:g}"
        + "; ".join(["", *broken])
    )
    return 1 if broken else 0


def _play(traffic: Traffic, seeds: Sequence[int]) -> np.ndarray:
    """Return by run when each judge rolled back (ours, thresholds, z-test), and the canary's bad calls until then."""
    runs = [draw(traffic, seed) for seed in seeds]
    ours = first_reached([events_of(run) for run in runs], traffic.seconds, ALPHA)
    rows = []
    for run, when in zip(runs, ours.tolist(), strict=True):
        suffered = int((run.canary & run.bad & (run.at >= traffic.onset) & (run.at < when)).sum())
        rows.append([when, thresholds(run, traffic.seconds), repeated_z_test(run, traffic.seconds), suffered])
    return np.array(rows)


def _show_pairs(traffic: PairTraffic, runs: int) -> dict[str, object]:
    when = first_reached([pair_events(traffic, seed) for seed in range(runs)], traffic.seconds, ALPHA) - traffic.onset
    median, p90 = np.quantile(when, (0.5, 0.9), method="inverted_cdf")
    share = float(np.isfinite(when).mean())
    print(f"{traffic.name:28} found in {share:.4f} of {runs}, median {median:.1f} s, p90 {p90:.1f} s", flush=True)
    return {"name": traffic.name, "runs": runs, "share": share, "median": float(median), "p90": float(p90)}


def _all(pool: ProcessPoolExecutor, traffic: Traffic, runs: int) -> tuple[np.ndarray, float]:
    began = time.monotonic()
    batches = [range(at, min(at + _BATCH, runs)) for at in range(0, runs, _BATCH)]
    return np.concatenate(list(pool.map(partial(_play, traffic), batches))), time.monotonic() - began


def _show_innocent(pool: ProcessPoolExecutor, traffic: Traffic, runs: int) -> dict[str, object]:
    rows, seconds = _all(pool, traffic, runs)
    back = np.isfinite(rows[:, :3]).sum(axis=0)
    lower = float(beta.ppf(0.01, back[0], runs - back[0] + 1)) if back[0] else 0.0
    shares = back / runs
    print(
        f"{traffic.name:48} rolled back {back[0]:4d} of {runs} ({shares[0]:.4f}, at least {lower:.4f});"
        f" thresholds {shares[1]:.3f}, z-test {shares[2]:.3f}  [{seconds:.0f} s]",
        flush=True,
    )
    return {"name": traffic.name, "runs": runs, "lower": lower, "shares": shares.tolist()}


def _show_guilty(pool: ProcessPoolExecutor, traffic: Traffic, runs: int) -> dict[str, object]:
    rows, seconds = _all(pool, traffic, runs)
    delays = rows[:, :3] - traffic.onset
    median, p90 = np.quantile(delays, (0.5, 0.9), axis=0, method="inverted_cdf")
    print(
        f"{traffic.name:28} median {median[0]:7.1f} s, p90 {p90[0]:7.1f} s, {np.median(rows[:, 3]):5.0f} bad answers;"
        f" thresholds {median[1]:7.1f} s, z-test {median[2]:7.1f} s  [{seconds:.0f} s]",
        flush=True,
    )
    return {
        "name": traffic.name,
        "runs": runs,
        "median": median.tolist(),
        "p90": p90.tolist(),
        "suffered": float(np.median(rows[:, 3])),
    }


if __name__ == "__main__":
    sys.exit(main())
