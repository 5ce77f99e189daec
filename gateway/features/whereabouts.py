"""Where to connect: to a server that stays where it is. (`sentinels.py` has the one that moves.)"""

from collections.abc import Callable
from typing import Protocol

from gateway.features.address import RedisAddress


class NowhereError(Exception):
    """At the moment nobody knows where the server is."""


class Whereabouts(Protocol):
    """Knows where the server is."""

    async def find(self) -> RedisAddress:
        """Return where it is now. Raises NowhereError."""
        ...

    async def watch(self, moved: Callable[[RedisAddress], None]) -> None:
        """Say where it is whenever that was found out; end when there is nothing to watch. Cancellation is safe."""
        ...


class OnePlace:
    """The whereabouts of a server that never moves."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address

    async def find(self) -> RedisAddress:
        """Return the address."""
        return self._address

    async def watch(self, moved: Callable[[RedisAddress], None]) -> None:
        """There is nothing to watch."""
