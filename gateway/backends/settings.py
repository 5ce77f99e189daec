"""What decides where a bundle runs, and what the child processes among those places may take."""

import os
from dataclasses import dataclass, field

from gateway.triton.settings import TritonSettings

# Kernel calls that a host is made of; where they are missing everything runs in process.
HOSTS_POSSIBLE = hasattr(os, "memfd_create") and hasattr(os, "pidfd_open")


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What a lane host gets, and how long one waits for it. Seconds."""

    memory_mb: int = 1024
    """Memory that each of its models may make it take, above what loading them took."""
    nice: int = 5
    """How far its priority lies below the worker's: 0 to 19."""
    cpus: tuple[int, ...] = ()
    """Processors that it may run on; none named: the worker's own."""
    patience: float = 1.0
    """With runs in flight and no answer for so long it is stuck: killed, and started anew."""
    loading: float = 60.0
    """It must be ready by then."""
    tensor_mb: int = 8
    """What a request of a pass-through deployment, and its answer, may be to go there and back. The machine gives only
    what is used of it."""
    slots: int = 12
    """Runs in flight; one more is refused. A pair of both bundles on a row takes four of them."""
    first_pause: float = 0.2
    longest_pause: float = 30.0
    """Before it is started anew, doubled each time."""
    settled: float = 60.0
    """Having been ready for so long it is forgiven: the next pause is the first again."""

    def __post_init__(self) -> None:
        if self.memory_mb < 1 or self.slots < 1:
            raise ValueError("a lane host needs at least 1 MB of memory and one slot")
        if not 1 <= self.tensor_mb <= 1024:
            raise ValueError(f"a slot for tensors has 1 to 1024 MB, not {self.tensor_mb}")
        if not 0 <= self.nice <= 19:
            raise ValueError(f"a lane host's niceness lies between 0 and 19, not at {self.nice}")
        if not (self.patience > 0 and self.loading > 0):
            raise ValueError("a lane host's patience must be above zero")
        if not set(self.cpus) <= set(range(os.cpu_count() or 1)):
            raise ValueError(f"a lane host cannot run on processors {self.cpus}: this machine has {os.cpu_count()}")
        if not 0 < self.first_pause <= self.longest_pause:
            raise ValueError("a lane host's pauses must be above zero, the longest not below the first")


@dataclass(frozen=True, slots=True)
class SeatSettings:
    """Where bundles run."""

    lane_hosts: bool = HOSTS_POSSIBLE
    """Whether arms that are not yet trusted run in processes of their own."""
    host: HostSettings = field(default_factory=HostSettings)
    wait: float = 10.0
    """Seconds that a worker which starts waits for its hosts; those not ready by then it serves without."""
    loop_run: float = 0.002
    """Seconds that a run of 16 rows may take on the event loop's thread; a model that takes longer gets its own."""
    triton: TritonSettings = field(default_factory=TritonSettings)
    """Where the bundles of deployments run that say `backend: triton`."""

    def __post_init__(self) -> None:
        if self.lane_hosts and not HOSTS_POSSIBLE:
            raise ValueError("lane hosts need Linux: use --lane-hosts off")
        if not (self.wait >= 0 and self.loop_run >= 0):
            raise ValueError("waits are not below zero")
