"""The judges of the rollouts that run, and what they have heard: a leader's, or of one that stands by to lead."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from routing.control.feed import Feed
from routing.control.plane import Known
from routing.control.view import View
from routing.judge import GONE, Judge
from routing.rollout import Rollout
from routing.verdict import Verdict

log = logging.getLogger("sluice.control")

SHARE = 0.2
"""Seconds that one rollout's windows are heard at a stretch: then others have their turn, and the lease is renewed."""
FUTURE = 5.0
"""Seconds by which a window may be ahead of the own clock: gateways put theirs on the same one."""
_MOST = 50


@dataclass(slots=True)
class Led:
    """One rollout as its leader has it."""

    name: str
    judge: Judge
    heard: str = ""
    """The place of the last window that the judge heard."""
    verdict: Verdict | None = None
    """What it said last."""
    view: View | None = None
    """What everybody is shown of it."""


class Hearing:
    """`clock` reads unix seconds, as windows do."""

    def __init__(self, feed: Feed, clock: Callable[[], float]) -> None:
        self._feed = feed
        self._clock = clock
        self._led: dict[str, Led] = {}

    @property
    def led(self) -> Mapping[str, Led]:
        """What is known, by deployment."""
        return self._led

    def of(self, rollout: Rollout, known: Known) -> Led:
        """Return what is known of one. It is judged by the rules with which it began, whatever is declared now."""
        deployment = rollout.deployment
        led = self._led.get(deployment)
        if led is None or led.name != rollout.name:
            rules = rollout.rules or known.of(deployment).rules
            led = self._led[deployment] = Led(rollout.name, Judge(rules, rollout.begun))
        return led

    def forget(self, deployment: str) -> None:
        """Nobody needs to know of it any more."""
        self._led.pop(deployment, None)

    def forget_all(self) -> None:
        """Know nothing any more."""
        self._led.clear()

    def forget_verdicts(self) -> None:
        """Whoever does not lead has nothing to say."""
        for led in self._led.values():
            led.verdict = led.view = None

    async def hear(self, led: Led) -> bool:
        """Hear what has come, for a while; return whether that was everything. Raises `ControlError`."""
        until, missed = self._clock() + SHARE, led.judge.missed
        while windows := await self._feed.after(led.name, led.heard, _MOST):
            for place, window in windows:
                led.heard = place
                if window.at <= self._clock() + FUTURE:
                    led.judge.take(window)
                else:  # it would have everybody else's taken for late
                    log.error("a window is of the future", extra={"rollout": led.name, "worker": window.worker})
            await asyncio.sleep(0)
            if len(windows) < _MOST:  # it has all that there is: a slow machine is no reason to say nothing
                break
            if self._clock() >= until:
                return False
        if led.judge.missed > missed:
            log.warning("windows never came", extra={"rollout": led.name, "missed": led.judge.missed})
        for worker in led.judge.forget_silent(self._clock() - GONE):
            log.warning("a worker has ended without a word", extra={"rollout": led.name, "worker": worker})
        return True
