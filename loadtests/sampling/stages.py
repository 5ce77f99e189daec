"""Which stage of a list's way a sample belongs to: one ordered table of patterns, by the gateway's own files."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

STAGES = (
    "server threads",
    "event loop",
    "receive, reply",
    "decode",
    "admit",
    "features",
    "matrix",
    "run",
    "decide",
    "encode",
    "line",
    "record",
    "mirror",
    "other",
    "idle",
)
SERVER, LOOP, RECEIVE, DECODE, ADMIT, FEATURES, MATRIX, RUN, DECIDE, ENCODE, LINE, RECORD, MIRROR, OTHER, IDLE = STAGES
"""In the order in which they are drawn. The first and the last are no samples: they come from the kernel's accounts."""

EXPLAINED = {
    SERVER: "the server's own threads: sockets, HTTP/2, TLS",
    LOOP: "event loop and the server's hand-over, in C and Rust",
    RECEIVE: "the front: headers, body, trailers, request ids",
    DECODE: "request bytes to a call",
    ADMIT: "deadlines, checks, the wait for a list",
    FEATURES: "Redis: commands out, replies decoded, statuses",
    MATRIX: "the transform and the model's matrix",
    RUN: "ONNX Runtime, canary and shadow too",
    DECIDE: "output contract and thresholds",
    ENCODE: "answer to bytes",
    LINE: "route, share out, hand on",
    RECORD: "metrics",
    MIRROR: "samples for shadows",
    OTHER: "in no file of the table",
    IDLE: "waits for Redis or callers, or another has the core",
}

_BY_LEAF = ((r"/monitoring/", RECORD), (r"/routing/", LINE))
_READS = r"(parse|row_input|_scalars|_empty|_?read|_?decode|from_)"
_BY_FILE = (
    (r"gateway/worker\.py:", LOOP),
    (r"gateway/fronts/\w*messages\w*\.py:.*\b" + _READS, DECODE),
    (r"gateway/fronts/\w*(messages|prediction|timings)\w*\.py:", ENCODE),
    (r"gateway/fronts/\w*wire\w*\.py:.*\b(unframe|timeout)", DECODE),
    (r"gateway/fronts/", RECEIVE),
    (r"gateway/(admission|entrance|entrances|intake|expiry|call|pace)\.py:", ADMIT),
    (r"gateway/(features/|stored\.py:)", FEATURES),
    (r"gateway/matrix\.py:", MATRIX),
    (r"gateway/backends/", RUN),
    (r"gateway/(lane|policy|attempt|halving)\.py:", DECIDE),
    (r"gateway/line\.py:.*\b_?record", RECORD),
    (r"gateway/line\.py:.*\b_?(mirror|sample)", MIRROR),
    (r"gateway/(line|batch|beside|answer_book|kept_answer|deployment|rescue)\.py:", LINE),
    (r"gateway/(meters|record|replay)\.py:", RECORD),
    (r"gateway/shadow\.py:", MIRROR),
)


class Sample(NamedTuple):
    """How often the stack ended in `leaf`, with `ours` as the innermost function of the gateway; both `file:name`."""

    ours: str
    leaf: str
    met: int


def stage_of(sample: Sample) -> str:
    """Return the stage; outside the gateway's files it is the event loop's."""
    for pattern, stage in _BY_LEAF:
        if re.search(pattern, sample.leaf):
            return stage
    if not sample.ours:
        return LOOP
    return next((stage for pattern, stage in _BY_FILE if re.search(pattern, sample.ours)), OTHER)


def shares(samples: Iterable[Sample]) -> Mapping[str, float]:
    """Return each stage's share of all samples; empty when there are none."""
    counted: Counter[str] = Counter()
    for sample in samples:
        counted[stage_of(sample)] += sample.met
    total = counted.total()
    return {stage: counted[stage] / total for stage in STAGES if counted[stage]}


def busiest(samples: Iterable[Sample], count: int) -> list[tuple[str, str, float]]:
    """Return the functions that most samples met: stage, name, share of all."""
    counted: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        counted[stage_of(sample), _short(sample)] += sample.met
    total = counted.total() or 1
    return [(stage, name, met / total) for (stage, name), met in counted.most_common(count)]


def _short(sample: Sample) -> str:
    leaf = sample.leaf.rsplit("/", 1)[-1]
    ours = re.sub(r".*/(gateway/)", r"\1", sample.ours)
    return ours if not ours or ours.endswith(leaf) else f"{ours} → {leaf}"
