"""Deadlines of a list: each row is refused when its own time is over, whatever the rest of the list waits for."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.errors import DeadlineExceeded
from gateway.intake import Row


class Expiry:
    """Watches a list until cancelled. `refuse` is called once for each row whose deadline passes unanswered."""

    def __init__(
        self, rows: Sequence[Row], clock: Callable[[], float], refuse: Callable[[Row, DeadlineExceeded], None]
    ) -> None:
        self._rows = rows
        self._clock = clock
        self._refuse = refuse
        self._timer: asyncio.TimerHandle | None = None
        self._arm()

    def cancel(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        deadlines = [row.call.deadline for row in self._rows if not row.settled]
        if not deadlines:
            self._timer = None
            return
        delay = max(0.0, min(deadlines) - self._clock())
        self._timer = asyncio.get_running_loop().call_later(delay, self._fire)

    def _fire(self) -> None:
        now = self._clock()
        for row in self._rows:
            if not row.settled and row.call.deadline <= now:
                self._refuse(row, DeadlineExceeded("the deadline passed before the answer was ready"))
        self._arm()
