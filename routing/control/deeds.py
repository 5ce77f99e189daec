"""What people do to rollouts: start, approve, abort, undo, halt. The orders were checked by whoever calls."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable

from protos.sluice.v1 import rollouts_pb2 as pb
from routing.control import approval, commands
from routing.control.errors import UNREADABLE, Refused
from routing.control.feed import live
from routing.control.frozen import frozen
from routing.control.halts import Halt, valid
from routing.control.leader import SALT_BYTES
from routing.control.looks import Looks
from routing.control.messages import halts_of
from routing.control.order import Order
from routing.control.plane import Plane
from routing.control.planned import planned
from routing.control.signed import NoOrder
from routing.control.store import Kept
from routing.rollout import Rollout, State

log = logging.getLogger("sluice.control")

_MARK_BYTES = 2
_LONGEST_FREEZE = 10 * 366 * 86_400.0


class Deeds:
    """Each returns how things stand after it. Raises `Refused`, `NotFound`, `NoOrder` and `NotAllowed`."""

    def __init__(self, plane: Plane, looks: Looks) -> None:
        self._plane = plane
        self._looks = looks

    async def start(self, order: Order) -> pb.RolloutState:
        """Begin a rollout, unless one runs or something keeps rollouts from going forward."""
        asked, plane = order.asked, self._plane
        known = plane.known()
        known.of(asked.deployment)
        if why := frozen(known, await plane.notes.halts(), asked.deployment, None, order.at):
            raise Refused(f"no rollout of {asked.deployment} begins now: {why}")
        gateways = live(await plane.feed.standings(asked.deployment), order.at)
        salt, mark = secrets.token_bytes(SALT_BYTES), secrets.token_hex(_MARK_BYTES)
        wanted = planned(asked, order.by, known, gateways, order.at, salt, mark)
        return await self._state(await commands.start(plane.store, wanted, order.by, order.at))

    async def approve(self, order: Order) -> pb.RolloutState:
        """Keep an approval of the running rollout's next step; the leader acts on it."""
        deployment = order.asked.deployment
        known = self._plane.known()
        known.of(deployment)

        def allow(rollout: Rollout) -> None:
            approval.approve(order.signed, known.principals, rollout, order.at)

        # Written down first: nothing goes forward by a word that is in no history. People count steps from 1.
        said = f"step {order.asked.step + 1} approved: {order.asked.why or 'no reason given'}"
        kept = await commands.note(self._plane.store, deployment, order.by, said, self._plane.clock(), allow)
        await self._plane.notes.approve(order.asked.rollout, order.signed)
        return await self._state(kept)

    async def abort(self, order: Order) -> pb.RolloutState:
        """Take the candidate out of the rollout that runs."""
        return await self._back(order, commands.end)

    async def undo(self, order: Order) -> pb.RolloutState:
        """Bring the former champion back, also when the rollout is done."""
        return await self._back(order, commands.undo)

    async def freeze(self, order: Order) -> pb.Halts:
        """Let nothing go forward, of one deployment or of all, for ever or until a time."""
        asked = order.asked
        if asked.deployment:
            self._plane.known().of(asked.deployment)
        if asked.until and asked.until <= order.at:
            raise Refused("a freeze ends in the future, or has no end: `until` is past already")
        if asked.until > order.at + _LONGEST_FREEZE:
            raise Refused("a freeze ends within ten years, or has no end: `until` is in unix seconds")
        halt = Halt(asked.deployment, "freeze", order.by, order.asked.why, order.at, asked.until)
        await self._plane.notes.halt(halt)
        return await self._halts(order, unreadable=await self._note(order, halt.what))

    async def thaw(self, order: Order) -> pb.Halts:
        """Take back what halts one deployment by its name, or what halts all."""
        deployment = order.asked.deployment
        if not await self._plane.notes.lift(deployment):
            whom = deployment or "all deployments together"
            raise Refused(f"nothing halts {whom} by name: `sluice rollout status` shows what does")
        unreadable = await self._note(order, f"thawed: {order.asked.why or 'no reason given'}")
        return await self._halts(order, unreadable=unreadable)

    async def stop_all(self, order: Order) -> pb.Halts:
        """Take every candidate out, and let nothing go forward."""
        if order.asked.deployment:
            raise NoOrder(f"stop_all is for every deployment: kill {order.asked.deployment}, or leave it empty")
        return await self._stop(order, Halt("", "stop", order.by, order.asked.why, order.at))

    async def kill(self, order: Order) -> pb.Halts:
        """Take the candidate of one deployment out, and let no other rollout of it begin."""
        deployment = order.asked.deployment
        self._plane.known().of(deployment)
        return await self._stop(order, Halt(deployment, "kill", order.by, order.asked.why, order.at))

    async def _back(self, order: Order, command: commands.Back) -> pb.RolloutState:
        asked, store = order.asked, self._plane.store
        self._plane.known().of(asked.deployment)
        view = (await self._looks.board()).views.get(asked.deployment)
        return await self._state(
            await command(store, asked.deployment, order.by, asked.why, order.at, asked.rollout, view)
        )

    async def _stop(self, order: Order, halt: Halt) -> pb.Halts:
        """Keep the halt first: whoever leads sees to it then, should it go no further here."""
        await self._plane.notes.halt(halt)
        store, views = self._plane.store, (await self._looks.board()).views
        ended, unreadable = await self._each(
            halt.deployment,
            lambda one: commands.end(store, one, order.by, halt.what, order.at, view=views.get(one)),
        )
        aborted = [rollout.name for rollout in ended if rollout.end is State.ABORTED]
        return await self._halts(order, aborted, unreadable)

    async def _note(self, order: Order, text: str) -> list[str]:
        """Write it down beside every rollout that runs and that it is about; return whose could not be read."""
        now = self._plane.clock()
        _, unreadable = await self._each(
            order.asked.deployment, lambda one: commands.note(self._plane.store, one, order.by, text, now)
        )
        return unreadable

    async def _each(self, deployment: str, do: Callable[[str], Awaitable[Kept]]) -> tuple[list[Rollout], list[str]]:
        """Do it to the deployment's rollout, or with "" to every one; return what became of those that run.

        One that cannot be read keeps nobody from the others: its deployment is returned beside them.
        """
        done, unreadable = list[Rollout](), list[str]()
        for name in [deployment] if deployment else sorted(self._plane.known().declared):
            try:
                kept = await do(name)
            except Refused:  # none runs there
                continue
            except UNREADABLE:
                log.exception("a rollout cannot be read", extra={"deployment": name})
                unreadable.append(name)
            else:
                done += [] if kept.rollout is None else [kept.rollout]
        return done, unreadable

    async def _halts(self, order: Order, aborted: Iterable[str] = (), unreadable: Iterable[str] = ()) -> pb.Halts:
        return halts_of(valid(await self._plane.notes.halts(), order.at), aborted, unreadable)

    async def _state(self, kept: Kept) -> pb.RolloutState:
        if kept.rollout is None:
            raise Refused("there is no rollout")
        return await self._looks.state(kept.rollout)
