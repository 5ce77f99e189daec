"""What the judge will hear of a deployment's rows: whose each of them was, and what was found of it.

A list's rows are admitted together, when it starts. What is found of a row may take longer than its answer (which row
of a failed run was at fault is searched afterwards), and evidence counts in the order of admission: so a flush says
up to when everything is settled, and that is the start of the oldest list of which something is not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Protocol

from numpy.typing import NDArray

from gateway.backends.backend import BackendError
from gateway.fault_search import Tell, is_at_fault
from gateway.halving import Found, scored_rows
from gateway.health_book import HealthBook
from gateway.intake import Row
from gateway.lane import Lane, Outcome
from gateway.pair_book import PairBook
from gateway.served import Part
from gateway.signs import Signs
from routing.order import Settled
from routing.table import CANARY, NOT_DRAWN
from routing.units import FIRST_CALLS
from routing.window import Window

MOST_CALLS = 1 << 18
"""Calls that wait for a flush; what comes while nobody asks for it is let go."""
MOST_UNITS = 1 << 19
"""Units that are remembered so as not to send what the judge would not hear; beyond that everything is sent again."""


class Ticket(Protocol):
    """One list, as it is witnessed until everything is known of its rows."""

    def hold(self) -> None:
        """Keep it open for one part more."""

    def release(self) -> None:
        """One part is settled; the first one is the list itself."""

    def note(self, arm: str, rows: Iterable[Row], outcomes: Sequence[Outcome], ran: bool = True) -> None:
        """Note rows by the arm that they were assigned to, with what its lane made of them; whether it `ran` for it."""

    def away(self, arm: str) -> None:
        """Count a run of the arm's lane for which nobody was there."""

    def search(self, lane: Lane, matrix: NDArray[Any], rows: Sequence[Row]) -> Tell:
        """Return who is to hear which rows of a failed run were at fault; until then the list is held open."""


class ListTicket:
    """Notes the rows of one list. It is open as long as any of its parts is.

    What is noted is looked at when everything is: by then the replies are on their way.
    """

    __slots__ = ("_admitted", "_noted", "_number", "_open", "_part", "_witness")

    def __init__(self, witness: "Witness", number: int, admitted: float, part: Part) -> None:
        self._witness = witness
        self._number = number
        self._admitted = admitted
        self._part = part
        self._open = 1
        self._noted: list[tuple[str, Iterable[Row], Iterable[int]]] = []

    def hold(self) -> None:
        """As `Ticket.hold`."""
        self._open += 1

    def release(self) -> None:
        """As `Ticket.release`."""
        self._open -= 1
        if self._open:
            return
        for arm, rows, signs in self._noted:
            self._note(arm, rows, signs)
        self._witness.settled(self._number)

    def note(self, arm: str, rows: Iterable[Row], outcomes: Sequence[Outcome], ran: bool = True) -> None:
        """As `Ticket.note`."""
        if self._witness.health.scored(arm == CANARY, outcomes) and ran:
            self._witness.health.ran(arm == CANARY)
        self._noted.append((arm, rows, map(self._witness.signs.of, outcomes)))

    def away(self, arm: str) -> None:
        """As `Ticket.away`."""
        self._witness.health.away(arm == CANARY)

    def search(self, lane: Lane, matrix: NDArray[Any], rows: Sequence[Row]) -> Tell:
        """As `Ticket.search`."""
        self.hold()
        signs, health, canary = self._witness.signs, self._witness.health, lane.arm == CANARY

        def tell(found: Sequence[Found], broken: bool) -> None:
            try:
                note(found, broken)
            finally:  # whatever breaks here, the list is not held open for ever: nothing later would be judged
                self.release()

        def note(found: Sequence[Found], broken: bool) -> None:
            at_fault = {row.number for row, one in zip(rows, found, strict=True) if is_at_fault(one)}
            looked_at = broken or any(one is not None for one in found)
            if looked_at and not health.told_again(canary, at_fault):
                health.ran(canary)
                if broken:
                    health.broke(canary, out=not at_fault)
            good = scored_rows(found)
            decided = dict(zip(good, lane.decide(matrix[[*good]], [*good.values()]), strict=True))
            errors = [one if isinstance(one, BackendError) else None for one in found]
            shown = [
                signs.of(decided[at]) if at in decided else signs.of_search(error) for at, error in enumerate(errors)
            ]
            self._noted.append((lane.arm, rows, shown))

        return tell

    def _note(self, arm: str, rows: Iterable[Row], signs: Iterable[int]) -> None:
        admitted, part, canary = self._admitted, self._part, arm == CANARY
        if not part.weight:  # no row could have been the canary's
            return
        for row, found in zip(rows, signs, strict=True):
            if row.number == NOT_DRAWN:
                continue
            self._witness.note(Settled(admitted, row.number, canary, part.step, part.weight, found, part.epoch))


class _NoTicket:
    """Where no rollout is judged nothing is noted."""

    def hold(self) -> None:
        pass

    def release(self) -> None:
        pass

    def note(self, arm: str, rows: Iterable[Row], outcomes: Sequence[Outcome], ran: bool = True) -> None:
        pass

    def away(self, arm: str) -> None:
        pass

    def search(self, lane: Lane, matrix: NDArray[Any], rows: Sequence[Row]) -> Tell:
        return _hear_nothing


def _hear_nothing(found: Sequence[Found], broken: bool) -> None:
    pass


NO_TICKET: Ticket = _NoTicket()


class Witness:
    """Gathers what the rows of one deployment show, for one rollout. `part` may change; lists keep the one they met.

    `name` is this worker's, as the judge is to tell it apart from every other one. Times come on the worker's clock and
    leave in unix seconds: `ahead` is what is added, once and for all, so that no step of the clock disorders them.
    """

    def __init__(self, signs: Signs, part: Part, name: str = "", ahead: float = 0.0) -> None:
        self.signs = signs
        self.part = part
        self.health = HealthBook()
        self.pairs = PairBook(signs)
        self.name = name
        self._ahead = ahead
        self._sequence = 0
        self._numbers = count()
        self._open: dict[int, float] = {}
        self._calls: list[Settled] = []
        self._spent = 0
        self._lapsed = False
        self._known: dict[tuple[int, int, int], int] = {}

    def admit(self, now: float, lapsed: bool = False) -> Ticket:
        """Open a ticket for a list that starts; where the canary's lease has `lapsed`, its weight is none."""
        self._lapsed = self._lapsed or lapsed
        number, admitted = next(self._numbers), now + self._ahead
        self._open[number] = admitted
        return ListTicket(self, number, admitted, replace(self.part, weight=0) if lapsed else self.part)

    def settled(self, number: int) -> None:
        """Everything of a list is known."""
        del self._open[number]

    def note(self, call: Settled) -> None:
        """Keep a call for the next flush, unless its unit has said what it could."""
        key = (call.unit, call.step, call.epoch)
        calls = self._known.get(key, 0)
        if calls >= FIRST_CALLS:
            self._spent += 1
            return
        if len(self._known) >= MOST_UNITS:
            self._known.clear()
        if len(self._calls) < MOST_CALLS:
            self._known[key] = calls + 1
            self._calls.append(call)

    def window(self, now: float) -> Window:
        """Return what has come since the last window."""
        self._sequence += 1
        calls, spent, until = self.flush(now)
        lapsed, self._lapsed = self._lapsed, False
        return Window(
            self.name,
            self._sequence,
            now + self._ahead,
            until,
            self.part.step,
            calls,
            spent,
            self.pairs.take_pairs(),
            self.health.take(now),
            lapsed,
            comparison=self.pairs.take_comparison(),
        )

    def flush(self, now: float) -> tuple[tuple[Settled, ...], int, float]:
        """Return the calls since the last flush, those of spent units, and up to when all is settled."""
        calls, self._calls = tuple(self._calls), []
        spent, self._spent = self._spent, 0
        return calls, spent, next(iter(self._open.values()), now + self._ahead)
