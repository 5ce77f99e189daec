"""The leader: hears every gateway, judges every rollout that runs, and moves it on or back.

Whoever holds the lease leads, and hears a rollout's windows from the first one on: nothing of what was known is lost
with the one who led before. Whoever loses the lease forgets everything, and can change nothing any more.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from routing.control.change import look
from routing.control.errors import Fenced, Stale
from routing.control.feed import Feed, Standing
from routing.control.store import Kept, Store
from routing.declared import Declared
from routing.judge import Judge
from routing.rollout import Facts, Rollout
from routing.verdict import Verdict

log = logging.getLogger("sluice.control")

LEASE = 5.0
"""Seconds for which a leader that says nothing still leads."""
ALIVE = 5.0
"""Seconds after which a gateway that has reported nothing is not waited for."""
GONE = 15.0
"""Seconds after which a worker that has sent nothing is taken to have ended."""
PATIENCE = 180.0
"""Seconds that every gateway may take to serve a table."""
_MOST = 1_000

Approver = Callable[[Rollout, float], str]
"""Says who has approved a rollout's next step, "" if nobody has."""


@dataclass(slots=True)
class Led:
    """One rollout as its leader has it."""

    name: str
    judge: Judge
    heard: str = ""
    """The place of the last window that the judge heard."""
    verdict: Verdict | None = None
    """What it said last."""


class Leader:
    """Call `tick` twice a second. `clock` reads unix seconds, as windows do."""

    def __init__(
        self,
        name: str,
        store: Store,
        feed: Feed,
        declared: Mapping[str, Declared],
        approver: Approver,
        clock: Callable[[], float],
        frozen: Callable[[str], str] = lambda deployment: "",
    ) -> None:
        self._name = name
        self._store = store
        self._feed = feed
        self._declared = declared
        self._approver = approver
        self._clock = clock
        self._frozen = frozen
        self._led: dict[str, Led] = {}

    async def tick(self) -> bool:
        """Look at every rollout once; return whether it led. Raises `ControlError` when Redis cannot be reached."""
        fence = await self._store.lead(self._name, LEASE)
        if not fence:
            self._led.clear()
            return False
        try:
            for deployment in self._declared:
                await self._look(deployment, fence)
        except Fenced:
            log.warning("somebody else leads by now", extra={"leader": self._name})
            self._led.clear()
            return False
        return True

    def verdicts(self) -> dict[str, Verdict]:
        """Return what the judge said last, by deployment, of the rollouts that run."""
        return {name: led.verdict for name, led in self._led.items() if led.verdict is not None}

    async def _look(self, deployment: str, fence: int) -> None:
        kept = await self._store.read(deployment)
        if kept.rollout is None or kept.rollout.over:
            self._led.pop(deployment, None)
            return
        led = self._of(deployment, kept.rollout)
        await self._hear(led)
        facts = await self._facts(led, kept.rollout)
        try:
            await self._act(kept, facts, fence)
        except Stale:
            log.info("a rollout was changed by somebody else", extra={"deployment": deployment})

    async def _act(self, kept: Kept, facts: Facts, fence: int) -> None:
        after = await look(self._store, kept, facts, self._clock(), fence)
        if after is not kept and after.rollout is not None:
            rollout = after.rollout
            extra = {"deployment": rollout.deployment, "rollout": rollout.name, "reason": rollout.reason}
            log.warning(f"rollout is {rollout.state}", extra=extra)

    def _of(self, deployment: str, rollout: Rollout) -> Led:
        led = self._led.get(deployment)
        if led is None or led.name != rollout.name:
            led = self._led[deployment] = Led(rollout.name, Judge(self._declared[deployment].rules, rollout.begun))
        return led

    async def _hear(self, led: Led) -> None:
        while windows := await self._feed.after(led.name, led.heard, _MOST):
            for place, window in windows:
                led.judge.take(window)
                led.heard = place
        for worker in led.judge.forget_silent(self._clock() - GONE):
            log.warning("a worker has ended without a word", extra={"rollout": led.name, "worker": worker})

    async def _facts(self, led: Led, rollout: Rollout) -> Facts:
        now = self._clock()
        standings = await self._feed.standings(rollout.deployment)
        live = {name: one for name, one in standings.items() if now - one.at <= ALIVE}
        led.verdict = led.judge.verdict(rollout.at, rollout.step, rollout.since, now)
        return Facts(
            verdict=led.verdict,
            acknowledged=bool(live) and all(one.table == rollout.table for one in live.values()),
            approved=self._approver(rollout, now),
            frozen=self._frozen(rollout.deployment),
            overdue=_overdue(live, rollout, now),
        )


def _overdue(live: Mapping[str, Standing], rollout: Rollout, now: float) -> str:
    for name, one in live.items():
        if one.refused == rollout.table:
            return f"gateway {name} cannot serve it: {one.trouble}"
    late = [name for name, one in live.items() if one.table != rollout.table]
    if late and now - rollout.since > PATIENCE:
        return f"gateway {late[0]} has not served it within {PATIENCE:.0f} s"
    return ""
