"""The same gateway with TLS and without, both up, asked in turn: what is left of the rate."""

from contextlib import ExitStack

from loadtests.bench.busy import busy
from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Opened, Wanted
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.certificate import make_pair
from loadtests.dialect import dialect, requests
from loadtests.in_turn import Pairs, in_turn
from loadtests.rounds import Question, ask
from loadtests.tally import Report, why_not
from loadtests.tls import over_tls


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    return 2 * plan.pair_rounds * (plan.warm_up + plan.pair_seconds) + 8.0


def run(bench: Bench) -> list[Finding]:
    """Ask both in turn; the finding is the ratio of rates, pair by pair."""
    pair = make_pair(bench.plan.out / "tls")
    with ExitStack() as stack:
        sealed = stack.enter_context(bench.gateways.open(Wanted("tls", pair=pair)))
        plain = stack.enter_context(bench.gateways.open(Wanted("plain")))
        pairs = in_turn(lambda: _ask(bench, sealed), lambda: _ask(bench, plain), bench.plan.pair_rounds, bench.say)
    return [_finding(pairs, bench.plan)]


def _finding(pairs: Pairs[Report], plan: Plan) -> Finding:
    ratios, trouble = pairs.ratios(lambda report: report.rate)
    if trouble:
        trouble += ": " + "; ".join(why_not([*pairs.first, *pairs.second]))
    details: dict[str, object] = {
        "with": [report.as_json() for report in pairs.first],
        "without": [report.as_json() for report in pairs.second],
    }
    title = "gRPC with TLS, 16 connections, against without (h2corn)"
    conditions = (
        f"pairs of {plan.pair_seconds:.0f} s, TLS 1.3 where the server agrees, connections kept;"
        f" {busy({'with': pairs.first, 'without': pairs.second})}"
    )
    return Finding("tls", title, "×", ratios, conditions, trouble, details)


def _ask(bench: Bench, opened: Opened) -> Report:
    target = bench.target(opened.grpc)
    spoken = dialect("grpc", target)
    if opened.tls_ca is not None:
        spoken = over_tls(spoken, target.host, opened.tls_ca)
    calls = requests(spoken, list(bench.cases))
    load = bench.plan.load(16, bench.plan.pair_seconds)
    return ask(Question("grpc-16", spoken, opened.grpc, calls, load), opened.processes)
