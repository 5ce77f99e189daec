"""Asks the sources that a rollout's deployment declares, beside the leader: whoever hangs makes nobody wait.

The leader says which rollout it looks at and hears what is known of its sources at that moment; questions are asked in
`run`, each source's one at a time and in its own task. Whoever begins to lead has heard nothing yet, so a breach's
`for_s` begins anew with a new leader.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from routing.control.source_answers import ask_query, ask_webhook
from routing.control.web import LONGEST, Web, WebError
from routing.rollout import Rollout
from routing.sources import Query, Reading, Sources, Trail, Webhook, combined
from routing.verdict import Outcome, Verdict, cannot_tell

log = logging.getLogger("sluice.control")

EVERY = 0.25
"""Seconds between two looks at whose turn it is."""
FORGOTTEN = 10.0
"""Seconds after which a rollout that the leader has not mentioned is not asked about any more."""


@dataclass(slots=True)
class _Turn:
    """One source of one rollout."""

    source: Query | Webhook
    trail: Trail
    due: float
    asking: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Watched:
    """One rollout, as the leader mentioned it last."""

    rollout: Rollout
    prometheus: str
    wanted: float
    turns: dict[Query | Webhook, _Turn] = field(default_factory=dict)


class MetricSources:
    """`clock` reads unix seconds; `prometheus` is the address of those who declare none, empty if there is none."""

    def __init__(self, web: Web, clock: Callable[[], float], prometheus: str = "") -> None:
        self._web = web
        self._clock = clock
        self._prometheus = prometheus
        self._watched: dict[str, _Watched] = {}

    def weigh(self, rollout: Rollout, sources: Sources, judged: Verdict) -> Verdict:
        """Return what holds of the judge's verdict, with what the sources say; they are asked from now on."""
        now = self._clock()
        watched = self._watched.setdefault(rollout.name, _Watched(rollout, "", now))
        watched.rollout, watched.wanted = rollout, now
        watched.prometheus = sources.prometheus or self._prometheus
        for gone in watched.turns.keys() - set(sources.all):
            _end(watched.turns.pop(gone))
        for source in sources.all:
            watched.turns.setdefault(source, _Turn(source, Trail(source), now))
        said = [turn.trail.verdict(now) for turn in watched.turns.values() if not turn.source.dry_run]
        return combined(judged, said, exposed=rollout.weight > 0)

    def verdicts(self, rollout: str) -> dict[str, Verdict]:
        """Return by source, dry runs too, what each says of a rollout at this moment."""
        watched, now = self._watched.get(rollout), self._clock()
        return {} if watched is None else {one.name: turn.trail.verdict(now) for one, turn in watched.turns.items()}

    def ask_due(self) -> None:
        """Begin to ask every source whose turn it is, and that is not being asked."""
        now = self._clock()
        for name, watched in list(self._watched.items()):
            if now - watched.wanted > FORGOTTEN:
                self._forget(name)
                continue
            for turn in watched.turns.values():
                if now >= turn.due and (turn.asking is None or turn.asking.done()):
                    turn.due = now + turn.source.every
                    turn.asking = asyncio.create_task(self._ask(watched, turn), name=f"ask {turn.source.name}")

    async def run(self) -> None:
        """Ask whose turn it is, until it is cancelled; then nothing is asked any more."""
        try:
            while True:
                self.ask_due()
                await asyncio.sleep(EVERY)
        finally:
            for name in list(self._watched):
                self._forget(name)

    def _forget(self, rollout: str) -> None:
        for turn in self._watched.pop(rollout).turns.values():
            _end(turn)

    async def _ask(self, watched: _Watched, turn: _Turn) -> None:
        """Ask one source once. Whatever comes of it is a reading: this task is its own supervisor."""
        try:
            async with asyncio.timeout(min(LONGEST, turn.source.every)):
                reading = await self._reading(watched, turn.source)
        except TimeoutError:
            reading = self._nothing("it does not answer in time")
        except (WebError, ValueError) as exc:
            reading = self._nothing(str(exc))
        except Exception:  # supervised: a defect is no reading, and is logged
            log.exception("a source could not be asked", extra={"source": turn.source.name})
            reading = self._nothing("it could not be asked: see the log of sluice control")
        turn.trail = turn.trail.heard(reading, self._clock())

    async def _reading(self, watched: _Watched, source: Query | Webhook) -> Reading:
        if isinstance(source, Query):
            return await ask_query(self._web, watched.prometheus, source, watched.rollout)
        return await ask_webhook(self._web, source, watched.rollout, self._clock())

    def _nothing(self, reason: str) -> Reading:
        return Reading(self._clock(), Outcome.CANNOT_TELL, reason)


def unasked(rollout: Rollout, sources: Sources, judged: Verdict) -> Verdict:
    """Return what holds where nobody asks the sources: who declares one goes nowhere without it."""
    said = [cannot_tell(f"{source.name} is asked by nobody") for source in sources.all if not source.dry_run]
    return combined(judged, said, exposed=rollout.weight > 0)


def _end(turn: _Turn) -> None:
    if turn.asking is not None:
        turn.asking.cancel()
