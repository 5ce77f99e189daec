"""What a run that lasts says on standard error while it goes on: a line every few seconds, of these seconds alone."""

import math
import sys

from loadtests.tally import Tally

EVERY = 5.0
"""Seconds from one line to the next."""


def tell(elapsed: float, seconds: float, part: Tally) -> None:
    """Print what came back in the last so many `seconds`, `elapsed` seconds after measuring began."""
    print(line(elapsed, seconds, part), file=sys.stderr, flush=True)


def line(elapsed: float, seconds: float, part: Tally) -> str:
    """Return it: calls, those that failed with the most frequent reason, and the p99 of all, failed ones endless."""
    failed = sum(part.faults.values())
    calls = part.good + failed
    worst = f" ({max(part.faults, key=lambda kind: part.faults[kind])})" if failed else ""
    p99 = part.latencies.quantile(0.99, failed) if calls else math.inf
    shown = f"p99 {1000 * p99:.1f} ms" if math.isfinite(p99) else "no p99"
    return f"{elapsed:5.0f} s: {calls:,} calls, {calls / seconds:,.0f}/s, {failed:,} failed{worst}, {shown}"
