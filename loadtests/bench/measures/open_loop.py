"""What independent callers feel: Poisson arrivals at parts of the capacity, Redis as far away as a network puts it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from urllib.parse import urlsplit, urlunsplit

import msgspec
import redis

from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Opened, Wanted
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.delay_proxy import LISTENING
from loadtests.dialect import dialect, requests
from loadtests.generator import generate
from loadtests.open_loop import Arrivals, OpenReport, offer
from loadtests.processors import ProcessorMeter
from loadtests.seats import settle
from loadtests.serving import ServingError

SHARES = (0.5, 0.7, 0.9)
PARTS = tuple(f"open-{share:.0%}".removesuffix("%") + what for share in SHARES for what in ("-p99", "-p99.9"))
_PINGS = 500
_HEAD = (
    "| offered | calls/s | p50 ms | p99 ms | p99.9 ms | refused | late | other faults "
    "| left late by, p99 µs | generator busy |"
)


@dataclass(slots=True)
class Proxy:
    """The proxy in front of Redis: its address, its pid, and after its end what it says of the replies it held."""

    url: str
    pid: int
    added_ms: float
    held: dict[str, float]


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    return 6.0 + plan.warm_up + plan.seconds + len(SHARES) * (plan.warm_up + plan.open_seconds)


def run(bench: Bench) -> list[Finding]:
    """Find the capacity behind the proxy, then offer parts of it."""
    with _proxy(bench) as proxy, bench.gateways.open(Wanted("behind-proxy", redis=proxy.url)) as opened:
        capacity = _capacity(bench, opened)
        reports = {share: _offer(bench, opened, capacity * share) for share in SHARES}
    findings = [finding for share, report in reports.items() for finding in _findings(share, report, capacity)]
    tabled = replace(findings[0], heading="Calls in an open loop", table=_table(reports, capacity, proxy))
    return [tabled, *findings[1:]]


def _capacity(bench: Bench, opened: Opened) -> float:
    bench.say("capacity behind the proxy: closed loop, 64 connections")
    spoken = dialect("grpc", bench.target(opened.grpc))
    meters = {"worker": ProcessorMeter(opened.processes.worker)}
    report = generate(bench.plan.load(64), spoken, opened.grpc, requests(spoken, list(bench.cases)), meters)
    if report.rate is None:
        raise ServingError("no capacity, so no part of it: " + "; ".join(report.reasons()))
    return report.rate


def _offer(bench: Bench, opened: Opened, rate: float) -> OpenReport:
    plan = bench.plan
    bench.say(f"{rate:,.0f} calls/s, Poisson")
    spoken = dialect("grpc", bench.target(opened.grpc))
    arrivals = Arrivals(rate, plan.open_seconds, plan.warm_up, seed=plan.seed)
    return offer(arrivals, spoken, opened.grpc, requests(spoken, list(bench.cases)))


def _findings(share: float, report: OpenReport, capacity: float) -> list[Finding]:
    conditions = f"{report.arrivals.rate:,.0f} of {capacity:,.0f} calls/s for {report.arrivals.seconds:.0f} s"
    lost = f"{report.lost_connections} connections lost" if report.lost_connections else ""
    found = []
    for label, quantile in (("p99", 0.99), ("p99.9", 0.999)):
        value = report.quantile(quantile) * 1e3
        endless = f"more than {1 - quantile:.1%} of the calls got no good answer" if value == float("inf") else ""
        title = f"open loop at {share:.0%} of capacity, Redis 0.4 ms away, {label}"
        details: dict[str, object] = {"report": as_json(report)} if label == "p99" else {}
        name = f"open-{share * 100:.0f}-{label}"
        found.append(Finding(name, title, "ms", [] if endless else [value], conditions, lost or endless, details))
    return found


def as_json(report: OpenReport) -> dict[str, object]:
    """Return the report as plain values; a quantile that too many failures made endless is null."""
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    latencies = {name: report.quantile(share) for name, share in shares.items()}
    return {
        "calls_per_second_offered": report.arrivals.rate,
        "seconds": report.arrivals.seconds,
        "due": report.due,
        "good": report.tally.good,
        "faults": report.tally.faults,
        "latency_seconds": {name: None if value == float("inf") else value for name, value in latencies.items()},
        "left_late_by_seconds": {name: report.lag.quantile(share) for name, share in shares.items()},
        "generator_busy": report.busy,
    }


def _table(reports: dict[float, OpenReport], capacity: float, proxy: Proxy) -> str:
    lines = [_HEAD, "|" + "---|" * (_HEAD.count("|") - 1)]
    lines += [_line(share, report) for share, report in reports.items()]
    held = proxy.held
    return "\n".join(
        [
            *lines,
            "",
            f"Capacity {capacity:,.0f} calls/s (closed loop, 64 connections, same proxy). Latency counts from when"
            " a call was due, failures as endless; late: answered or given up after the deadline. The proxy held"
            f" {held['replies']:,.0f} replies for p50 {held['p50'] * 1e6:.0f} µs, p99 {held['p99'] * 1e6:.0f} µs; a"
            f" PING through it took {proxy.added_ms:.2f} ms longer than without, nothing else going on.",
        ]
    )


def _line(share: float, report: OpenReport) -> str:
    turned_away = report.count("HTTP 503, no grpc-status")  # by the worker's server, unread
    refused, expired = report.count("grpc-status 8") + turned_away, report.count("grpc-status 4")
    slow = report.tally.latencies.above(100_000_000)
    rest = sum(report.tally.faults.values()) - refused - expired
    times = " | ".join(_milliseconds(report.quantile(quantile)) for quantile in (0.5, 0.99, 0.999))
    left = report.lag.quantile(0.99) * 1e6
    return (
        f"| {share:.0%} | {report.arrivals.rate:,.0f} | {times} | {refused:,} | {expired + slow:,} | {rest:,} "
        f"| {left:.0f} | {report.busy:.0%} |"
    )


def _milliseconds(seconds: float) -> str:
    return "endless" if seconds == float("inf") else f"{seconds * 1e3:.2f}"


@contextmanager
def _proxy(bench: Bench) -> Iterator[Proxy]:
    """Start the proxy on its core, measure what it adds while all is quiet, end it and read what it says."""
    plan, url = bench.plan, urlsplit(bench.ground.redis)
    port = plan.base_port - 2
    command = [sys.executable, "-m", "loadtests.delay_proxy", "--listen", f"127.0.0.1:{port}"]
    command += ["--to", f"{url.hostname}:{url.port or 6379}", "--delay-us", str(plan.delay_us)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: settle(plan.seats.proxy))
    try:
        if process.stdout is None or process.stdout.readline().strip() != LISTENING:
            raise ServingError("the proxy before Redis did not start: its own words are above")
        password = url.netloc.rpartition("@")[0]
        through = urlunsplit(url._replace(netloc=f"{password}@127.0.0.1:{port}".removeprefix("@")))
        added = _ping(through) - _ping(bench.ground.redis)
        proxy = Proxy(through, process.pid, added, {})
        yield proxy
        process.terminate()
        proxy.held = msgspec.json.decode(process.communicate(timeout=10)[0], type=dict[str, float])
    finally:
        process.kill()
        process.wait()


def _ping(url: str) -> float:
    """Return the median of some PINGs in milliseconds."""
    with redis.Redis.from_url(url) as client:
        times = []
        for _ in range(_PINGS):
            begun = time.perf_counter()
            client.ping()
            times.append(time.perf_counter() - begun)
    return median(times) * 1e3
