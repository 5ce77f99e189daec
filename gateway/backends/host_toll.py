"""What a lane host's lives have cost: deaths that its bundle has to answer for, and time waited for a processor.

A host that waits for a processor is starved, not bad. How long it waited the kernel itself counts, by process; where it
does not (no `/proc/PID/schedstat`) no waiting is seen.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gateway.backends.host_death import Death, Reason

OWN = 0
"""The place of the bundle that a host is for among its models: what others' runs break is not that bundle's fault."""

# What the machine could not give, or what was never begun, is no deed of the bundle's; wrong golden rows count apart.
_NO_DEED = frozenset({Reason.SPAWN, Reason.LOAD, Reason.CLOSED, Reason.GOLDEN})


class Toll(NamedTuple):
    """Sums since the first life; `waited` is in seconds."""

    deaths: int = 0
    golden_wrong: int = 0
    waited: float = 0.0

    def after(self, death: Death) -> "Toll":
        """Return the sums with one life more."""
        deed = death.model == OWN and death.reason not in _NO_DEED and not death.outside
        wrong = death.reason is Reason.GOLDEN
        return Toll(self.deaths + deed, self.golden_wrong + wrong, self.waited + death.waited)


Tolled = Callable[[], Toll]


def no_toll() -> Toll:
    """Of a bundle that has no host."""
    return Toll()


def waited_of(process: int) -> float:
    """Return the seconds for which a process has been ready to run and had no processor; 0 where nobody counts."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) * 1e-9
    except (OSError, IndexError, ValueError):
        return 0.0
