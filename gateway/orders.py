"""A worker's obedience: takes the supervisor's orders one after the other, and says what came of each."""

import asyncio
import logging
from collections.abc import Callable

from gateway.channel import Channel
from gateway.deployments import Deployments
from gateway.messages import Done, Drop, Hear, Load, MessageError, Order, Remove, Report, Start, Turn

log = logging.getLogger("sluice.orders")


class Orders:
    """Obeys until the channel ends; then `orphaned` is called. Loading goes on beside the other orders."""

    def __init__(self, channel: Channel[Order, Report], deployments: Deployments, orphaned: Callable[[], None]) -> None:
        self._channel = channel
        self._deployments = deployments
        self._orphaned = orphaned
        self._loads: dict[str, asyncio.Task[None]] = {}

    async def obey(self) -> None:
        """Run as a task, from when everything is put together."""
        try:
            while (order := await self._channel.receive()) is not None:
                await self._carry_out(order)
        except MessageError:
            log.exception("the supervisor talks nonsense: draining")
        finally:
            for load in self._loads.values():
                load.cancel()
            self._orphaned()

    async def _carry_out(self, order: Order) -> None:
        match order:
            case Load():
                await self._stop_loading(order.served.name)
                load = self._load(order)
                self._loads[order.served.name] = asyncio.create_task(load, name=f"load {order.served.name}")
            case Turn():
                self._channel.send(Done(order.id, self._turn(order.deployment)))
            case Drop():
                await self._stop_loading(order.deployment)
                await self._deployments.drop(order.deployment)
                self._channel.send(Done(order.id))
            case Remove():
                self._deployments.remove(order.deployment)
                self._channel.send(Done(order.id))
            case Hear():
                noted = self._deployments.hear(order.leases)
                self._channel.send(Done(order.id, standings=self._deployments.standings(), noted=noted))
            case Start():
                log.error("told to start a second time")
            case _:
                self._channel.send(Done(order.id, standings=self._deployments.standings()))

    async def _load(self, order: Load) -> None:
        error = ""
        try:
            await self._deployments.load(order.served)
        except Exception as exc:  # supervised: whatever cannot be loaded changes nothing, and the reason goes back
            log.warning("cannot load", extra={"deployment": order.served.name}, exc_info=exc)
            error = f"{exc}" or repr(exc)
        self._channel.send(Done(order.id, error))

    def _turn(self, name: str) -> str:
        try:
            self._deployments.turn(name)
        except LookupError as exc:
            return f"nothing was loaded: {exc}"
        return ""

    async def _stop_loading(self, name: str) -> None:
        load = self._loads.pop(name, None)
        if load is not None and not load.done():
            load.cancel()
            await asyncio.wait([load])
