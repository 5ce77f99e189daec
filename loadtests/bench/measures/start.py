"""How long a worker takes to start where no spare one waits: from its birth, after another was killed, to an answer.

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
from loadtests.processors import WORKER, family, named
from loadtests.serving import ServingError, health_connection

_PATIENCE = 60.0


def seconds(plan: Plan) -> float:
    """Estimate the measure."""
    return 5.0 + 3.0 * plan.starts


def run(bench: Bench) -> list[Finding]:
    """Kill the worker some times over."""
    with bench.gateways.open(Wanted("start", variables={"SLUICE_SPARE_WORKERS": "0"})) as opened:
        times = []
        for number in range(bench.plan.starts):
            times.append(_restart(opened))
            bench.say(f"start {number + 1} of {bench.plan.starts}: {times[-1]:.2f} s")
    conditions = "bundles on disk, files in the page cache, supervisor running; from the process's birth to an answer"
    return [Finding("start", "start of a worker to ready", "s", times, conditions)]


def _restart(opened: Opened) -> float:
    supervisor = opened.processes.worker[0]
    (old,) = named(WORKER, family(supervisor))
    before = _children(supervisor)
    os.kill(old, signal.SIGKILL)
    born = _await_birth(supervisor, before)
    connection = health_connection(opened.http, timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        if connection.getresponse().status != 200:
            raise ServingError("the new worker answers, and is not ready")
    finally:
        connection.close()
    return time.monotonic() - born


def _await_birth(supervisor: int, before: set[int]) -> float:
    """Return when the successor was born. Only asks the kernel, a few hundred times a second."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if _children(supervisor) - before:
            return time.monotonic()
        time.sleep(0.002)
    raise ServingError(f"no new worker within {_PATIENCE:.0f} s of the old one's end")


def _children(supervisor: int) -> set[int]:
    with open(f"/proc/{supervisor}/task/{supervisor}/children", encoding="ascii") as file:
        return {int(pid) for pid in file.read().split()}
