"""One server that people could choose instead: what it is called, how it is installed, started, asked and ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from loadtests.dialect import Dialect
from loadtests.peers import environments
from loadtests.peers.errors import PeerError as PeerError  # callers find it here too
from loadtests.peers.fraud import ROOT
from loadtests.peers.ports import Ports, accepts, answers_ok, free_ports
from loadtests.peers.rows import Rows
from loadtests.processors import family
from loadtests.seats import settle

DEFAULT_REDIS = "redis://127.0.0.1:6399"
_PATIENCE_SECONDS = 120.0
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.1
_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer is started: its environment, a folder for files of its own, its ports, the Redis it may read."""

    environment: Path
    folder: Path
    ports: Ports
    redis: str

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return str(self.environment / "bin/python")


@dataclass(frozen=True, slots=True)
class Running:
    """How a peer is run: its command and the variables that it wants."""

    command: Sequence[str]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PeerProcesses:
    """The pids of a running peer, all of them, and where it is asked."""

    pids: list[int]
    address: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer. `requirements` is its lock file, or None for one that runs in this environment."""

    name: str
    title: str
    whole_job: bool
    requirements: Path | None
    prepare: Callable[[Place], Running]
    """Write what the peer reads at its start; return how to run it."""
    speak: Callable[[tuple[str, int], Rows], Dialect]
    health: str
    side_health: bool = False
    """Whether health is asked over HTTP on the second port, because the first speaks gRPC."""
    finish: Callable[[Path], None] = lambda _: None
    """What installing leaves to be done in the environment."""


def environment(peer: Peer, say: Callable[[str], None] = lambda line: print(line, flush=True)) -> Path:
    """Return the peer's environment, installed on first use; raises InstallError."""
    return environments.install(peer.requirements, say, peer.finish)


@contextmanager
def serve(
    peer: Peer,
    core: int | None,
    log: Path,
    redis: str = DEFAULT_REDIS,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[PeerProcesses]:
    """Start the peer with all its processes on one core, wait until it is ready, end it by pid; raises PeerError."""
    folder = environments.HOME / "run" / peer.name
    folder.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    home = environment(peer)
    for _ in range(_ATTEMPTS):
        place = Place(home, folder, free_ports(), redis)
        process = _start(peer.prepare(place), core, log)
        try:
            if not _is_ready(peer, place, process, log, pause):
                continue
            yield PeerProcesses(list(family(process.pid)), ("127.0.0.1", place.ports.asked))
            return
        finally:
            _end(process, place.ports.asked, pause)
    raise PeerError(f"{peer.name} found its port taken {_ATTEMPTS} times: {_last_words(log)}")


def _start(running: Running, core: int | None, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as written:
        return subprocess.Popen(
            running.command,
            cwd=ROOT,
            env=_variables(running),
            stdout=written,
            stderr=written,
            start_new_session=True,
            preexec_fn=lambda: settle(core),
        )


def _variables(running: Running) -> dict[str, str]:
    """One thread for every numeric library: there is one core."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return os.environ | threads | dict(running.variables)


def _is_ready(
    peer: Peer, place: Place, process: "subprocess.Popen[bytes]", log: Path, pause: Callable[[float], None]
) -> bool:
    """Wait until the peer is ready; False if somebody took its port since it was chosen; raises PeerError."""
    end = time.monotonic() + _PATIENCE_SECONDS
    health = place.ports.side if peer.side_health else place.ports.asked
    while not (answers_ok(health, peer.health) and accepts(place.ports.asked)):
        if process.poll() is not None:
            if "already in use" in log.read_text(errors="replace"):
                return False
            raise PeerError(f"{peer.name} ended with {process.returncode} before it was ready: {_last_words(log)}")
        if time.monotonic() > end:
            raise PeerError(f"{peer.name} was not ready within {_PATIENCE_SECONDS:.0f} s: {_last_words(log)}")
        pause(_PAUSE_SECONDS)
    return process.poll() is None


def _end(process: "subprocess.Popen[bytes]", port: int, pause: Callable[[float], None]) -> None:
    """Ask the peer to stop; whatever its session still holds after a while is killed, until nothing answers."""
    process.terminate()
    end = time.monotonic() + _STOP_SECONDS
    while process.poll() is None and time.monotonic() < end:
        pause(_PAUSE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    while accepts(port) and time.monotonic() < end:
        pause(_PAUSE_SECONDS)


def _last_words(log: Path) -> str:
    return f"{log.read_text(errors='replace').strip()[-1500:]} (all of it in {log})"
