"""What it costs to carry a load at a place: whole machines, none of them loaded to the brim.

Every place is paid for in cores of this gateway, for running the model or for asking whoever runs it, and in devices,
where it needs some. What the gateway does beside the model is the same wherever that runs, and is not counted.
"""

import math
from dataclasses import dataclass

from gateway.placing.figures import Cell, Kind

HOUR = 3600.0
MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Prices:
    """Of an hour, in whatever money. The defaults are round examples, nobody's offer."""

    cpu: float = 0.05
    """One core."""
    gpu: float = 1.0
    """One GPU, without the cores beside it."""
    triton: float = 1.0
    """The machine that the measured Triton runs on."""
    memory: float = 0.02
    """A gigabyte (10^9 bytes) of the feature Redis."""

    def of_device(self, kind: Kind) -> float:
        """Return what an hour of a place's device costs: 0 on the CPU, which needs none."""
        return {"cpu": 0.0, "gpu": self.gpu, "triton": self.triton}[kind]


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be carried: `calls` a second. Machines are loaded to `utilisation`, above 0 and at most 1."""

    calls: float = 100.0
    rows_per_call: int = 1
    utilisation: float = 0.6

    @property
    def rows(self) -> float:
        """Rows a second."""
        return self.calls * self.rows_per_call


@dataclass(frozen=True, slots=True)
class Cost:
    """Machines for a load, and their price."""

    cores: int
    devices: int
    per_hour: float
    per_million: float
    """Of rows, at that load."""


def cost_of(cell: Cell, load: Load, prices: Prices) -> Cost:
    """Return what a load costs where `cell` was measured, with whole machines."""
    cores = max(cell.place.threads, math.ceil(load.rows * cell.core_seconds / load.utilisation))
    devices = 0 if cell.device_rate is None else math.ceil(load.rows / cell.device_rate / load.utilisation)
    per_hour = cores * prices.cpu + devices * prices.of_device(cell.place.kind)
    return Cost(cores, devices, per_hour, per_hour / (load.rows * HOUR) * MILLION)


def row_price(cell: Cell, load: Load, prices: Prices) -> float:
    """Return what one row costs where machines have other work too: its share of them, not whole ones."""
    device_seconds = 0.0 if cell.device_rate is None else 1.0 / cell.device_rate
    dear = cell.core_seconds * prices.cpu + device_seconds * prices.of_device(cell.place.kind)
    return dear / load.utilisation / HOUR
