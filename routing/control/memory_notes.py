"""Notes in memory, for tests and for a single process: the same promises, nothing outlives it."""

from collections import defaultdict
from collections.abc import Callable

import msgspec

from routing.control.halts import Halt
from routing.control.signed import Signed
from routing.control.view import NOBODY, SHOWN_FOR, Board


class MemoryNotes:
    """`clock` gives the seconds by which a board fades and an order is forgotten."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._approvals: dict[str, dict[str, Signed]] = defaultdict(dict)
        self._halts: dict[tuple[str, str], Halt] = {}
        self._seen: dict[str, float] = {}
        self._board = b""
        self._shown_until = float("-inf")

    async def approve(self, rollout: str, signed: Signed) -> None:
        """As `Approvals.approve`."""
        self._approvals[rollout][signed.principal] = signed

    async def approvals(self, rollout: str) -> list[Signed]:
        """As `Approvals.approvals`."""
        return [signed for _, signed in sorted(self._approvals[rollout].items())]

    async def halt(self, halt: Halt) -> None:
        """As `HaltStore.halt`."""
        self._halts[halt.deployment, halt.kind] = halt

    async def lift(self, deployment: str) -> int:
        """As `HaltStore.lift`."""
        found = [key for key in self._halts if key[0] == deployment]
        for key in found:
            del self._halts[key]
        return len(found)

    async def halts(self) -> list[Halt]:
        """As `HaltStore.halts`."""
        return [halt for _, halt in sorted(self._halts.items())]

    async def first_time(self, order: str, seconds: float) -> bool:
        """As `SeenOrders.first_time`."""
        now = self._clock()
        self._seen = {name: until for name, until in self._seen.items() if now < until}
        if order in self._seen:
            return False
        self._seen[order] = now + seconds
        return True

    async def show(self, board: Board) -> None:
        """As `Boards.show`; encoded, so that what cannot travel is found out here too."""
        self._board, self._shown_until = msgspec.msgpack.encode(board), self._clock() + SHOWN_FOR

    async def board(self) -> Board:
        """As `Boards.board`."""
        return msgspec.msgpack.decode(self._board, type=Board) if self._clock() < self._shown_until else NOBODY
