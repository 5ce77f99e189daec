"""The gateway under measurement: one that is started for it and stopped by its pid, or one that already runs."""

import http.client
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.processors import family
from loadtests.seats import settle

_PAUSE_SECONDS = 0.1
_STOP_SECONDS = 30.0


class ServingError(RuntimeError):
    """The gateway did not start or did not stop; the message says where its own words are."""


@dataclass(frozen=True, slots=True)
class Processes:
    """The pids of a gateway (supervisor, workers, whatever they start) and of the Redis it reads from."""

    worker: list[int] = field(default_factory=list)
    redis: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Start:
    """How a gateway is started: its command, the core it is held on, where it writes and how long it may take.

    `variables` is its whole environment (None: ours); `tls_ca` is what to trust where its health page speaks TLS.
    """

    command: Sequence[str]
    health: tuple[str, int]
    core: int | None
    log: Path
    patience: float = 900.0
    variables: Mapping[str, str] | None = None
    tls_ca: Path | None = None


@contextmanager
def started(start: Start, pause: Callable[[float], None] = time.sleep) -> Iterator[Processes]:
    """Start a gateway, wait until it is ready, and end it with SIGTERM; raises ServingError."""
    if is_ready(start.health, start.tls_ca):
        host, port = start.health
        raise ServingError(f"a gateway already answers on {host}:{port}: stop it, or choose another --base-port")
    start.log.parent.mkdir(parents=True, exist_ok=True)
    with start.log.open("wb") as log:
        process = subprocess.Popen(
            start.command, stdout=log, stderr=log, env=start.variables, preexec_fn=lambda: settle(start.core)
        )
    try:
        _await_ready(start, process, pause)
        yield _sort(family(process.pid))
    finally:
        _stop(start, process)


def _await_ready(start: Start, process: "subprocess.Popen[bytes]", pause: Callable[[float], None]) -> None:
    end = time.monotonic() + start.patience
    while not is_ready(start.health, start.tls_ca):
        if process.poll() is not None:
            raise ServingError(f"the gateway ended before it was ready: {_last_line(start.log)} ({start.log} has all)")
        if time.monotonic() > end:
            raise ServingError(f"the gateway was not ready within {start.patience:.0f} s; see {start.log}")
        pause(_PAUSE_SECONDS)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "without a word"


def is_ready(address: tuple[str, int], tls_ca: Path | None = None) -> bool:
    """Ask the gateway's health page."""
    connection = health_connection(address, tls_ca)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def health_connection(
    address: tuple[str, int], tls_ca: Path | None = None, timeout: float = 1.0
) -> http.client.HTTPConnection:
    """Return a connection, not yet open, on which `/readyz` can be asked."""
    if tls_ca is None:
        return http.client.HTTPConnection(*address, timeout=timeout)
    context = ssl.create_default_context(cafile=tls_ca)
    return http.client.HTTPSConnection(*address, timeout=timeout, context=context)


def _sort(found: dict[int, str]) -> Processes:
    redis = [pid for pid, name in found.items() if name.startswith("redis-server")]
    return Processes([pid for pid in found if pid not in redis], redis)


def _stop(start: Start, process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired as exc:
        process.kill()
        process.wait()
        raise ServingError(f"the gateway did not drain within {_STOP_SECONDS:.0f} s; see {start.log}") from exc
