"""The feature store's bytes, without its socket: commands for a list, and replies decoded into a block."""

from pytest_benchmark.fixture import BenchmarkFixture

from gateway.features.list_read import ListRead
from loadtests.micro.fraud import EVENT_NOW, bundle, keys, replies


def bench_feature_commands(benchmark: BenchmarkFixture, rows: int) -> None:
    plan = bundle().plan
    wanted = keys(plan, rows)
    benchmark.extra_info["rows"] = rows
    assert benchmark(ListRead, plan, wanted).owed == len(plan.groups) * rows


def bench_feature_decode(benchmark: BenchmarkFixture, rows: int) -> None:
    plan = bundle().plan
    read, answered = ListRead(plan, keys(plan, rows)), replies(plan, rows)
    benchmark.extra_info["rows"] = rows
    block = benchmark(lambda: read.conclude(list(answered), EVENT_NOW))
    assert block.values.tolist() == [[float(row + 1)] * len(plan.stored) for row in range(rows)]
