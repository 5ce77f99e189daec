"""Parts of the gateway alone, timed by pytest-benchmark under loadtests/micro/: reported, never demanded."""

import re
import subprocess
import sys

import msgspec

from loadtests.bench.finding import Finding
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.seats import settle

_COMMAND = [sys.executable, "-m", "loadtests.micro"]


class Stats(msgspec.Struct):
    """Seconds, as pytest-benchmark writes them."""

    median: float
    iqr: float
    rounds: int


class Timed(msgspec.Struct):
    """One micro-benchmark; `extra_info` may say how many rows one run has."""

    name: str
    stats: Stats
    extra_info: dict[str, object] = msgspec.field(default_factory=dict)


class Micro(msgspec.Struct):
    """The JSON file of pytest-benchmark, as far as it is read."""

    benchmarks: list[Timed]


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    return 30.0


def run(bench: Bench) -> list[Finding]:
    """Run them all on the worker's core."""
    path = bench.plan.out / "micro.json"
    words = [*_COMMAND, f"--benchmark-json={path}"]
    core = bench.plan.seats.worker
    result = subprocess.run(words, capture_output=True, text=True, check=False, preexec_fn=lambda: settle(core))
    if result.returncode != 0 or not path.exists():
        return [Finding("micro", "micro-benchmarks", "µs", trouble=result.stdout.strip()[-500:])]
    timed = msgspec.json.decode(path.read_bytes(), type=Micro).benchmarks
    return [_finding(one) for one in sorted(timed, key=lambda one: one.name)]


def _finding(timed: Timed) -> Finding:
    rows = int(str(timed.extra_info.get("rows", 1)))
    name = timed.name.removeprefix("bench_")
    value = timed.stats.median * 1e6 / rows
    title = re.sub(r"\[(\d+)\]", r", lists of \1", name.replace("_", " "))
    conditions = f"median of {timed.stats.rounds:,} rounds, quartiles {timed.stats.iqr * 1e6 / rows:.2f} µs apart"
    return Finding(f"micro-{name}", f"{title}, a row", "µs", [value], conditions)
