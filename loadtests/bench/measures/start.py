"""How long a worker takes to start: one is killed, and the time counts from its successor's birth to a first answer.

Whoever connects meanwhile waits in the listeners, which the supervisor keeps open: the first answer of the health page
comes when the worker can answer predictions too.
"""

import os
import signal
import time

from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Opened, Wanted
from loadtests.bench.measure import Bench
from loadtests.bench.plan import Plan
from loadtests.processors import family, running_module
from loadtests.serving import ServingError, health_connection

_PATIENCE = 60.0


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    return 5.0 + 3.0 * plan.starts


def run(bench: Bench) -> list[Finding]:
    """Kill the worker some times over."""
    with bench.gateways.open(Wanted("start")) as opened:
        times = []
        for number in range(bench.plan.starts):
            times.append(_restart(opened))
            bench.say(f"start {number + 1} of {bench.plan.starts}: {times[-1]:.2f} s")
    conditions = "bundles on disk, files in the page cache, supervisor running; from the process's birth to an answer"
    return [Finding("start", "start of a worker to ready", "s", times, conditions)]


def _restart(opened: Opened) -> float:
    supervisor = opened.processes.worker[0]
    (old,) = running_module(family(supervisor), "gateway.worker")
    os.kill(old, signal.SIGKILL)
    born = _await_birth(supervisor, old)
    connection = health_connection(opened.http, timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        if connection.getresponse().status != 200:
            raise ServingError("the new worker answers, and is not ready")
    finally:
        connection.close()
    return time.monotonic() - born


def _await_birth(supervisor: int, old: int) -> float:
    """Return when the successor was born. Only asks the kernel, a few hundred times a second."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with open(f"/proc/{supervisor}/task/{supervisor}/children", encoding="ascii") as file:
            children = {int(pid) for pid in file.read().split()}
        now = time.monotonic()
        if running_module(children - {old}, "gateway.worker"):
            return now
        time.sleep(0.002)
    raise ServingError(f"no new worker within {_PATIENCE:.0f} s of the old one's end")
