"""How figures are shown: one run as lines, several fronts as a Markdown table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.tally import QUANTILES, Report, add_up, why_not

SPOKEN = {"grpc": "gRPC", "http": "HTTP/1.1 JSON", "http2": "HTTP/2 JSON", "grpc-many": "gRPC PredictMany"}
_HEAD = (
    "| asked over | front | calls/s (each round) | p50 ms | p90 ms | p99 ms | p99.9 ms | max ms | not OK "
    "| µs a call: worker | Redis | generator | generator busy |"
)


@dataclass(frozen=True, slots=True)
class Row:
    """All rounds of one dialect on one front."""

    front: str
    rounds: Sequence[Report]

    @property
    def sound(self) -> bool:
        """Whether every round may show its rate."""
        return all(report.sound for report in self.rounds)

    @property
    def rate(self) -> float | None:
        """The median of the rounds' rates."""
        rates = [report.rate for report in self.rounds if report.rate is not None]
        return median(rates) if self.sound else None


def markdown(rows: Sequence[Row]) -> str:
    """Return the table, and under it the reasons of every row that has no rate."""
    lines = [_HEAD, "|" + "---|" * (_HEAD.count("|") - 1), *map(_line, rows)]
    for row in rows:
        if not row.sound:
            total = add_up(list(row.rounds))
            reasons = [f"- {reason}" for reason in why_not(row.rounds)]
            lines += ["", f"No rate for {SPOKEN.get(total.dialect, total.dialect)} on {row.front}:", *reasons]
    return "\n".join(lines)


def figures(report: Report) -> str:
    """Return one run's figures, or why it has none."""
    if report.rate is None:
        return "\n".join(["no rate: the run is not sound", *_bullets(report)])
    quantiles = ", ".join(f"{name} {_milliseconds(report.quantile(share))}" for name, share in QUANTILES.items())
    spent = ", ".join(f"{name} {_microseconds(report, name)}" for name in report.processor_seconds)
    return "\n".join(
        [
            f"{SPOKEN.get(report.dialect, report.dialect)}: {report.rate:,.0f} calls/s over {report.seconds:.1f} s,"
            f" {report.connections} connections × {report.streams}, {report.entity_sets:,} entity sets",
            f"ms: {quantiles}, max {_milliseconds(report.tally.latencies.longest / 1e9)}",
            f"not OK: {report.failed:,} of {report.failed + report.tally.good:,};"
            f" {report.tally.not_fresh:,} answers with a feature that was not fresh",
            f"µs of processor a call: {spent}; generator busy {_busy(report)}",
            *_bullets(report, only_faults=True),
        ]
    )


def _line(row: Row) -> str:
    total = add_up(list(row.rounds))
    start = f"| {SPOKEN.get(total.dialect, total.dialect)} | {row.front} | "
    not_ok = f"{total.failed / max(1, total.failed + total.tally.good):.3%}"
    if row.rate is None:
        return start + f"no rate | – | – | – | – | – | {not_ok} | – | – | – | – |"
    rates = ", ".join(f"{report.rate:,.0f}" for report in row.rounds if report.rate is not None)
    cells = [f"**{row.rate:,.0f}** ({rates})"]
    cells += [_milliseconds(total.quantile(share)) for share in QUANTILES.values()]
    cells += [_milliseconds(total.tally.latencies.longest / 1e9), not_ok]
    cells += [_microseconds(total, process) for process in ("worker", "redis", "generator")]
    return start + " | ".join([*cells, _busy(total)]) + " |"


def _bullets(report: Report, only_faults: bool = False) -> list[str]:
    return [] if only_faults and not report.failed else [f"- {reason}" for reason in report.reasons()]


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None or math.isinf(seconds) else f"{seconds * 1e3:.2f}"


def _microseconds(report: Report, process: str) -> str:
    seconds = report.processor_time_per_call(process)
    return "–" if seconds is None else f"{seconds * 1e6:.1f}"


def _busy(report: Report) -> str:
    return f"{report.processor_seconds['generator'] / report.seconds:.0%}"
