"""How much memory a gateway takes while something goes on, looked at twice a second from a thread."""

import threading

from loadtests.faults.served import Served

_PAUSE = 0.5


class MemoryWatch:
    """To be used as a context. `grown_mb` is the most above what there was at the beginning."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._first = self._most = served.rss_mb()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory watch", daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def grown_mb(self) -> float:
        """The most that was taken above the beginning, so far."""
        return self._most - self._first

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE):
            self._most = max(self._most, self._served.rss_mb())
