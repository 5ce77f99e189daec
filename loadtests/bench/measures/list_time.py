"""Where a list's time goes: a worker sampled under several loads, and what the sampler itself costs."""

import os
import signal
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from loadtests.bench.busy import busy
from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Opened, Wanted
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.dialect import dialect, requests
from loadtests.generator import Load, Meter, generate
from loadtests.in_turn import Pairs, in_turn
from loadtests.processors import WORKER, ProcessorMeter, named
from loadtests.sampling import startup
from loadtests.sampling.picture import Bar, Watched, bar
from loadtests.sampling.stages import EXPLAINED, OTHER, STAGES, Sample
from loadtests.sampling.threads import Spent, since, threads_of
from loadtests.serving import ServingError
from loadtests.tally import Report, why_not

IN_FLIGHT = (1, 8, 16, 32, 128)
_PATIENCE = 5.0
_UNKNOWN = 0.1
_SHOWN = 25


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    return 10.0 + (len(IN_FLIGHT) + 2 * plan.rounds) * (plan.bar_seconds + 1.0)


def run(bench: Bench) -> list[Finding]:
    """Watch one gateway with the sampler at every load, then hold it against one without, in turn."""
    path = (bench.plan.out / "samples.json").resolve()
    folders = [str(Path(startup.__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {"PYTHONPATH": os.pathsep.join(folders), "SLUICE_SAMPLES": str(path)}
    with bench.gateways.open(Wanted("sampled", variables=variables)) as opened:
        (worker,) = named(WORKER, opened.processes.worker)
        watch = Watch(worker, opened, path)
        drawn = [_bar(bench, opened, watch, in_flight) for in_flight in IN_FLIGHT]
        with bench.gateways.open(Wanted("unsampled")) as bare:
            pairs = in_turn(
                lambda: _ask(bench, opened, 16, None), lambda: _ask(bench, bare, 16, None), bench.plan.rounds, bench.say
            )
    return [_finding(drawn, pairs, bench.plan)]


class Watch:
    """A meter that, read before and after a load, keeps what the worker did between: see `generate`."""

    def __init__(self, worker: int, opened: Opened, path: Path) -> None:
        self._worker = worker
        self._metrics = "http://{}:{}/metrics".format(*opened.metrics)
        self._path = path
        self._before: tuple[float, dict[int, Spent], tuple[float, float]] | None = None
        self.watched: Watched | None = None

    def __call__(self) -> float:
        samples = self._take_samples()
        now = (time.perf_counter(), dict(threads_of(self._worker)), self._lists())
        if self._before is not None:
            self.watched = self._between(self._before, now, samples)
        self._before = None if self._before is not None else now
        return 0.0

    def _between(
        self,
        before: tuple[float, dict[int, Spent], tuple[float, float]],
        after: tuple[float, dict[int, Spent], tuple[float, float]],
        samples: Sequence[Sample],
    ) -> Watched:
        spent = since(before[1], after[1])
        others = sum(one.ran for thread, one in spent.items() if thread != self._worker)
        rows, lists = (new - old for new, old in zip(after[2], before[2], strict=True))
        return Watched(after[0] - before[0], spent[self._worker], others, rows, lists, samples)

    def _take_samples(self) -> list[Sample]:
        self._path.unlink(missing_ok=True)
        os.kill(self._worker, signal.SIGUSR2)
        end = time.monotonic() + _PATIENCE
        while not self._path.exists():
            if time.monotonic() > end:
                raise ServingError(f"the worker wrote no samples within {_PATIENCE:.0f} s")
            time.sleep(0.001)
        return msgspec.json.decode(self._path.read_bytes(), type=list[Sample])

    def _lists(self) -> tuple[float, float]:
        with urllib.request.urlopen(self._metrics, timeout=_PATIENCE) as answer:  # noqa: S310  # our own address
            text = answer.read().decode()
        return metric(text, "sluice_list_rows_sum"), metric(text, "sluice_list_rows_count")


def metric(text: str, name: str) -> float:
    """Add up all series of a metric in Prometheus's text form."""
    lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _bar(bench: Bench, opened: Opened, watch: Watch, in_flight: int) -> tuple[Bar, Report]:
    bench.say(f"{in_flight} calls in flight")
    report = _ask(bench, opened, in_flight, watch)
    if watch.watched is None:
        raise ServingError("nothing was watched: the load ended before it began")
    return bar(in_flight, watch.watched), report


def _ask(bench: Bench, opened: Opened, in_flight: int, watch: Watch | None) -> Report:
    spoken = dialect("grpc", bench.target(opened.grpc))
    connections = min(in_flight, 16)
    load = Load(connections, in_flight // connections, 1.0, bench.plan.bar_seconds)
    worker = ProcessorMeter(opened.processes.worker)
    meters: dict[str, Meter] = {"watch": watch} if watch else {"worker": worker}
    return generate(load, spoken, opened.grpc, requests(spoken, list(bench.cases)), meters)


def _finding(drawn: Sequence[tuple[Bar, Report]], pairs: Pairs[Report], plan: Plan) -> Finding:
    bars = [one for one, _ in drawn]
    ratios, trouble = pairs.ratios(lambda report: report.rate)
    if trouble:
        trouble += ": " + "; ".join(why_not([*pairs.first, *pairs.second]))
    trouble = "; ".join(filter(None, [trouble, *_unsound(drawn), _unknown(bars)]))
    conditions = (
        f"gRPC on h2corn, {plan.bar_seconds:.0f} s a bar, a sample every one to four milliseconds of processor time;"
        " rate under the sampler over"
    )
    return Finding(
        "list-time",
        "a list's time by stage (the picture); rate left under the sampler",
        "×",
        ratios,
        f"{conditions} rate without, 16 in flight; {busy({'with': pairs.first, 'without': pairs.second})}",
        trouble,
        {"bars": [asdict(one) for one in bars]},
        "Where a list's time goes",
        "\n\n".join((_stages(bars), _functions(bars[len(bars) // 2]))),
    )


def _unsound(drawn: Sequence[tuple[Bar, Report]]) -> list[str]:
    """Say of every bar whose load was not answered as it should be: its time is not that of the work."""
    reasons = {one.in_flight: why_not([report]) for one, report in drawn}
    return [f"bar of {in_flight} in flight: {', '.join(why)}" for in_flight, why in reasons.items() if why]


def _unknown(bars: Sequence[Bar]) -> str:
    other = max(one.microseconds.get(OTHER, 0.0) / sum(one.microseconds.values()) for one in bars)
    if other <= _UNKNOWN:
        return ""
    return f"{other:.0%} of a bar lies in files that loadtests/sampling/stages.py does not know: add them there"


def _stages(bars: Sequence[Bar]) -> str:
    """Return the picture's numbers: µs of a row by stage."""
    heads = [f"lists of {one.rows_per_list:.1f} ({one.in_flight} in flight)" for one in bars]
    lines = [f"| µs of a row | {' | '.join(heads)} |", "|" + "---|" * (len(bars) + 1)]
    used = [stage for stage in STAGES if any(stage in one.microseconds for one in bars)]
    for stage in used:
        cells = " | ".join(f"{one.microseconds.get(stage, 0.0):.1f}" for one in bars)
        lines.append(f"| {stage}: {EXPLAINED[stage]} | {cells} |")
    return "\n".join(lines)


def _functions(bar: Bar) -> str:
    """Return the busiest functions of one bar."""
    lines = [
        f"The busiest functions at {bar.in_flight} in flight:",
        "",
        "| stage | function | µs of a row |",
        "|---|---|---|",
    ]
    return "\n".join(
        [*lines, *(f"| {stage} | `{name}` | {time:.1f} |" for stage, name, time in bar.functions[:_SHOWN])]
    )
