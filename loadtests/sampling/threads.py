"""Processor time of a process by thread, to the nanosecond, as Linux's scheduler accounts for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds that a thread ran, and seconds that it could have run and waited for a core."""

    ran: float
    waited: float


def threads_of(pid: int, proc: Path = Path("/proc")) -> Mapping[int, Spent]:
    """Return what each living thread of a process has spent so far; the main thread's number is the process's."""
    return {int(task.name): _spent(task / "schedstat") for task in (proc / str(pid) / "task").iterdir()}


def since(before: Mapping[int, Spent], after: Mapping[int, Spent]) -> dict[int, Spent]:
    """Return what each thread has spent between the two."""
    nothing = Spent(0.0, 0.0)
    return {
        thread: Spent(spent.ran - before.get(thread, nothing).ran, spent.waited - before.get(thread, nothing).waited)
        for thread, spent in after.items()
    }


def _spent(path: Path) -> Spent:
    ran, waited, _ = path.read_text().split()
    return Spent(int(ran) / 1e9, int(waited) / 1e9)
