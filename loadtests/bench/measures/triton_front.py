"""Sluice in front of a Triton against that Triton alone: the same client, the same requests, in turn.

Triton alone is run in the manner in which it answers most; the one behind the gateway as we ship it, whose batcher does
not wait for more: lists have been gathered already. Triton has the workers' core.
With two cores the gateway has to share one: the caller's, as if it had a machine of its own, or Triton's, which then
has the less for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import NamedTuple

from tritonclient.grpc import service_pb2  # type: ignore[import-untyped] # shipped without types

from loadtests.answer import Read, Verdict
from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Address
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.bench.triton_ground import LISTED, PASSED, Fronted, Manner, address_of, fronted, triton_alone
from loadtests.cases import Case
from loadtests.dialect import Dialect
from loadtests.exchange import Request
from loadtests.generator import generate
from loadtests.in_turn import Pairs, in_turn
from loadtests.peers.asking import grpc_dialect
from loadtests.peers.proof import Proof
from loadtests.peers.rows import Rows, rows_from
from loadtests.processors import ProcessorMeter, held
from loadtests.spread import spread
from loadtests.tally import Report, why_not

MANNERS = tuple(Manner(instances, delay) for instances in (1, 2, 3) for delay in (0, 1000))
SHIPPED = Manner(2, 0)
CONNECTIONS = 16
_METHOD = "/inference.GRPCInferenceService/ModelInfer"
_SINGLE, _DOUBLE = Struct("<f"), Struct("<d")
_STARTING = 15.0


class Way(NamedTuple):
    """One way of standing in front: the deployment that is asked, and whose core the gateway shares."""

    name: str
    deployment: str
    beside_caller: bool
    title: str


WAYS = (
    Way("triton-front-passed", PASSED, True, "tensors passed on, gateway beside the caller"),
    Way("triton-front-lists", LISTED, True, "whole inputs in lists, gateway beside the caller"),
    Way("triton-front-passed-shared", PASSED, False, "tensors passed on, gateway on Triton's core"),
    Way("triton-front-lists-shared", LISTED, False, "whole inputs in lists, gateway on Triton's core"),
)
PARTS = tuple(name for way in WAYS for name in (way.name, f"{way.name}-p50"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A server as the caller sees it: where it is, how it is spoken to, and what it is asked."""

    address: Address
    spoken: Dialect
    calls: Sequence[Request]


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    once = plan.warm_up + plan.pair_seconds
    return len(MANNERS) * (once + _STARTING) + len(WAYS) * 2 * plan.pair_rounds * once + _STARTING


def run(bench: Bench) -> list[Finding]:
    """Find out how Triton is fastest by itself, and play the gateway in front of it against that."""
    rows = rows_from(bench.ground.redis)
    manner = _best(bench, rows)
    with fronted(bench, SHIPPED) as ground, triton_alone(bench, manner) as (model, server):
        alone = _asked(address_of(server), model, rows)
        played = {way: _play(bench, ground, way, rows, alone, server.pids()) for way in WAYS}
    return [finding for way, pairs in played.items() for finding in _findings(manner, way, pairs)]


def _best(bench: Bench, rows: Rows) -> Manner:
    """Return the manner in which Triton alone answers most."""
    rates = {}
    for manner in MANNERS:
        with triton_alone(bench, manner) as (model, server):
            asked = _asked(address_of(server), model, rows)
            rates[manner] = _ask(bench, asked, {"triton": server.pids()}).rate or 0.0
        bench.say(f"Triton alone, {manner.text}: {rates[manner]:,.0f} calls/s")
    return max(rates, key=lambda manner: rates[manner])


def _play(
    bench: Bench, ground: Fronted, way: Way, rows: Rows, alone: Asked, pids_alone: Sequence[int]
) -> Pairs[Report]:
    bench.say(f"Triton with the gateway in front and alone: {way.title}")
    seats, through = bench.plan.seats, _asked(ground.gateway, way.deployment, rows)

    def in_front() -> Report:
        return _ask(bench, through, {"triton": ground.triton_pids, "gateway": ground.gateway_pids})

    def by_itself() -> Report:
        return _ask(bench, alone, {"triton": pids_alone})

    with held(ground.gateway_pids, seats.generator if way.beside_caller else seats.worker):
        return in_turn(in_front, by_itself, bench.plan.pair_rounds, bench.say)


def _ask(bench: Bench, asked: Asked, pids: dict[str, Sequence[int]]) -> Report:
    meters = {name: ProcessorMeter(some) for name, some in pids.items()}
    load = bench.plan.load(CONNECTIONS, bench.plan.pair_seconds)
    return generate(load, asked.spoken, asked.address, asked.calls, meters)


def _asked(address: Address, model: str, rows: Rows) -> Asked:
    spoken = grpc_dialect(address, _METHOD, partial(_encode, model), _read(Proof(rows.scores)))
    calls = [spoken.encode(case, str(number)) for number, case in enumerate(rows.cases(whole_job=False))]
    return Asked(address, spoken, calls)


def _encode(model: str, case: Case, number: str) -> bytes:
    values = [float(value) for value in case.features.values()]
    request = service_pb2.ModelInferRequest(model_name=model, id=number)
    request.parameters["unit"].string_param = number
    request.inputs.add(name="features", datatype="FP32", shape=[1, len(values)])
    request.outputs.add(name="score")
    request.raw_input_contents.append(Struct(f"<{len(values)}f").pack(*values))
    encoded: bytes = request.SerializeToString()
    return encoded


def _read(proof: Proof) -> Read:
    """Judge an answer: Triton's scores are single, those of a deployment of scores double."""

    def read(body: bytes, number: str) -> Verdict:
        answer = service_pb2.ModelInferResponse.FromString(body)
        if answer.id != number:
            return Verdict("wrong request id", f"asked {number!r}, answered {answer.id!r}")
        raw = answer.raw_output_contents
        form = {_SINGLE.size: _SINGLE, _DOUBLE.size: _DOUBLE}.get(len(raw[0]) if len(raw) == 1 else 0)
        if form is None:
            return Verdict("not one score", f"{len(raw)} outputs")
        return proof.judge(number, form.unpack(raw[0])[0])

    return read


def _findings(manner: Manner, way: Way, pairs: Pairs[Report]) -> list[Finding]:
    ratios, trouble = pairs.ratios(lambda report: report.rate)
    if trouble:
        trouble += ": " + "; ".join(why_not([*pairs.first, *pairs.second]))
    details: dict[str, object] = {
        "through": [report.as_json() for report in pairs.first],
        "alone": [report.as_json() for report in pairs.second],
    }
    more = [] if trouble else _longer(pairs)
    conditions = f"{CONNECTIONS} connections; Triton alone: {manner.text}; behind: {SHIPPED.text}; {_rates(pairs)}"
    return [
        Finding(way.name, f"in front of Triton: {way.title}", "×", ratios, conditions, trouble, details),
        Finding(f"{way.name}-p50", f"p50 more, {way.title}", "ms", more, conditions, trouble),
    ]


def _longer(pairs: Pairs[Report]) -> list[float]:
    """Return by how many milliseconds the median call took longer, by round."""
    both = zip(pairs.first, pairs.second, strict=True)
    return [((one.quantile(0.5) or 0.0) - (other.quantile(0.5) or 0.0)) * 1e3 for one, other in both]


def _rates(pairs: Pairs[Report]) -> str:
    through, alone = ([report.rate or 0.0 for report in side] for side in (pairs.first, pairs.second))
    return f"through {spread(through).median:,.0f}, alone {spread(alone).median:,.0f} calls/s"
