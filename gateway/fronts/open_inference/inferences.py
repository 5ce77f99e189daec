"""Carries an inference request to the door and back, whichever wire it came on."""

from collections.abc import Iterable, Sequence

from gateway.call import Answer
from gateway.errors import InvalidRequest
from gateway.fronts.caller import Caller
from gateway.fronts.exchange import Exchange, Outcome, RowInput, answered
from gateway.fronts.open_inference.answers import common, outputs_of, parameters_of, raise_first
from gateway.fronts.open_inference.inference import Head, InferAnswer
from gateway.fronts.open_inference.parameters import Wishes, take
from gateway.fronts.open_inference.rows import RowReader
from gateway.fronts.open_inference.signature import Signature
from gateway.tensor import Tensor, TensorError
from gateway.tensor_request import RequestedOutput, TensorAnswer, TensorRequest


class Inferences:
    """Opens inferences. Readers of rows are made once for every description."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._readers: dict[str, RowReader] = {}

    def open(self, head: Head, caller: Caller) -> "Inference":
        """Raise whatever refuses the request before its tensors are read; `caller` hears what its parameters say."""
        reader = self._reader(head.model)
        reader.signature.check_version(head.version)
        wishes = take(head.parameters, caller)
        self._exchange.knock(caller, head.model, head.id)
        return Inference(self._exchange, reader, head, caller, wishes)

    def _reader(self, name: str) -> RowReader:
        description = self._exchange.describe(name)
        known = self._readers.get(name)
        if known is None or known.signature.description is not description:
            reader = RowReader(Signature(description), self._exchange.limits.max_rows)
            known = self._readers[name] = reader
        return known


class Inference:
    """One request that was not refused so far."""

    def __init__(self, exchange: Exchange, reader: RowReader, head: Head, caller: Caller, wishes: Wishes) -> None:
        self._exchange = exchange
        self._reader = reader
        self._head = head
        self._caller = caller
        self._wishes = wishes

    async def answer(self, inputs: Iterable[Tensor], wanted: tuple[str, ...]) -> InferAnswer:
        """Make rows of the tensors, ask for them, and answer with the outputs that are wanted, all if none are named.

        This is the one place where tensors become rows, or are passed on as they are. A row that fails fails the
        request, unless the caller wants partial answers.
        """
        outputs = self._reader.signature.chosen(wanted)
        if self._reader.signature.passes_on:
            return await self._pass_on(list(inputs), wanted)
        try:
            rows = self._reader.rows(list(inputs), self._wishes.unit)
        except TensorError as exc:
            raise InvalidRequest(str(exc)) from exc
        outcomes = await self._ask(rows)
        if not self._wishes.partial:
            raise_first(outcomes)
        version = common([one.bundle_version for one in outcomes if isinstance(one, Answer)])
        parameters = parameters_of(outcomes)
        return InferAnswer(
            self._head.model, version, self._caller.request_id, parameters, outputs_of(outcomes, outputs)
        )

    async def _pass_on(self, inputs: Sequence[Tensor], wanted: tuple[str, ...]) -> InferAnswer:
        request = TensorRequest(inputs, [RequestedOutput(name) for name in wanted], self._head.parameters)
        row = RowInput({}, {}, self._wishes.unit, tensors=request)
        answer = answered(await self._exchange.ask(self._caller, self._head.model, row, self._head.id))
        given = TensorAnswer([]) if answer.tensors is None else answer.tensors
        parameters = {**given.parameters, **parameters_of([answer])}
        return InferAnswer(self._head.model, answer.bundle_version, self._caller.request_id, parameters, given.outputs)

    async def _ask(self, rows: Sequence[RowInput]) -> Sequence[Outcome]:
        """One row travels under the request's own id, several under `{id}/{n}`."""
        model, request_id = self._head.model, self._head.id
        if len(rows) == 1:
            return [await self._exchange.ask(self._caller, model, rows[0], request_id)]
        return await self._exchange.predict_many(self._caller, model, rows, request_id)
