"""Who is held on which core while it is measured."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seats:
    """A core each; None leaves somebody where Linux puts it."""

    worker: int | None = 0
    generator: int | None = 1
    redis: int | None = 1
    proxy: int | None = 1

    def text(self) -> str:
        """Return who sits where."""
        named = {"worker": self.worker, "generator": self.generator, "Redis": self.redis, "Redis's proxy": self.proxy}
        return ", ".join(f"{who} on {'any core' if core is None else f'core {core}'}" for who, core in named.items())


def seats_for(cores: int, redis: int | None = None, proxy: int | None = None) -> Seats:
    """Seat everybody apart as far as the cores reach: the worker alone first, the generator shares when it must."""
    if cores < 2:
        raise ValueError("one core cannot hold both the worker and the generator; --unpinned measures anyway")
    spare_redis = 2 if cores > 2 else 1
    spare_proxy = 3 if cores > 3 else spare_redis
    return Seats(0, 1, spare_redis if redis is None else redis, spare_proxy if proxy is None else proxy)


def unseated() -> Seats:
    """Hold nobody."""
    return Seats(None, None, None, None)


def settle(core: int | None) -> None:
    """Take the calling process to its core; for use just before a program is executed."""
    if core is not None:
        os.sched_setaffinity(0, {core})
