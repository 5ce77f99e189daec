"""The memory of a process as Linux counts it, and how it grows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes: resident, with shared pages shared out, and the process's own alone."""

    rss: float
    pss: float
    uss: float


def memory_of(pid: int, proc: Path = Path("/proc")) -> Memory:
    """Read a process's memory; raises OSError when it has gone."""
    found = {
        name: int(kilobytes) / 1024 for name, kilobytes in _LINE.findall((proc / f"{pid}/smaps_rollup").read_text())
    }
    return Memory(found["Rss"], found["Pss"], found["Private_Clean"] + found["Private_Dirty"])


def growth(samples: Sequence[tuple[float, float]], over: float) -> float:
    """Return how much a straight line through (second, value) rises in `over` seconds."""
    middle = sum(at for at, _ in samples) / len(samples)
    spread = sum((at - middle) ** 2 for at, _ in samples)
    return over * sum((at - middle) * value for at, value in samples) / spread if spread else 0.0
