"""What is done to the gateway and its Redis while the calls go on, each deed at its time, in a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that is done `at` so many seconds after the run began."""

    at: float
    name: str
    do: Callable[[], object]


class DeedFailed(RuntimeError):
    """What was to be done could not be done, so that the run shows nothing."""


@dataclass(slots=True)
class Script:
    """Plays deeds in their order. `moments` holds when each was over, in seconds since the run began."""

    deeds: Sequence[Deed]
    moments: dict[str, float] = field(default_factory=dict)
    _trouble: list[Exception] = field(default_factory=list)
    _given_up: threading.Event = field(default_factory=threading.Event)

    def begin(self, begun: float) -> threading.Thread:
        """Play from now on; `begun` is the run's beginning on the performance counter, in seconds."""
        thread = threading.Thread(target=self._play, args=(begun,), name="script", daemon=True)
        thread.start()
        return thread

    def end(self, thread: threading.Thread, patience: float = 60.0) -> None:
        """Wait for the last deed. Raises DeedFailed."""
        thread.join(patience)
        if thread.is_alive():
            self._given_up.set()
            raise DeedFailed(f"not over {patience:.0f} s after the calls: {self.deeds[len(self.moments)].name}")
        if self._trouble:
            raise DeedFailed(f"{self.deeds[len(self.moments)].name}: {self._trouble[0]}") from self._trouble[0]

    def _play(self, begun: float) -> None:
        for deed in self.deeds:
            if self._given_up.wait(max(0.0, begun + deed.at - time.perf_counter())):
                return
            try:
                deed.do()
            except Exception as exc:
                self._trouble.append(exc)
                return
            self.moments[deed.name] = time.perf_counter() - begun
