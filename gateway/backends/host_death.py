"""How a lane host died: a reason that can be counted, and a text that says what happened."""

import signal
from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Every way to die, as a metric's label."""

    SPAWN = "spawn"
    LOAD = "load"
    GOLDEN = "golden"
    MEMORY = "memory"
    STUCK = "stuck"
    NONSENSE = "nonsense"
    SIGNAL = "signal"
    EXIT = "exit"
    CLOSED = "closed"


# What operators, service managers and the kernel send; a bundle that breaks by itself ends by another one.
_SENT = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class Death(NamedTuple):
    """The end of one host process."""

    reason: Reason
    text: str
    model: int = 0
    """The model whose run it was busy with, by its place in the order; without a run the first one."""
    waited: float = 0.0
    """Seconds for which it had waited for a processor, all its life."""
    outside: bool = False
    """Whether somebody else ended it: it had nothing to do, and was sent a signal that no bundle sends itself."""


def of_status(status: int, idle: bool = False) -> Death:
    """Return what an exit status tells, negative for a signal, of one that was `idle`: it had no run in hand."""
    if status >= 0:
        return Death(Reason.EXIT, f"it exited with status {status}")
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = ", perhaps by the kernel, out of memory" if -status == signal.SIGKILL else ""
    text = f"it was killed by {name}{hint}" + (", while it had nothing to do" if idle else "")
    return Death(Reason.SIGNAL, text, outside=idle and -status in _SENT)
