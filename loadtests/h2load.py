"""A second opinion on the gRPC figure: nghttp2's h2load, where it is installed.

It sends one body for ever, takes every HTTP 200 for a success, a gRPC refusal too, and prints no p99: it can
check our rate on that one body, and nothing else.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from loadtests.exchange import Request
from loadtests.generator import Load

_RATE = re.compile(r"finished in [\d.]+m?s, ([\d.]+) req/s")
_COUNTS = re.compile(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed")


class H2loadError(RuntimeError):
    """h2load ran and gave no figure."""


@dataclass(frozen=True, slots=True)
class H2loadFigure:
    """What h2load says of itself."""

    calls_per_second: float
    done: int
    succeeded: int


def available() -> bool:
    """Whether h2load is installed."""
    return shutil.which("h2load") is not None


def command(load: Load, address: tuple[str, int], timeout_ms: int, body: Path) -> list[str]:
    """Return the command for the same load."""
    host, port = address
    headers = ["content-type: application/grpc", "te: trailers", f"grpc-timeout: {timeout_ms}m"]
    return [
        "h2load",
        f"--clients={load.connections}",
        f"--max-concurrent-streams={load.streams}",
        f"--warm-up-time={max(1, round(load.warm_up))}",
        f"--duration={max(1, round(load.seconds))}",
        f"--data={body}",
        *(f"--header={header}" for header in headers),
        f"http://{host}:{port}/sluice.v1.Predictions/Predict",
    ]


def run(load: Load, address: tuple[str, int], timeout_ms: int, request: Request, body: Path) -> H2loadFigure:
    """Run h2load on one body; raises H2loadError."""
    body.write_bytes(request.body)
    patience = load.warm_up + load.seconds + 30
    words = command(load, address, timeout_ms, body)
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=patience, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        raise H2loadError(f"h2load failed: {exc}") from exc
    return read(result.stdout)


def read(text: str) -> H2loadFigure:
    """Read h2load's output."""
    rate, counts = _RATE.search(text), _COUNTS.search(text)
    if rate is None or counts is None:
        raise H2loadError(f"h2load printed no figure: {text[-300:]}")
    if not int(counts[2]):
        raise H2loadError("h2load got no answer")
    return H2loadFigure(float(rate[1]), int(counts[1]), int(counts[2]))
