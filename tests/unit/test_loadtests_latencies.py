"""Buckets of latencies: quantiles against the exact ones, and two runs that add up."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.latencies import Latencies

nanoseconds = st.integers(min_value=0, max_value=10**12)


def filled(values: list[int]) -> Latencies:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    return latencies


@settings(deadline=None)  # the machine may be busy
@given(st.lists(nanoseconds, min_size=1), st.sampled_from([0.5, 0.9, 0.99, 0.999, 1.0]))
def test_a_quantile_lies_at_or_just_above_the_exact_one(values: list[int], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    assert exact / 1e9 <= filled(values).quantile(share) <= exact * (1 + 1 / 128) / 1e9 + 1e-15


@settings(deadline=None)  # the machine may be busy
@given(st.lists(nanoseconds), st.lists(nanoseconds, min_size=1))
def test_two_runs_add_up(first: list[int], second: list[int]) -> None:
    merged = filled(first)
    merged.merge(filled(second))
    whole = filled(first + second)
    assert merged.counts == whole.counts
    assert merged.longest == whole.longest


def test_failed_calls_count_as_endless() -> None:
    latencies = filled([1_000_000] * 98)
    assert latencies.quantile(0.98, failed=2) == 0.001
    assert latencies.quantile(0.99, failed=2) == math.inf


def test_a_latency_beyond_the_last_bucket_is_kept() -> None:
    assert filled([10**15]).quantile(1.0) == pytest.approx(10**6, rel=2)
