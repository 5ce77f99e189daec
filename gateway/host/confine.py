"""What a lane host asks of the kernel for itself: less than its worker has, and not to outlive it."""

import os
import resource
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from gateway.processes import die_with_parent

_OWN = Path("/proc/self")
# Of 1,000: when the machine runs out of memory, the kernel takes a host before any worker.
_FIRST_TO_GO = 700
_MEGABYTE = 1 << 20


def confine(worker: int, cpus: Collection[int]) -> None:
    """Take a step back behind the worker. Raises `SystemExit` when the worker has gone already."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the worker ends it, when what it accepted is answered
    die_with_parent(signal.SIGKILL)
    if os.getppid() != worker:
        raise SystemExit("the worker has gone")
    if cpus:
        os.sched_setaffinity(0, cpus)
    # One byte and not none: with none, a core dump may still go to a program.
    resource.setrlimit(resource.RLIMIT_CORE, (min(1, resource.getrlimit(resource.RLIMIT_CORE)[0]),) * 2)
    with suppress(OSError):
        (_OWN / "oom_score_adj").write_text(str(_FIRST_TO_GO))


def limit_memory(megabytes: float) -> None:
    """From now on this process may take so much more memory of its own than it has. Asking for more is an error."""
    most = _data() + int(megabytes * _MEGABYTE)
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _data() -> int:
    lines = (_OWN / "status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmData:"))
    return int(kilobytes) * 1024
