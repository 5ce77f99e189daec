"""Judges a recorded rollout again, by the rules of then or by others: what would they have said, and when?

Everything that the judge knew is in the windows, so by the same rules the same is said. What would have come after an
earlier verdict nobody knows: the traffic that is replayed is the one that there was. What sources outside said
(`routing.sources`) is in no window: a rollout that one of them took back is judged here without it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from routing.control.errors import Refused
from routing.control.event import Event
from routing.control.feed import Feed
from routing.judge import GONE, Judge, Rules
from routing.order import UNKNOWN
from routing.rollout import Rollout
from routing.verdict import Verdict
from routing.window import Window

EVERY = 0.5
"""Seconds from one look to the next, as a leader looks."""
_MOST = 200


class Ruling(NamedTuple):
    """What the judge said from a moment on, in unix seconds."""

    at: float
    verdict: Verdict


async def replay(feed: Feed, events: Sequence[Event], rules: Rules) -> AsyncIterator[Ruling]:
    """Yield what is said whenever it changes in outcome, or in who found it. `events` are one rollout's, in order.

    A guard is known by its name; by which margins its signs were made, whoever recorded them has decided. Raises
    `Refused` for a guard that was not recorded, and `ControlError` when the feed cannot be read.
    """
    translate = _translation(events[0].rollout, rules)
    times = [event.at for event in events]
    first = events[0].rollout
    judge, next_look = Judge(rules, first.begun), first.begun
    said: tuple[str, str] | None = None

    def news(rollout: Rollout, at: float) -> Iterator[Ruling]:
        nonlocal said
        judge.forget_silent(at - GONE)
        verdict = judge.verdict(rollout.at, rollout.step, rollout.entered, at)
        if said != (verdict.outcome, verdict.guard):
            said = (verdict.outcome, verdict.guard)
            yield Ruling(at, verdict)

    place, decided = "", 1
    while windows := await feed.after(first.name, place, _MOST):
        for place, window in windows:  # noqa: B007  # the place is where the next ones are asked for
            await asyncio.sleep(0)  # a leader in the same process goes first
            while decided < len(events) and times[decided] < window.at:
                for ruling in news(events[decided - 1].rollout, times[decided]):  # what led to that decision
                    yield ruling
                decided += 1
            judge.take(translate(window))
            if window.at >= next_look:
                next_look = window.at + EVERY
                for ruling in news(events[decided - 1].rollout, window.at):
                    yield ruling


def _translation(rollout: Rollout, rules: Rules) -> Callable[[Window], Window]:
    """Return what puts recorded signs where these rules look for them."""
    wanted = [guard.name for guard in rules.guards]
    recorded = list(rollout.guards) or wanted
    if unknown := [name for name in wanted if name not in recorded]:
        raise Refused(f"{unknown[0]} was not measured in rollout {rollout.name}; measured were {', '.join(recorded)}")
    moves = [(1 << recorded.index(name), 1 << place) for place, name in enumerate(wanted)]
    if all(before == after for before, after in moves):
        return lambda window: window

    def moved(signs: int) -> int:
        return (signs & UNKNOWN) | sum(after for before, after in moves if signs & before)

    def translated(window: Window) -> Window:
        calls = tuple(call._replace(signs=moved(call.signs)) for call in window.calls)
        pairs = tuple(pair._replace(canary=moved(pair.canary), champion=moved(pair.champion)) for pair in window.pairs)
        return replace(window, calls=calls, pairs=pairs)

    return translated
