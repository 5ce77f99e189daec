"""Carries a request to the door and waits for what comes back: one future a request, whatever the protocol."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from gateway.call import Answer, Call, Scalar
from gateway.description import Description
from gateway.errors import DeadlineExceeded, DeploymentNotFound, GatewayError, InvalidRequest, RequestTooLarge
from gateway.fronts.caller import Caller, RequestIds, check_unit
from gateway.fronts.door import Door
from gateway.fronts.limits import FrontLimits
from gateway.tensor_request import TensorRequest

Outcome = Answer | GatewayError

# Said by every row alike, these are about the request and not about a row.
_WHOLE_REQUEST = (DeploymentNotFound, DeadlineExceeded)


class RowInput(NamedTuple):
    """One row as a protocol has read it."""

    entities: Mapping[str, Scalar]
    features: Mapping[str, Scalar]
    unit: str
    vector: bytes | None = None
    """In place of entities and features: the model's whole input (`Call.vector`)."""
    tensors: TensorRequest | None = None
    """The same for a pass-through deployment (`Call.tensors`)."""


class Exchange:
    """The half of a front that knows the door and no protocol."""

    def __init__(self, door: Door, limits: FrontLimits, clock: Callable[[], float]) -> None:
        self._door = door
        self.limits = limits
        self.clock = clock
        self.new_id = RequestIds()

    def describe(self, deployment: str) -> Description:
        return self._door.describe(deployment)

    def knock(self, caller: Caller, deployment: str, request_id: str) -> None:
        """Raise the refusal that a call would get now, before its row is read."""
        refusal = self._door.refusal(deployment, caller.priority)
        if refusal is not None:
            caller.settle(request_id, "", self.limits, self.new_id)
            raise refusal.with_traceback(None)

    def check(self, caller: Caller, deployment: str, row: RowInput, request_id: str) -> None:
        """Settle who calls, and raise what the row would be refused with whenever it was asked for."""
        if not deployment:
            raise InvalidRequest("deployment is missing")
        caller.settle(request_id, row.unit, self.limits, self.new_id)
        self._door.check(_call(caller, deployment, row, caller.unit, caller.request_id, _unheard, bool))

    def ask(self, caller: Caller, deployment: str, row: RowInput, request_id: str) -> "asyncio.Future[Outcome]":
        """Ask for one row; `answered` makes an answer, or the gateway's error, of what the future brings."""
        if not deployment:
            raise InvalidRequest("deployment is missing")
        caller.settle(request_id, row.unit, self.limits, self.new_id)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        reply = partial(_resolve, future)
        self._door.submit(_call(caller, deployment, row, caller.unit, caller.request_id, reply, future.done))
        return future

    async def predict_many(
        self, caller: Caller, deployment: str, rows: Sequence[RowInput | InvalidRequest], request_id: str
    ) -> list[Outcome]:
        """Ask for every row at once; outcomes come in the order of the rows. A row that could not be read is its error.

        Row n travels under the id `{request_id}/{n}`, counted from 0, so that records tell rows apart.
        """
        self._check_many(caller, deployment, rows)
        caller.settle(request_id, "", self.limits, self.new_id)
        gathering = Gathering(len(rows))
        for index, row in enumerate(rows):
            refusal = self._door.refusal(deployment, caller.priority)
            if refusal is not None:  # the rest would only be refused one by one
                gathering.put(index, refusal)
                continue
            try:
                if isinstance(row, InvalidRequest):
                    raise row
                check_unit(row.unit, self.limits)
            except InvalidRequest as exc:
                gathering.put(index, exc)
                continue
            row_id = f"{caller.request_id}/{index}"
            reply = partial(gathering.put, index)
            self._door.submit(_call(caller, deployment, row, row.unit, row_id, reply, gathering.left))
        outcomes = await gathering.complete()
        first = outcomes[0]
        if isinstance(first, _WHOLE_REQUEST) and all(type(outcome) is type(first) for outcome in outcomes):
            raise first.with_traceback(None)
        return outcomes

    def _check_many(self, caller: Caller, deployment: str, rows: Sequence[object]) -> None:
        if not deployment:
            raise InvalidRequest("deployment is missing")
        if not rows:
            raise InvalidRequest("rows is empty: send at least one row")
        if len(rows) > self.limits.max_rows:
            raise RequestTooLarge(f"{len(rows)} rows: at most {self.limits.max_rows} go into one request")
        if caller.unit:
            raise InvalidRequest("header sluice-unit names one unit: with many rows, give each row its own unit")


def answered(outcome: Outcome) -> Answer:
    """Return the answer; raises the error that the gateway answered instead."""
    if isinstance(outcome, GatewayError):
        # The line may answer many calls with one error object: what a raise adds to it must not pile up.
        raise outcome.with_traceback(None)
    return outcome


class Gathering:
    """Collects the outcomes of many calls behind one future."""

    def __init__(self, size: int) -> None:
        self._outcomes: list[Outcome | None] = [None] * size
        self._missing = size
        self._all_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def put(self, index: int, outcome: Outcome) -> None:
        self._outcomes[index] = outcome
        self._missing -= 1
        if not self._missing and not self._all_in.done():
            self._all_in.set_result(None)

    def left(self) -> bool:
        """Whether the caller has gone."""
        return self._all_in.done()

    async def complete(self) -> list[Outcome]:
        await self._all_in
        return [outcome for outcome in self._outcomes if outcome is not None]


def _unheard(outcome: Outcome) -> None:
    """What is only checked gets no answer."""


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    # The caller may have left in between, which cancels the future: then nobody wants the outcome.
    if not future.done():
        future.set_result(outcome)


def _call(
    caller: Caller,
    deployment: str,
    row: RowInput,
    unit: str,
    request_id: str,
    reply: Callable[[Outcome], None],
    left: Callable[[], bool],
) -> Call:
    return Call(
        deployment,
        row.entities,
        row.features,
        unit,
        caller.received,
        caller.deadline,
        request_id,
        caller.priority,
        caller.traceparent,
        reply,
        left,
        vector=row.vector,
        tensors=row.tensors,
        own_id=caller.own_id,
    )
