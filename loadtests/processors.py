"""Processor time of processes and the cores they may use, as Linux tells them under /proc."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
WORKER, SPARE, HOST = "sluice-worker", "sluice-spare", "sluice-host"  # as they name themselves


class _Stat(NamedTuple):
    name: str
    parent: int
    ticks: int


class ProcessorMeter:
    """Reads the seconds that processes have spent so far, in user and kernel mode."""

    def __init__(self, pids: Iterable[int], proc: Path = _PROC) -> None:
        self._stats = [proc / str(pid) / "stat" for pid in pids]

    def __call__(self) -> float:
        stats = [_stat(path) for path in self._stats]
        return sum(stat.ticks for stat in stats if stat) / _TICKS


def family(pid: int, proc: Path = _PROC) -> dict[int, str]:
    """Return a process and its living descendants with their names.

    To be asked before a run: walking /proc takes milliseconds, which would stand in the run's own latencies.
    """
    stats = {int(path.parent.name): stat for path in proc.glob("[0-9]*/stat") if (stat := _stat(path))}
    return {number: stat.name for number, stat in stats.items() if _descends(number, pid, stats)}


def named(name: str, pids: Iterable[int], proc: Path = _PROC) -> list[int]:
    """Return those of the processes that have given themselves this name: `WORKER`, `SPARE`, `HOST`."""
    found = []
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            if (proc / str(pid) / "comm").read_text().strip() == name:
                found.append(pid)
    return found


def cores_of(pids: Iterable[int]) -> list[int]:
    """Return the cores that any of the processes may use."""
    cores: set[int] = set()
    for pid in pids:
        with suppress(ProcessLookupError):
            cores |= os.sched_getaffinity(pid)
    return sorted(cores)


@contextmanager
def held(pids: Iterable[int], core: int | None) -> Iterator[None]:
    """Hold every thread of the processes on one core for a while; None leaves them where they are."""
    before: dict[int, set[int]] = {}
    for thread in _threads(pids) if core is not None else []:
        with suppress(ProcessLookupError):
            before[thread] = os.sched_getaffinity(thread)
            os.sched_setaffinity(thread, {core} if core is not None else before[thread])
    try:
        yield
    finally:
        for thread, cores in before.items():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(thread, cores)


def _threads(pids: Iterable[int]) -> list[int]:
    return [int(task.name) for pid in pids for task in (_PROC / str(pid) / "task").glob("[0-9]*")]


def _stat(path: Path) -> _Stat | None:
    """Read a stat file; None for a process that has just gone."""
    try:
        start, _, rest = path.read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = rest.split()
    return _Stat(start.partition("(")[2], int(fields[1]), int(fields[11]) + int(fields[12]))


def _descends(number: int, ancestor: int, stats: dict[int, _Stat]) -> bool:
    while number != ancestor:
        if number not in stats:
            return False
        number = stats[number].parent
    return True
