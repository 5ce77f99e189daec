"""The memory of a worker above what its bundles take, watched while it works at full load."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Wanted
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.dialect import dialect, requests
from loadtests.generator import Load, generate
from loadtests.memory import Memory, growth, memory_of
from loadtests.processors import WORKER, named
from loadtests.tally import Report, add_up, why_not

PARTS = ("memory-growth",)
_SLICES = 60
_LONG_ENOUGH = 150.0  # seconds: less would be stretched too far to speak of ten minutes


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    return plan.soak + 15.0


def run(bench: Bench) -> list[Finding]:
    """Soak a gateway in slices, and look at its worker between them."""
    bundles = _bundles(bench)
    with bench.gateways.open(Wanted("memory")) as opened:
        (worker,) = named(WORKER, opened.processes.worker)
        samples = [(0.0, memory_of(worker))]
        spoken = dialect("grpc", bench.target(opened.grpc))
        calls = requests(spoken, list(bench.cases))
        reports = []
        while samples[-1][0] < bench.plan.soak:
            bench.say(f"{samples[-1][0]:.0f} s of {bench.plan.soak:.0f}: {samples[-1][1].rss:.0f} MB resident")
            slice_seconds = max(1.0, bench.plan.soak / _SLICES)
            load = Load(64, 1, 0.0, slice_seconds)
            reports.append(generate(load, spoken, opened.grpc, calls, seed=len(samples)))
            samples.append((samples[-1][0] + reports[-1].seconds, memory_of(worker)))
    return _findings(samples, bundles, add_up(reports))


def _findings(samples: list[tuple[float, Memory]], bundles: dict[str, float], total: Report) -> list[Finding]:
    """Say what was taken; memory of a worker that mostly refused says nothing of one at work."""
    first, last = samples[0][1], samples[-1][1]
    taken = sum(bundles.values())
    tail = samples[len(samples) // 2 :]
    conditions = (
        f"{samples[-1][0]:.0f} s at full load, {total.tally.good:,} calls; resident {first.rss:.0f} MB when ready,"
        f" {last.rss:.0f} MB at the end, of which {last.uss:.0f} MB its own; its bundles take {taken:.0f} MB"
    )
    details: dict[str, object] = {
        "bundles_mb": bundles,
        "samples": [{"seconds": at, "rss_mb": one.rss, "pss_mb": one.pss, "uss_mb": one.uss} for at, one in samples],
    }
    trouble = "; ".join(why_not([total]))
    title = "memory of a worker above its bundles"
    above = Finding("memory", title, "MB", [last.rss - taken], conditions, trouble, details)
    return [above, replace(_growth([(at, one.rss) for at, one in tail]), trouble=trouble)]


def _growth(tail: Sequence[tuple[float, float]]) -> Finding:
    """Say what the second half of the soak grew by: as ten minutes' growth where it was long enough to tell."""
    watched = tail[-1][0] - tail[0][0]
    how = f"straight line through the second half of the soak, {watched:.0f} s"
    if watched < _LONG_ENOUGH:
        title = "growth of that memory in the time watched"
        return Finding(
            "memory-drift", title, "MB", [growth(tail, watched)], f"{how}; --soak 600 tells whether it is flat"
        )
    return Finding("memory-growth", "growth of that memory in ten minutes", "MB", [growth(tail, 600.0)], how)


def _bundles(bench: Bench) -> dict[str, float]:
    """Ask another process, which loads the bundles as a worker does, what each of them takes."""
    command = [sys.executable, "-m", "loadtests.inside.bundle_memory", "--models", str(bench.plan.models)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return msgspec.json.decode(result.stdout, type=dict[str, float])
