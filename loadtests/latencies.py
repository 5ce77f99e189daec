"""Latencies of a run in log-spaced buckets of under 0.8 % width: constant memory, and two runs add up.

The same layout as HdrHistogram's, in a dozen lines because recording one value must cost well under a microsecond.
"""

import math
from itertools import accumulate

_BITS = 7  # 128 buckets to each doubling
_EXACT = 1 << _BITS + 1  # nanoseconds below this have a bucket each
_BUCKETS = 40 << _BITS  # up to 18 minutes


class Latencies:
    """Counts of nanoseconds by bucket; a quantile is its bucket's upper edge, so never flattering."""

    __slots__ = ("counts", "longest")

    def __init__(self) -> None:
        self.counts = [0] * _BUCKETS
        self.longest = 0

    def add(self, nanoseconds: int) -> None:
        """Record one latency."""
        if nanoseconds > self.longest:
            self.longest = nanoseconds
        if nanoseconds < _EXACT:
            self.counts[nanoseconds] += 1
            return
        shift = nanoseconds.bit_length() - _BITS - 1
        self.counts[min((shift << _BITS) + (nanoseconds >> shift), _BUCKETS - 1)] += 1

    def merge(self, other: "Latencies") -> None:
        """Add everything that `other` recorded."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.longest = max(self.longest, other.longest)

    def above(self, nanoseconds: int) -> int:
        """Return how many were longer, to a bucket's width."""
        return sum(count for bucket, count in enumerate(self.counts) if count and _upper_edge(bucket) > nanoseconds)

    def quantile(self, share: float, failed: int = 0) -> float:
        """Return the latency in seconds that `share` of all calls stayed within; `failed` calls count as endless."""
        rank = max(1, math.ceil(share * (sum(self.counts) + failed)))
        for bucket, reached in enumerate(accumulate(self.counts)):
            if reached >= rank:
                return min(_upper_edge(bucket), self.longest) / 1e9
        return math.inf


def _upper_edge(bucket: int) -> int:
    if bucket < _EXACT:
        return bucket
    shift = (bucket >> _BITS) - 1
    return ((bucket - (shift << _BITS) + 1) << shift) - 1
