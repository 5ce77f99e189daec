"""Lane hosts with real children for the live tests: made in a line, and looked at from outside."""

import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.backends.host import HostedBackend
from gateway.backends.host_child import COMMAND
from gateway.backends.host_meters import HostMeters
from gateway.backends.lane_host import LaneHost, Proof
from gateway.backends.settings import HostSettings
from gateway.host.order import HostedModel
from monitoring.exposition import read_totals
from monitoring.series import SeriesFile

WIDTH = 3
# The machine may have much else to do: nothing is stuck, or late, before this.
LONG = 30.0
SETTINGS = HostSettings(patience=LONG, first_pause=0.01, longest_pause=0.02)


async def no_proof(backends: Sequence[HostedBackend]) -> None:
    """Find everything in order."""


def model_at(path: Path) -> HostedModel:
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "0" * 64
    return HostedModel(str(path), WIDTH, digest)


@asynccontextmanager
async def running(
    directory: Path,
    models: Sequence[HostedModel],
    settings: HostSettings = SETTINGS,
    command: Sequence[str] = COMMAND,
    proof: Proof = no_proof,
) -> AsyncIterator[LaneHost]:
    """Yield a host whose first start has succeeded or failed; end it in the end."""
    meters = HostMeters(SeriesFile(directory / "metrics", 0), "fraud", "1")
    host = LaneHost("fraud 1", models, proof, meters, settings, command)
    host.start()
    try:
        await host.decided()
        yield host
    finally:
        await host.close()


def total(directory: Path, metric: str, *labels: str) -> float:
    """Return what is counted of the only host, summed over what `labels` leave open."""
    series = read_totals(directory / "metrics")[metric]
    return sum(values[0] for found, values in series.items() if found[2 : 2 + len(labels)] == labels)


def rows(*values: float, second: float = 0.0) -> NDArray[np.float32]:
    """Return rows whose scores are the values."""
    matrix = np.zeros((len(values), WIDTH), dtype=np.float32)
    matrix[:, 0], matrix[:, 1] = values, second
    return matrix


def children(pid: int | None = None) -> list[int]:
    """Return the living hosts among the children of a process, by default of this one."""
    pid = os.getpid() if pid is None else pid
    found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [child for child in found if lives(child) and "gateway" in read(child, "cmdline")]


def lives(pid: int) -> bool:
    """Whether a process runs: one that nobody has reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def read(pid: int, name: str) -> str:
    """Return a file of a process's own under /proc."""
    return Path(f"/proc/{pid}/{name}").read_text()


def descriptors(pid: int) -> list[str]:
    """Return what a process holds open."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            found.append(os.readlink(link))
    return found
