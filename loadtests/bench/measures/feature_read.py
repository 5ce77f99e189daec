"""Reading stored features in lists of 16: the gateway's reader against the Feast SDK, in one process on one core."""

import subprocess
import sys

import msgspec

from loadtests.bench.finding import Finding
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.seats import settle


class Read(msgspec.Struct, frozen=True):
    """What the process that reads says: microseconds of a list by round, in turn."""

    ours_us: list[float]
    sdk_us: list[float]
    sdk_to_dict_us: list[float]
    lists: int
    rows: int
    features: int
    compared: int
    sdk: str


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    return 10.0 + 3.0 * plan.pair_rounds


def run(bench: Bench) -> list[Finding]:
    """Run it on the worker's core: both readers spend the time of one interpreter."""
    command = [sys.executable, "-m", "loadtests.inside.feature_read", "--redis", bench.ground.redis]
    command += ["--rounds", str(bench.plan.pair_rounds), "--models", str(bench.plan.models)]
    core = bench.plan.seats.worker
    result = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=lambda: settle(core))
    title = "feature read in lists of 16, against the Feast SDK"
    if result.returncode != 0:
        return [Finding("feature-read", title, "×", trouble=result.stderr.strip()[-500:])]
    read = msgspec.json.decode(result.stdout, type=Read)
    ratios = [theirs / ours for theirs, ours in zip(read.sdk_us, read.ours_us, strict=True)]
    whole = [theirs / ours for theirs, ours in zip(read.sdk_to_dict_us, read.ours_us, strict=True)]
    conditions = (
        f"{read.sdk}, {read.rows} rows × {read.features} features, {read.lists} lists a round, in turn;"
        f" {read.compared:,} values compared and equal; the SDK's answer not yet turned into a dict"
        f" (with to_dict: {min(whole):.1f} to {max(whole):.1f} ×)"
    )
    return [Finding("feature-read", title, "×", ratios, conditions, "", msgspec.to_builtins(read))]
