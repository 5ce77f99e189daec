"""`python -m loadtests.faults.grpcio_caller`: an open loop through the grpcio package, as a Python service would call.

The channel reconnects by itself, the deadline is the client's own (it lets no late answer through), and what the client
gives up counts as failed: only a status that carries the gateway's own code is a refusal. It says `ready`, begins when
it is told the time at which the run began, and prints what was sent and how every call ended.
"""

import random
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from threading import Lock

import grpc
import msgspec

from loadtests.answer import Contract
from loadtests.arrivals import poisson
from loadtests.cases import Case
from loadtests.dialect import set_values
from loadtests.faults.companion import READY, Noted
from loadtests.faults.ending import FAILED, TURNED_AWAY, Ending, of_prediction, of_refusal
from loadtests.options import address, cases_for
from protos.sluice.v1.prediction_pb2 import PredictRequest, PredictResponse
from protos.sluice.v1.prediction_pb2_grpc import PredictionsStub

_CONTRACT = Contract()
_GRACE = 5.0


class Caller:
    """Sends calls and notes how each ended; answers come on grpcio's own threads."""

    def __init__(self, stub: PredictionsStub, timeout: float, begun: float) -> None:
        self.sent: list[float] = []
        self.noted: list[Noted] = []
        self._stub = stub
        self._timeout = timeout
        self._begun = begun
        self._lock = Lock()

    def call(self, request: PredictRequest, due: float) -> None:
        """Begin one call that was due so many seconds after the beginning."""
        self.sent.append(due)
        future = self._stub.Predict.future(request, timeout=self._timeout)
        future.add_done_callback(self._noting(due))

    def _noting(self, due: float) -> Callable[["grpc.Future[PredictResponse]"], None]:
        def note(future: "grpc.Future[PredictResponse]") -> None:
            took = time.perf_counter() - self._begun - due
            kind, reason, detail = _ending(future)
            with self._lock:
                self.noted.append(Noted(due, took, kind, reason, detail))

        return note


def main(arguments: list[str] | None = None) -> int:
    """Call for as long as told, then report."""
    options = _parser().parse_args(arguments)
    cases = cases_for(None, "fraud", 1000, options.seed)
    with grpc.insecure_channel("{}:{}".format(*options.address)) as channel:
        grpc.channel_ready_future(channel).result(timeout=30.0)
        requests = [_request(case) for case in cases]
        print(READY, flush=True)
        begun = float(sys.stdin.readline())
        caller = Caller(PredictionsStub(channel), options.timeout_ms / 1e3, begun)
        _offer(caller, requests, options.rate, begun, options.seconds)
    print(msgspec.json.encode(caller.sent).decode())
    for noted in caller.noted:
        print(msgspec.json.encode(noted).decode())
    return 0


def _offer(caller: Caller, requests: list[PredictRequest], rate: float, begun: float, seconds: float) -> None:
    draw = random.Random(7)
    for offset in poisson(rate, seconds, 11):
        due = offset / 1e9
        time.sleep(max(0.0, begun + due - time.perf_counter()))
        caller.call(draw.choice(requests), due)
    end = time.perf_counter() + _GRACE
    while len(caller.noted) < len(caller.sent) and time.perf_counter() < end:
        time.sleep(0.02)


def _ending(future: "grpc.Future[PredictResponse]") -> Ending:
    error = future.exception()
    if error is None:
        answer: PredictResponse = future.result()
        return of_prediction(_CONTRACT, answer.request_id, answer.request_id, answer.prediction)
    if not isinstance(error, grpc.Call):
        return Ending(FAILED, type(error).__name__, str(error))
    if error.code() is grpc.StatusCode.UNAVAILABLE and "status: 503" in (error.details() or ""):
        return TURNED_AWAY
    trailers = {str(name): str(value) for name, value in error.trailing_metadata() or ()}
    return of_refusal(trailers.get("sluice-code", ""), f"grpcio {error.code().name}", error.details() or "")


def _request(case: Case) -> PredictRequest:
    request = PredictRequest(deployment="fraud")
    set_values(request.entities, case.entities)
    set_values(request.features, case.features)
    return request


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m loadtests.faults.grpcio_caller", description=__doc__)
    parser.add_argument("address", type=address, metavar="HOST:PORT")
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--timeout-ms", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    return parser


if __name__ == "__main__":
    sys.exit(main())
