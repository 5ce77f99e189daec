"""Processor time and families of processes, read from a /proc of our own and from the real one."""

import os
from pathlib import Path

import pytest

from loadtests.processors import ProcessorMeter, cores_of, family, held

TICKS = os.sysconf("SC_CLK_TCK")


def write_stat(proc: Path, pid: int, name: str, parent: int, user: int, system: int) -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    fields = ["S", parent, *[0] * 9, user, system, 0, 0]
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(map(str, fields))}\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    write_stat(tmp_path, 1, "init", 0, 900, 900)
    write_stat(tmp_path, 10, "sluice", 1, 1, 2)
    write_stat(tmp_path, 11, "a (strange) name", 10, 30, 40)
    write_stat(tmp_path, 12, "redis-server", 11, 500, 0)
    write_stat(tmp_path, 20, "other", 1, 7, 7)
    return tmp_path


def test_a_family_is_a_process_and_all_below_it(proc: Path) -> None:
    assert family(10, proc) == {10: "sluice", 11: "a (strange) name", 12: "redis-server"}


def test_time_is_summed_over_the_processes_named(proc: Path) -> None:
    assert ProcessorMeter([10, 11], proc)() == pytest.approx(73 / TICKS)


def test_a_process_that_has_gone_counts_nothing(proc: Path) -> None:
    meter = ProcessorMeter([10, 99], proc)
    assert meter() == pytest.approx(3 / TICKS)
    assert family(99, proc) == {}


def test_our_own_time_grows_and_our_core_can_be_held() -> None:
    meter = ProcessorMeter([os.getpid()])
    before, cores = meter(), cores_of([os.getpid()])
    with held([os.getpid()], cores[0]):
        assert cores_of([os.getpid()]) == cores[:1]
    assert cores_of([os.getpid()]) == cores
    with held([os.getpid()], None):
        assert cores_of([os.getpid()]) == cores
    assert meter() >= before
