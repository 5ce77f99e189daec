"""The line between the fronts and the model: calls in, Redis's replies at hand, a scripted model, answers out."""

import asyncio
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from loadtests.micro.fraud import FraudLine


def bench_line(benchmark: BenchmarkFixture, rows: int, tmp_path: Path, loop: asyncio.AbstractEventLoop) -> None:
    line = FraudLine(tmp_path, loop)
    benchmark.extra_info["rows"] = rows
    answers = benchmark(line.carry, rows)
    assert len(answers) == rows
    assert {answer.outputs["score"] for answer in answers} == {0.25}
