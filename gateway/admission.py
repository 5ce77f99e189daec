"""Admission of one deployment's calls: how long its queue may be, and who may stand in it. Pure: time is an argument.

What is bounded is the time that a call would queue, not the number of calls. Calls leave the queue in lists, so the
wait of a newcomer is the number of lists before it, times the time from one list's start to the next while there is
always another to start. A queue that does not empty is bounded tighter than one that is only a burst: that is CoDel's
distinction (Nichols & Jacobson, ACM Queue 2012) in the form that servers use (Maurer, "Fail at Scale", ACM Queue 2015).
A gradient of latencies, the other known way, would take the growing of lists for overload.

A call of higher priority waits only for those of its own priority and above, and is refused last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.call import Priority
from gateway.pace import Pace

# How much the newest list counts in what is thought to be left to a priority when it has less room than was thought,
# and when it has more; the least that is thought; and what is enough not to ask further.
LESS, MORE, LEAST_ROOM, ENOUGH = 0.2, 0.02, 0.002, 0.5
# Rows of one list, so that one caller's many rows set nobody else's latency.
LIST_ROWS = 64
# No list is longer than twice the longest of late, which is forgotten by so much with every list, or than the first
# may be: what a row takes is a guess until lists of many lengths were seen, and a wrong one must not cost a budget.
GROWTH, FORGOTTEN, FIRST_ROWS = 2.0, 0.9, 16


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How long calls may queue, as shares of the deployment's budget. Times are in seconds."""

    standing: float = 0.4
    """For a queue that has not been empty for an interval."""
    burst: float = 0.6
    """For one that has, and for critical calls always."""
    unsure: float = 0.5
    """The part of either that sheddable calls may use up, and others while most places in the lists are taken above."""
    interval: float = 0.1
    strain: float = 0.05
    """Calls that queued longer than this share are a sign of strain: shadows stop, for an interval."""
    slice: float = 0.0025
    """What the run of one list may take of the event loop, so that no long run keeps everybody waiting."""
    rows: int = LIST_ROWS
    """Rows of one list at most: one where rows share no run."""
    away: float = 0.1
    """The share of the budget that a run elsewhere, in a thread or a process, may take."""

    def __post_init__(self) -> None:
        if not 0 < self.standing <= self.burst < 1:
            raise ValueError("queue limits: standing must lie above 0 and not above burst, and burst below 1")
        if not 0 < self.unsure <= 1 or min(self.interval, self.slice) <= 0:
            raise ValueError("queue limits: shares and times must lie above 0")


class Admission:
    """One deployment's queue, as figures. `budget` is in seconds; `share` is its claim on the worker, at most 1."""

    def __init__(self, budget: float, share: float = 1.0, limits: QueueLimits | None = None) -> None:
        self._limits = limits or QueueLimits()
        self._budget = budget
        self._share = share
        self._period = Pace()  # from one list's start to the next, while there is always another to start
        self._run = Pace()  # what a list takes of the processor that cannot be shared
        self._longest = 0.0
        self._list_rows = max(1, min(FIRST_ROWS, int(self._limits.rows * share)))
        # The part of each list that is left to a priority by those above it.
        self._room = [1.0 for _ in Priority]
        self._started = 0.0
        self._rows = 0
        self._full = False
        self._emptied = float("-inf")
        self._strained_until = float("-inf")

    def claim(self, share: float) -> None:
        """Set the claim anew, when other deployments have come or gone."""
        self._share = share

    @property
    def most_rows(self) -> int:
        """Rows of one list at most; with one, rows share no run."""
        return self._limits.rows

    @property
    def list_rows(self) -> int:
        """How many rows the next list may have."""
        return self._list_rows

    def short(self, ahead: int, priority: Priority) -> bool:
        """Whether a queue may always be let grow: it fits into the next list, and there is room for it there."""
        return ahead < self._list_rows and self._room[priority] > ENOUGH

    def wait(self, ahead: int, priority: Priority, now: float) -> float:
        """How long a call would queue behind so many rows, from what lists have taken of late.

        Calls of a higher priority that are still to come will go first, too: as many as have of late.
        """
        if not self._full:
            return 0.0
        period = self._period.expect(self._list_rows)
        next_start = max(0.0, self._started + period - now)
        room = self._room[priority]
        # Where those above take most places, the call's own place is one to be waited for, too.
        places = ahead if room > ENOUGH else ahead + 1
        return next_start + places / (self._list_rows * room) * period

    def admits(self, ahead: int, priority: Priority, left: float, lag: float, now: float) -> bool:
        """Whether a call may queue behind `ahead` rows of its own priority and above, `left` seconds from its deadline.

        `lag` is what it has waited unseen, for the event loop to come round.
        """
        wait = lag if self.short(ahead, priority) else lag + self.wait(ahead, priority, now)
        return wait <= self._allowed(priority, now) and wait < left

    def served(self, rows: Sequence[int]) -> None:
        """The next list has so many rows of each priority. One that is not full had room for all."""
        above, full = 0, sum(rows) >= self._list_rows
        for priority, own in enumerate(rows):
            room = max(LEAST_ROOM, 1.0 - above / self._list_rows) if full else 1.0
            thought = self._room[priority]
            self._room[priority] = thought + (LESS if room < thought else MORE) * (room - thought)
            above += own

    def started(self, rows: int, oldest: float, waiting: int, full: bool, now: float) -> None:
        """A list of `rows` has started: its oldest row had queued for `oldest` seconds, and `waiting` rows still queue.

        `full` says that as many lists are under way as may be.
        """
        if self._full:
            self._period.observe(self._rows, now - self._started)
        self._started, self._rows, self._full = now, rows, full
        self._longest = max(rows, FORGOTTEN * self._longest)
        if not waiting:
            self._emptied = now
        if oldest > self._limits.strain * self._budget:
            self._strained_until = now + self._limits.interval

    def idle(self) -> None:
        """A list has ended and nothing waits: the time to the next start says nothing about how fast lists can go."""
        self._full = False

    def took(self, rows: int, seconds: float, blocking: bool) -> None:
        """A run of `rows` has taken so many seconds; `blocking` says that nobody else was served meanwhile."""
        self._run.observe(rows, seconds)
        fixed, slope = self._run.parts()
        # Where every run takes long, however short its list, shorter lists would only mean more of them.
        whole = self._limits.slice if blocking else self._limits.away * self._budget
        allowed = max(whole, fixed) * self._share
        most = max(1, int(min(self._limits.rows * self._share, max(FIRST_ROWS, GROWTH * self._longest))))
        self._list_rows = most if slope * most <= allowed else max(1, int(allowed / slope))

    def strained(self, now: float) -> bool:
        """Whether calls have queued of late: then what nobody waits for must stop."""
        return now < self._strained_until

    def _allowed(self, priority: Priority, now: float) -> float:
        limits = self._limits
        standing = now - self._emptied > limits.interval
        share = limits.standing if standing and priority is not Priority.CRITICAL else limits.burst
        # Half is kept in hand where others come first, or where the priority is the lowest: the guess may be wrong.
        unsure = priority is Priority.SHEDDABLE or self._room[priority] <= ENOUGH
        return self._budget * share * (limits.unsure if unsure else 1.0)
