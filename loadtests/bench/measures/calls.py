"""How many calls a second each front answers, and how long one takes alone: interleaved rounds over both fronts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from loadtests import h2load
from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Opened, Wanted
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.cross_check import CrossCheck
from loadtests.dialect import dialect, requests
from loadtests.generator import Load
from loadtests.many import many, many_requests
from loadtests.rounds import Front, Question, play
from loadtests.table import Row, markdown
from loadtests.tally import Report, why_not

_STARTING = 4.0  # seconds, about, that a gateway takes to start and stop


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what is read off its reports."""

    name: str
    title: str
    front: str
    connections: int
    server: str
    dialect: str = "grpc"
    unit: str = "calls/s"
    read: Callable[[Report], float | None] = lambda report: report.rate
    rows: int = 1


ASKED = (
    Asked("grpc-16", "gRPC, 16 connections", "h2corn", 16, "h2corn"),
    Asked("grpc-64", "gRPC, 64 connections", "h2corn", 64, "h2corn"),
    Asked("http-16", "HTTP/1.1 JSON, 16 connections", "h2corn", 16, "h2corn", "http"),
    Asked(
        "alone", "gRPC, one connection, one call in flight, p50", "h2corn", 1, "h2corn", unit="ms",
        read=lambda report: _milliseconds(report.quantile(0.5)),
    ),
    Asked(
        "many-256", "PredictMany, 256 rows a call, 2 connections", "h2corn", 2, "h2corn", unit="rows/s",
        read=lambda report: report.rate * 256 if report.rate is not None else None, rows=256,
    ),
    Asked("grpc-aio", "gRPC, 16 connections", "conservative", 16, "grpc.aio"),
    Asked("http-uvicorn", "HTTP/1.1 JSON, 16 connections", "conservative", 16, "uvicorn", "http"),
)  # fmt: skip
"""In the order in which they are asked."""

_SPENT = {"cpu-worker": "worker", "cpu-redis": "redis"}
_OF_GRPC_16 = ("grpc-16-p99", *_SPENT)
PARTS = (*(one.name for one in ASKED), *_OF_GRPC_16)


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    asked = [one for one in ASKED if _is_wanted(plan, one)]
    fronts = {one.front for one in asked}
    return plan.rounds * (len(asked) * (plan.warm_up + plan.seconds) + len(fronts) * _STARTING)


def run(bench: Bench) -> list[Finding]:
    """Play the rounds; one finding for each question, and what else the first one tells."""
    asked = [one for one in ASKED if _is_wanted(bench.plan, one)]
    check = _cross_check(bench.plan)
    names = dict.fromkeys(one.front for one in asked)
    reports = play([_front(bench, name, asked, check) for name in names], bench.plan.rounds, bench.say)
    rows = [Row(one.server, reports[one.name]) for one in asked]
    summary = check.summary() if check else "No cross-check against h2load was made."
    findings = [_finding(one, reports[one.name]) for one in asked]
    findings += _of_grpc_16(reports["grpc-16"]) if "grpc-16" in reports else []
    tabled = replace(findings[0], heading="Calls in a closed loop", table=f"{markdown(rows)}\n\n{summary}")
    return [tabled, *findings[1:]]


def _is_wanted(plan: Plan, asked: Asked) -> bool:
    extra = _OF_GRPC_16 if asked.name == "grpc-16" else ()
    return plan.wants("calls", asked.name, *extra)


def _front(bench: Bench, name: str, asked: Sequence[Asked], check: CrossCheck | None) -> Front[Opened]:
    mine = [one for one in asked if one.front == name]

    def questions(opened: Opened) -> list[Question]:
        return [_question(bench, opened, one) for one in mine]

    def afterwards(opened: Opened) -> None:
        plain = next((one for one in questions(opened) if one.name.startswith("grpc-")), None)
        if check is not None and plain is not None and name == "h2corn":
            check.run(plain.spoken, plain.address, plain.calls[0])

    return Front(
        name, lambda: bench.gateways.open(Wanted(name, name)), lambda one: one.processes, questions, afterwards
    )


def _question(bench: Bench, opened: Opened, asked: Asked) -> Question:
    address = opened.http if asked.dialect == "http" else opened.grpc
    target = bench.target(address)
    load = bench.plan.load(asked.connections)
    if asked.rows > 1:
        calls = many_requests(target, bench.cases, asked.rows)
        return Question(asked.name, many(target, asked.rows), address, calls, load)
    spoken = dialect(asked.dialect, target)
    return Question(asked.name, spoken, address, requests(spoken, list(bench.cases)), load)


def _finding(asked: Asked, reports: Sequence[Report]) -> Finding:
    return read_off(asked.name, f"{asked.title} ({asked.server})", asked.unit, reports, asked.read)


def read_off(
    name: str, title: str, unit: str, reports: Sequence[Report], read: Callable[[Report], float | None]
) -> Finding:
    """Return what `read` sees in every report; trouble where one may show nothing."""
    values = [read(report) for report in reports]
    good = [value for value in values if value is not None]
    trouble = "" if len(good) == len(values) else "; ".join(why_not(reports))
    details: dict[str, object] = {"rounds": [report.as_json() for report in reports]}
    return Finding(name, title, unit, good, _conditions(reports[0]), trouble, details)


def _of_grpc_16(reports: Sequence[Report]) -> list[Finding]:
    p99 = read_off(
        "grpc-16-p99",
        "gRPC, 16 connections, p99 (h2corn)",
        "ms",
        reports,
        lambda one: _milliseconds(one.quantile(0.99)),
    )
    spent = _processor_time(reports)
    told = "; ".join(f"{who} {min(values):.0f} to {max(values):.0f} µs" for who, values in spent.items())
    return [p99, *(_processor(name, who, spent, told) for name, who in _SPENT.items())]


def _processor(name: str, who: str, spent: Mapping[str, list[float]], told: str) -> Finding:
    trouble = "" if spent.get(who) else f"no processor time of the {who} is known: --{who}-pid names it"
    title = f"processor time of a call: {who} (gRPC, 16 connections)"
    return Finding(name, title, "µs", spent.get(who, []), told, trouble, {"microseconds_a_call": dict(spent)})


def _processor_time(reports: Sequence[Report]) -> Mapping[str, list[float]]:
    spent: dict[str, list[float]] = {}
    for report in reports:
        for who in ("worker", "redis", "generator"):
            each = report.processor_time_per_call(who)
            if each is not None:
                spent.setdefault(who, []).append(each * 1e6)
    return spent


def _conditions(report: Report) -> str:
    return f"{report.connections} × {report.streams} in flight, {report.seconds:.0f} s, {report.entity_sets:,} distinct"


def _cross_check(plan: Plan) -> CrossCheck | None:
    if not plan.cross_check or not h2load.available():
        return None
    return CrossCheck(Load(16, 1, plan.warm_up, plan.seconds / 2), plan.timeout_ms, plan.out)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
