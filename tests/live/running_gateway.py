"""`sluice serve` as a process of its own, started on free ports and stopped by its pid."""

import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from gateway.testing.redis_server import RedisServer
from loadtests.processors import SPARE, WORKER, named
from tests.free_ports import free_ports
from tests.live.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
SLUICE = [sys.executable, "-m", "gateway"]
NO_SPARE = ("--spare-workers", "0")
"""Where no worker dies, none need wait for its place: starting one takes a second of processor."""


@dataclass
class Running:
    """A gateway of ours, with its addresses."""

    process: subprocess.Popen[str]
    grpc: str
    http: str
    metrics: str
    said: str
    """What it printed until it was ready."""
    later: list[str]
    """What it has printed since, line by line."""
    reader: threading.Thread
    """Fills `later` until the gateway has ended."""

    def output(self) -> str:
        """Return everything that it printed; call it when it has ended."""
        self.reader.join()
        return self.said + "".join(self.later)

    def calls(self) -> dict[tuple[str, str], float]:
        """Return sluice_calls_total by deployment and code."""
        found: dict[tuple[str, str], float] = {}
        for sample in self.samples("sluice_calls_total"):
            key = (sample.labels["deployment"], sample.labels["code"])
            found[key] = found.get(key, 0.0) + sample.value
        return found

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's sum over whatever labels are left open."""
        return sum(sample.value for sample in self.samples(name) if labels.items() <= sample.labels.items())

    def samples(self, name: str) -> list[Sample]:
        """Return what its page of metrics says under a name."""
        page = httpx.get(f"{self.metrics}/metrics", timeout=PATIENCE).text
        families = text_string_to_metric_families(page)
        return [sample for family in families for sample in family.samples if sample.name == name]

    def workers(self) -> list[int]:
        """Return the worker processes' ids."""
        return self._named(WORKER)

    def spares(self) -> list[int]:
        """Return those of the processes that may become workers."""
        return self._named(SPARE)

    def _named(self, name: str) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return named(name, map(int, children.split()))


def start(redis: RedisServer, state: Path, front: str, *flags: str) -> Running:
    """Start `sluice serve` and wait for its "ready"."""
    grpc, http, metrics = free_ports(3)
    command = [*SLUICE, "serve", "--front", front, "--replay-now", "--redis-url", redis.url, "--state", str(state)]
    command += ["--grpc-port", str(grpc), "--http-port", str(http), "--metrics-port", str(metrics), *flags]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    else:
        raise AssertionError("the gateway did not start:\n" + "".join(lines))
    later: list[str] = []
    reader = threading.Thread(target=drain, args=(process.stdout, later), daemon=True)
    reader.start()
    scheme = "https" if "--tls-cert" in flags else "http"
    http_url, metrics_url = f"{scheme}://127.0.0.1:{http}", f"http://127.0.0.1:{metrics}"
    return Running(process, f"127.0.0.1:{grpc}", http_url, metrics_url, "".join(lines), later, reader)


def drain(output: IO[str], into: list[str]) -> None:
    """Read to the end, so that the pipe never fills."""
    with output:
        into.extend(output)


def stop(running: Running) -> int:
    running.process.send_signal(signal.SIGTERM)
    return running.process.wait(timeout=30)
