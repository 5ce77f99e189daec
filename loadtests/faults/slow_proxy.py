"""A proxy before a server under test, that can be told to hold its replies for longer."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loadtests.delay_proxy import LISTENING
from loadtests.faults.free_ports import free_ports
from loadtests.faults.stage import Stage
from loadtests.seats import settle
from loadtests.serving import ServingError


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that holds replies, told by signals for how long. `address` is HOST:PORT."""

    address: str
    pid: int

    def slow(self) -> None:
        """Hold them for the longer time."""
        os.kill(self.pid, signal.SIGUSR1)

    def as_before(self) -> None:
        """Hold them as at first."""
        os.kill(self.pid, signal.SIGUSR2)


@contextmanager
def slow_proxy(stage: Stage, server: str, normal_us: float, slow_us: float) -> Iterator[Proxy]:
    """Start the proxy before a server, HOST:PORT; times are in microseconds. Raises ServingError."""
    (port,) = free_ports(1)
    words = ["--listen", f"127.0.0.1:{port}", "--to", server]
    words += ["--delay-us", str(normal_us), "--slower-us", str(slow_us)]
    command = [sys.executable, "-m", "loadtests.delay_proxy", *words]
    core = stage.plan.seats.proxy
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: settle(core))
    try:
        if process.stdout is None or process.stdout.readline().strip() != LISTENING:
            raise ServingError(f"the proxy before {server} did not start: its own words are above")
        yield Proxy(f"127.0.0.1:{port}", process.pid)
    finally:
        process.kill()
        process.wait()
