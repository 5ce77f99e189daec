"""Where Triton is, and how it is treated. Times are in seconds."""

import re
from dataclasses import dataclass
from pathlib import Path

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class TritonSettings:
    """What holds for every bundle on Triton."""

    addresses: tuple[str, ...] = ()
    """HOST:PORT of Triton's gRPC; several are replicas of one another."""
    loading: float = 60.0
    """A bundle must be ready on a server, and proved, by then."""
    look_every: float = 1.0
    """Between two looks at a server that nobody has complained about, and before one that was given up is tried again
    for the second time and from then on."""
    look_patience: float = 1.0
    """For the answer to one look."""
    first_pause: float = 0.1
    """Before a server that was given up is tried again; doubled each time, up to `look_every`."""
    unload: bool = True
    """Whether the last worker of this gateway that lets a bundle go has Triton unload it."""
    holds: Path | None = None
    """Where the files lie by which workers know whether they are the last; None: nothing is unloaded."""

    def __post_init__(self) -> None:
        for address in self.addresses:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"Triton's address {address!r:.80} is not HOST:PORT")
        if len(set(self.addresses)) != len(self.addresses):
            raise ValueError("Triton's addresses repeat themselves")
        if not (self.loading > 0 and self.look_patience > 0 and 0 < self.first_pause <= self.look_every):
            raise ValueError("Triton's times must be above zero, the first pause not above the time between two looks")


def read_addresses(said: str) -> tuple[str, ...]:
    """Return the addresses of a list like `a:8001,b:8001`."""
    return tuple(word.strip() for word in said.split(",") if word.strip())
