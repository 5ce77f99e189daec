"""Submit and Fetch, whatever the protocol: what a call brings is settled here, then the desk has it."""

from gateway.fronts.caller import Caller
from gateway.fronts.desk import Desk, Submission
from gateway.fronts.exchange import Exchange
from gateway.fronts.grpc_messages import row_input
from protos.sluice.v1 import prediction_pb2 as pb

# Of the time that a caller has left, and in seconds: his clock began to run before his call came, with the connection.
_EARLIER, _EARLIER_AT_MOST = 0.1, 0.1


class Later:
    """The half of a front that knows the desk and no protocol."""

    def __init__(self, desk: Desk, exchange: Exchange) -> None:
        self._desk = desk
        self._exchange = exchange

    async def submit(self, caller: Caller, request: pb.PredictRequest, useful_for_ms: int) -> str:
        """Hand a call in; return what its result is fetched by. Raises what `Desk.submit` does, and what Predict would
        say at once: a result is no place for it, whose caller has gone by then.
        """
        self._exchange.check(caller, request.deployment, row_input(request), request.request_id)
        request.request_id, request.unit = caller.request_id, caller.unit
        return await self._desk.submit(Submission(request, useful_for_ms / 1e3, caller.traceparent))

    async def fetch(self, caller: Caller, result_id: str, wait_ms: int) -> bytes:
        """Return a `sluice.v1.FetchResponse`, in time for the caller's deadline. Raises what `Desk.fetch` does."""
        if not caller.request_id:
            caller.request_id = self._exchange.new_id()
        left = caller.deadline - self._exchange.clock()
        left -= min(_EARLIER * left, _EARLIER_AT_MOST)
        return await self._desk.fetch(result_id, max(0.0, min(wait_ms / 1e3, left)))
