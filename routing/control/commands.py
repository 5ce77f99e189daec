"""What people ask of a rollout: start, abort, undo. Each is a compare-and-set, tried anew if the judge was quicker."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from routing.control.change import change
from routing.control.errors import Refused, Stale
from routing.control.store import Kept, Store
from routing.control.view import View
from routing.figure import percent
from routing.rollout import Rollout, State, abort, roll_back
from routing.split import BUCKETS

_TRIES = 20

Allow = Callable[[Rollout], object]


class Back(Protocol):
    """`end` or `undo`."""

    def __call__(
        self, store: Store, deployment: str, by: str, reason: str, now: float, name: str = "", view: View | None = None
    ) -> Awaitable[Kept]:
        """As those."""


async def start(store: Store, wanted: Rollout, by: str, now: float) -> Kept:
    """Begin a rollout; its table's number goes on from the last one's. Raises `Refused` while another one runs."""

    def begin(present: Rollout | None) -> Rollout:
        if present is None:
            return wanted
        if not present.over:
            raise Refused(_runs(present))
        return replace(wanted, table=max(wanted.table, present.table + 1))

    return await _change(store, wanted.deployment, by, now, begin)


async def end(
    store: Store, deployment: str, by: str, reason: str, now: float, name: str = "", view: View | None = None
) -> Kept:
    """Abort the rollout that runs; `view` is what its judge has shown last.

    Raises `Refused` where none does, or another one than the one of that name.
    """

    def aborted(present: Rollout | None) -> Rollout:
        _is_meant(present, name)
        if present is None or present.over:
            raise Refused(f"no rollout of {deployment} is running")
        return abort(present, by, reason, now)

    return await _change(store, deployment, by, now, aborted, view)


async def undo(
    store: Store, deployment: str, by: str, reason: str, now: float, name: str = "", view: View | None = None
) -> Kept:
    """Bring the former champion back, whether the rollout still runs or is done. Raises `Refused`, as `end` does."""

    def undone(present: Rollout | None) -> Rollout:
        _is_meant(present, name)
        if present is None:
            raise Refused(f"{deployment} has had no rollout yet: there is nothing to undo")
        if present.state in (State.ROLLED_BACK, State.ABORTED):
            raise Refused(f"nothing of {deployment} can be undone: its last rollout has gone back already")
        return roll_back(present, f"undone by {by}: {reason or 'no reason given'}", now)

    return await _change(store, deployment, by, now, undone, view)


async def note(store: Store, deployment: str, by: str, text: str, now: float, allow: Allow = lambda _: None) -> Kept:
    """Write down beside the rollout that runs what somebody has done, and leave it as it is.

    Raises `Refused` where none runs, and whatever `allow` raises of the one that does: then nothing is written.
    """
    for _ in range(_TRIES):
        kept = await store.read(deployment)
        if kept.rollout is None or kept.rollout.over:
            raise Refused(f"no rollout of {deployment} is running")
        allow(kept.rollout)
        with suppress(Stale):
            return await change(store, kept, kept.rollout, by, now, note=text)
    raise Refused(f"the rollout of {deployment} changes too fast: try again")


def _runs(present: Rollout) -> str:
    """Say that it does, how it goes on, and what is to be done of it."""
    weight = f" at {percent(present.weight / BUCKETS)} of units" if present.weight else ""
    step = f"step {present.at + 1} of {len(present.schedule.steps)}"
    look = f"`sluice rollout watch {present.deployment}` shows it"
    runs = f"rollout {present.name} of {present.deployment} runs already ({present.state}{weight}, {step}): {look}"
    if present.state is State.ROLLING_BACK:
        return f"{runs}, and another may begin when it has gone back"
    return (
        f"{runs}; another may begin when it is over, or after `sluice rollout abort {present.deployment} --reason WHY`"
    )


def _is_meant(present: Rollout | None, name: str) -> None:
    if name and present is not None and present.name != name:
        raise Refused(f"the last rollout of {present.deployment} is {present.name}, and {name} was meant")


async def _change(
    store: Store,
    deployment: str,
    by: str,
    now: float,
    decide: Callable[[Rollout | None], Rollout],
    view: View | None = None,
) -> Kept:
    for _ in range(_TRIES):
        kept = await store.read(deployment)
        rollout = decide(kept.rollout)
        if rollout is kept.rollout:
            return kept
        try:
            return await change(store, kept, rollout, by, now, view=view)
        except Stale:
            continue
    raise Refused(f"the rollout of {deployment} changes too fast: try again")
