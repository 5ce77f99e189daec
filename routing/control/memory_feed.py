"""A feed in memory, for tests and for a single process: the same promises, nothing outlives it."""

from collections import defaultdict
from collections.abc import Callable

from routing.control.feed import REMEMBERED, Standing
from routing.control.window_bytes import decode_window, encode_window
from routing.window import Window


class MemoryFeed:
    """Keeps windows encoded, so that what cannot travel is found out here too. Without a `clock` nothing grows old."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._windows: dict[str, list[bytes]] = defaultdict(list)
        self._standings: dict[str, dict[str, Standing]] = defaultdict(dict)

    async def send(self, rollout: str, window: Window) -> None:
        """As `Feed.send`."""
        self._windows[rollout].append(encode_window(window))

    async def after(self, rollout: str, place: str, most: int) -> list[tuple[str, Window]]:
        """As `Feed.after`."""
        first = int(place or 0)
        found = self._windows[rollout][first : first + most]
        return [(str(first + number), decode_window(data)) for number, data in enumerate(found, 1)]

    async def now(self) -> float:
        """As `Feed.now`."""
        return self._clock()

    async def report(self, deployment: str, gateway: str, standing: Standing) -> None:
        """As `Feed.report`."""
        self._standings[deployment][gateway] = standing

    async def standings(self, deployment: str) -> dict[str, Standing]:
        """As `Feed.standings`."""
        before = self._clock() - REMEMBERED
        found = self._standings[deployment]
        for name in [name for name, one in found.items() if one.at < before]:
            del found[name]
        return dict(found)
