"""Memory as Linux tells it, how it grows, and which processes run a module."""

from pathlib import Path

import pytest

from loadtests.memory import Memory, growth, memory_of
from loadtests.processors import WORKER, named

ROLLUP = """\
46450000000-7ffdc4b4c000 ---p 00000000 00:00 0                           [rollup]
Rss:              125952 kB
Pss:              100352 kB
Pss_Dirty:         71888 kB
Private_Clean:     10240 kB
Private_Dirty:     72704 kB
"""


def test_memory_is_read_in_megabytes(tmp_path: Path) -> None:
    (tmp_path / "5").mkdir()
    (tmp_path / "5/smaps_rollup").write_text(ROLLUP)
    assert memory_of(5, tmp_path) == Memory(rss=123.0, pss=98.0, uss=81.0)


def test_growth_is_that_of_a_straight_line() -> None:
    assert growth([(0.0, 100.0), (10.0, 101.0), (20.0, 102.0)], 600.0) == pytest.approx(60.0)
    assert growth([(0.0, 100.0), (10.0, 102.0), (20.0, 100.0)], 600.0) == pytest.approx(0.0)
    assert growth([(3.0, 100.0)], 600.0) == 0.0


def test_processes_are_told_apart_by_the_names_that_they_gave_themselves(tmp_path: Path) -> None:
    for pid, name in {5: "sluice-worker", 6: "python", 7: "sluice-spare"}.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "comm").write_text(f"{name}\n")
    assert named(WORKER, [5, 6, 7, 8], tmp_path) == [5]
