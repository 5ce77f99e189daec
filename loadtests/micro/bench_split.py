"""The split of traffic: a unit to its arm."""

from pytest_benchmark.fixture import BenchmarkFixture

from loadtests.micro.fraud import deployment
from routing.table import CANARY, CHAMPION

_UNITS = [str(number) for number in range(1000)]


def bench_split(benchmark: BenchmarkFixture) -> None:
    arm_of = deployment().table.arm_of
    benchmark.extra_info["rows"] = len(_UNITS)
    arms = benchmark(lambda: [arm_of(unit) for unit in _UNITS])
    assert set(arms) <= {CHAMPION, CANARY}
    assert arms.count(CHAMPION) > len(_UNITS) / 2
