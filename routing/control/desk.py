"""The desk takes signed orders, whichever front they came through: checks each, heeds it once, and answers."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from protos.sluice.v1 import rollouts_pb2 as pb
from routing.control.deeds import Deeds
from routing.control.looks import Looks
from routing.control.order import Order
from routing.control.plane import Plane
from routing.control.signed import NoOrder, Signed, check, heed_once

MOST_BYTES = 128 * 1024
"""Of a signed order on its way: it holds an order of 64 KiB, also in base64."""
SERVICE = pb.DESCRIPTOR.services_by_name["Rollouts"]

Unary = Callable[[Order], Awaitable[Message]]
Stream = Callable[[Order], AsyncIterator[Message]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of `sluice.v1.Rollouts`, as both fronts offer it."""

    name: str
    deed: str
    """What an order that is sent to it has to ask for."""
    streams: bool
    answer: Any
    """The descriptor of what it answers with."""


def methods() -> list[Method]:
    """Return every method that the contract has."""
    return [
        Method(one.name, re.sub(r"(?<!^)(?=[A-Z])", "_", one.name).lower(), one.server_streaming, one.output_type)
        for one in SERVICE.methods
    ]


class Desk:
    """Raises `ControlError` and its kinds; each front has its own words for them."""

    def __init__(self, plane: Plane, looks: Looks) -> None:
        self._plane = plane
        deeds = Deeds(plane, looks)
        self._unary: Mapping[str, Unary] = {
            "start": deeds.start,
            "approve": deeds.approve,
            "abort": deeds.abort,
            "undo": deeds.undo,
            "freeze": deeds.freeze,
            "thaw": deeds.thaw,
            "stop_all": deeds.stop_all,
            "kill": deeds.kill,
            "list": looks.list_all,
            "history": looks.history,
            "explain": looks.explain,
        }
        self._streams: Mapping[str, Stream] = {"watch": looks.watch, "replay": looks.replay}

    async def answer(self, deed: str, signed: pb.SignedOrder) -> Message:
        """Do what was ordered, and return what comes of it."""
        return await self._unary[deed](await self._checked(deed, signed))

    async def stream(self, deed: str, signed: pb.SignedOrder) -> AsyncIterator[Message]:
        """Yield what was asked for, piece by piece."""
        async for message in self._streams[deed](await self._checked(deed, signed)):
            yield message

    async def _checked(self, deed: str, message: pb.SignedOrder) -> Order:
        signed = Signed(message.principal, message.order, message.signature)
        known, now = self._plane.known(), self._plane.clock()
        asked = check(signed, known.principals, now)
        if asked.deed != deed:
            raise NoOrder(f"this order is to {asked.deed}, and was sent to where one can {deed}")
        await heed_once(self._plane.notes, signed, asked, now)
        return Order(asked, signed, known.principals[signed.principal], now)
