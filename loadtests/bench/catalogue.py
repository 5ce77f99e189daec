"""Every measure of the bench, in the order in which they run. A new one is a file in measures/ and an entry here."""

from loadtests.bench.measure import Measure
from loadtests.bench.measures import (
    calls,
    feature_read,
    list_time,
    memory,
    micro,
    open_loop,
    peers,
    start,
    tls,
    triton_front,
)

MEASURES = (
    Measure(
        "calls",
        "calls/s on every front, latency alone, PredictMany, processor time",
        calls.run,
        calls.seconds,
        calls.PARTS,
    ),
    Measure("tls", "TLS against without, in turn", tls.run, tls.seconds),
    Measure("start", "a killed worker's successor, from its birth to its first answer", start.run, start.seconds),
    Measure(
        "open-loop",
        "independent callers at 50, 70, 90 % of capacity, Redis 0.4 ms away",
        open_loop.run,
        open_loop.seconds,
        open_loop.PARTS,
    ),
    Measure("list-time", "where a list's time goes, by stage and load: the picture", list_time.run, list_time.seconds),
    Measure(
        "memory",
        "memory of a worker at full load (--soak 600 for ten minutes)",
        memory.run,
        memory.seconds,
        memory.PARTS,
    ),
    Measure(
        "feature-read", "lists of 16 rows from Redis, against the Feast SDK", feature_read.run, feature_read.seconds
    ),
    Measure("micro", "decode, split, encode, line alone (pytest-benchmark)", micro.run, micro.seconds),
    Measure(
        "triton-front",
        "Sluice in front of a real Triton against that Triton alone",
        triton_front.run,
        triton_front.seconds,
        triton_front.PARTS,
    ),
    Measure(
        "peers", "what people could choose instead, each beside ours in turn", peers.run, peers.seconds, peers.PARTS
    ),
)


def selected(only: frozenset[str]) -> list[Measure]:
    """Return the measures that hold any of the names, all for none. Raises ValueError with the names that exist."""
    known = {name for measure in MEASURES for name in (measure.name, *measure.parts)}
    if unknown := only - known:
        raise ValueError(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return [one for one in MEASURES if not only or only & {one.name, *one.parts}]
