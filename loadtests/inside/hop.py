"""`python -m loadtests.inside.hop`: what a run costs in a lane host, against the same run in the worker's own process.

The same rows, in turn: in process, in a host on the same core, in a host on another core. A list waits for the whole
run; what a busy worker loses is the processor time of its own thread, which is counted beside it.
"""

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
import numpy as np
import uvloop
from numpy.typing import NDArray

from gateway.backends.backend import Backend
from gateway.backends.host import HostedBackend
from gateway.backends.host_meters import HostMeters
from gateway.backends.lane_host import LaneHost
from gateway.backends.onnx import OnnxBackend
from gateway.backends.settings import HostSettings
from gateway.bundle import Bundle, load_bundle, prove
from gateway.host.order import HostedModel
from loadtests.collector import collector_off
from loadtests.inside.bundle_memory import BUNDLES
from loadtests.spread import spread
from monitoring.series import SeriesFile

ROWS = (1, 8, 64)
RUNS = 300


class Run(NamedTuple):
    """Microseconds: the median run's wait, and the mean run's processor time in the worker's thread."""

    wait: float
    processor: float


def main(arguments: list[str] | None = None) -> int:
    """Print microseconds a run by place and rows."""
    parser = ArgumentParser(prog="python -m loadtests.inside.hop", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLES / "fraud" / "1", help="a bundle [%(default)s]")
    parser.add_argument("--deployment", default="fraud", help="whose it is [%(default)s]")
    parser.add_argument("--rounds", type=int, default=20, help=f"of {RUNS} runs each [%(default)s]")
    parser.add_argument("--nice", type=int, default=HostSettings().nice, help="the hosts' [%(default)s]")
    options = parser.parse_args(arguments)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("two cores are needed, for a host on another one")
    os.sched_setaffinity(0, cores[:1])
    bundle = load_bundle(options.bundle, options.deployment)
    print(msgspec.json.encode(uvloop.run(measure(bundle, cores, options.rounds, options.nice))).decode())
    return 0


async def measure(bundle: Bundle, cores: Sequence[int], rounds: int, nice: int) -> dict[str, object]:
    """Time all three in turn, every round in another order."""
    async with AsyncExitStack() as stack:
        places: dict[str, Backend] = {"in process": OnnxBackend(bundle.model, len(bundle.plan.features))}
        places["same core"] = await _hosted(bundle, cores[0], nice, stack)
        places["other core"] = await _hosted(bundle, cores[1], nice, stack)
        found: dict[str, object] = {"runs": RUNS, "rounds": rounds, "nice": nice}
        for rows in ROWS:
            matrix = np.resize(bundle.golden.rows, (rows, bundle.golden.rows.shape[1]))
            found[f"{rows} rows"] = _read(await _in_turn(places, matrix, rounds))
    return found


async def _in_turn(places: dict[str, Backend], matrix: NDArray[np.float32], rounds: int) -> dict[str, list[Run]]:
    taken: dict[str, list[Run]] = {name: [] for name in places}
    order = list(places)
    with collector_off():
        for _ in range(rounds):
            order = [*order[1:], order[0]]
            for name in order:
                taken[name].append(await _time(places[name], matrix))
    return taken


async def _time(backend: Backend, matrix: NDArray[np.float32]) -> Run:
    waits = []
    spent = time.thread_time()
    for _ in range(RUNS):
        began = time.perf_counter()
        await backend.run(matrix)
        waits.append(time.perf_counter() - began)
    return Run(median(waits) * 1e6, (time.thread_time() - spent) / RUNS * 1e6)


def _read(taken: dict[str, list[Run]]) -> dict[str, object]:
    """Return medians over the rounds, and what the hosts add, round by round."""
    found: dict[str, object] = {}
    for name, runs in taken.items():
        found[f"{name}: wait, us"] = round(median(run.wait for run in runs), 1)
        found[f"{name}: worker's processor, us"] = round(median(run.processor for run in runs), 1)
    for name in ("same core", "other core"):
        pairs = list(zip(taken[name], taken["in process"], strict=True))
        ratio = spread([theirs.wait / ours.wait for theirs, ours in pairs])
        added = spread([theirs.wait - ours.wait for theirs, ours in pairs])
        found[f"{name}: wait over in process"] = f"{ratio.median:.2f}, {ratio.text()}"
        found[f"{name}: adds to the wait, us"] = f"{added.median:.0f}, {added.text(0)}"
    return found


async def _hosted(bundle: Bundle, core: int, nice: int, stack: AsyncExitStack) -> Backend:
    directory = Path(stack.enter_context(TemporaryDirectory()))
    model = HostedModel(str(bundle.model.resolve()), len(bundle.plan.features), bundle.manifest.files["model.onnx"])

    async def proof(backends: Sequence[HostedBackend]) -> None:
        await prove(bundle, backends[0])

    meters = HostMeters(SeriesFile(directory, 0), bundle.manifest.deployment, bundle.manifest.version)
    host = LaneHost(f"core {core}", [model], proof, meters, HostSettings(nice=nice, cpus=(core,)))
    host.start()
    stack.push_async_callback(host.close)
    await host.decided()
    return host.backend(0)


if __name__ == "__main__":
    sys.exit(main())
