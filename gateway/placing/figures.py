"""What was measured of a model at a place, with lists of one size. Times are in seconds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["cpu", "gpu", "triton"]
_SHOWN = {"cpu": "CPU", "gpu": "GPU", "triton": "Triton"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model may run. `threads` are those of a run on the CPU."""

    kind: Kind
    threads: int = 1

    @property
    def name(self) -> str:
        """What people call it."""
        return _SHOWN[self.kind] + (f", {self.threads} threads" if self.threads > 1 else "")


@dataclass(frozen=True, slots=True)
class Cell:
    """Runs of lists of `rows` rows at one place. `p50` and `p99` are by the wall's clock: so long the line waits."""

    place: Place
    rows: int
    runs: int
    p50: float
    p99: float
    core_seconds: float
    """Processor time of this process for one row: of the run itself on the CPU, of asking for it elsewhere."""
    device_rate: float | None = None
    """Rows a second of the GPU or of the Triton; None on the CPU, where processor time says it all."""
    asker_bound: bool = False
    """The core that asked had no time left: whoever was asked may do more than `device_rate`."""

    @property
    def rate(self) -> float:
        """Rows a second of one core, of the GPU, or of the Triton."""
        return 1.0 / self.core_seconds if self.device_rate is None else self.device_rate


@dataclass(frozen=True, slots=True)
class Absent:
    """A place of which there are no figures, or not with lists of `rows` rows (None: with none), and why."""

    place: Place
    why: str
    rows: int | None = None


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the least of the ordered values, of which there is one at least, that `share` of them do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
