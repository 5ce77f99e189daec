"""Callers who use the grpcio package, in a process of their own, so that its threads cost our clock nothing."""

import subprocess
import sys
import time

import msgspec

from loadtests.faults.ending import Ending
from loadtests.faults.journal import Journal
from loadtests.faults.plan import Plan
from loadtests.serving import ServingError

READY = "ready"
_PATIENCE = 60.0


class Noted(msgspec.Struct, array_like=True):
    """One call as the process tells it; times are in seconds since the run began."""

    due: float
    took: float
    kind: int
    reason: str
    detail: str


class Companion:
    """The process, from its start to its report. Raises ServingError where it says nothing."""

    def __init__(self, plan: Plan, address: tuple[str, int], rate: float, seconds: float) -> None:
        words = ["--seconds", str(seconds), "--rate", str(rate), "--timeout-ms", str(plan.deadline_ms)]
        command = [sys.executable, "-m", "loadtests.faults.grpcio_caller", "{}:{}".format(*address), *words]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._seconds = seconds

    def __enter__(self) -> "Companion":
        if self._process.stdout is None or self._process.stdout.readline().strip() != READY:
            self._process.kill()
            raise ServingError("the grpcio callers did not start: their own words are above")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def begin(self) -> None:
        """Let it call from now on. Its clock and ours are the same: the machine's since it was started."""
        if self._process.stdin is None:
            raise ServingError("the grpcio callers cannot be told to begin")
        self._process.stdin.write(f"{time.perf_counter()}\n")
        self._process.stdin.flush()

    def note_in(self, journal: Journal, group: int) -> None:
        """Wait for its report and note its calls as one group's."""
        told, _ = self._process.communicate(timeout=self._seconds + _PATIENCE)
        if self._process.returncode:
            raise ServingError("the grpcio callers broke off: their own words are above")
        sent, *calls = told.splitlines()
        for due in msgspec.json.decode(sent, type=list[float]):
            journal.send(group, due)
        for line in calls:
            call = msgspec.json.decode(line, type=Noted)
            journal.end(group, call.due, call.took, Ending(call.kind, call.reason, call.detail))
