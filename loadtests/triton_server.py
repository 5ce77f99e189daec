"""A real Triton as a process of its own, out of the environment that the bench's peer has: for tests and faults.

It serves a model repository of bundles with explicit model control, on the CPU, and can be paused, killed and started
again. The wheel's server has the Python backend and no other.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from loadtests.peers import environments
from loadtests.peers.errors import PeerError
from loadtests.peers.fraud import ROOT
from loadtests.peers.triton import home_of, place_stub, variables_in
from loadtests.processors import family

LOCK = ROOT / "requirements/peers/triton.txt"
_STARTING = 120.0
_PAUSE = 0.05
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # where Triton's Python backend keeps it


def environment(say: Callable[[str], None] = print) -> Path:
    """Return the environment with the server in it, made now if it is not there. Raises `PeerError`."""
    return environments.install(LOCK, say, place_stub)


class TritonServer:
    """Running from the moment it is made until `close`. `ports` are for gRPC, HTTP and metrics; `log` is a file.

    `flags` are Triton's own, beside those that it gets here.
    """

    def __init__(
        self, place: Path, repository: Path, ports: Sequence[int], log: Path, flags: Sequence[str] = ()
    ) -> None:
        self._place = place
        self._repository = repository
        self._grpc, self._http, self._metrics = ports
        self._log = log
        self._flags = flags
        self._memory = f"sluice_triton_{self._grpc}_"
        self._process = self._start()

    @property
    def address(self) -> str:
        """Its gRPC, as HOST:PORT."""
        return f"127.0.0.1:{self._grpc}"

    @property
    def http(self) -> str:
        """Its HTTP, as HOST:PORT."""
        return f"127.0.0.1:{self._http}"

    def models(self) -> list[str]:
        """Return what lies in its repository."""
        return sorted(one.name for one in self._repository.iterdir() if (one / "config.pbtxt").exists())

    def pids(self) -> list[int]:
        """Return its processes, those of its models among them."""
        return list(family(self._process.pid))

    def load(self, model: str) -> None:
        """Have it load a model, and return when it is ready."""
        answer = httpx.post(f"http://127.0.0.1:{self._http}/v2/repository/models/{model}/load", timeout=_STARTING)
        answer.raise_for_status()

    def unload(self, model: str) -> None:
        """Have it unload a model, whoever uses it."""
        httpx.post(f"http://127.0.0.1:{self._http}/v2/repository/models/{model}/unload").raise_for_status()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, with the processes of its models."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for left in _SHARED_MEMORY.glob(f"{self._memory}*"):
            left.unlink(missing_ok=True)  # one that is killed leaves what it shared with its models

    def restart(self) -> None:
        """Start it again on the same ports, after `kill`; it has no model loaded."""
        self._process = self._start()

    def close(self) -> None:
        """End it for good, paused or not."""
        if self._process.poll() is None:
            self.kill()

    def _start(self) -> "subprocess.Popen[bytes]":
        home = home_of(self._place)
        command = [
            *(str(home / "bin/tritonserver"), f"--model-repository={self._repository}"),
            *(f"--backend-directory={home}/backends", "--model-control-mode=explicit"),
            *("--grpc-address=127.0.0.1", f"--grpc-port={self._grpc}", "--http-address=127.0.0.1"),
            *(f"--http-port={self._http}", "--metrics-address=127.0.0.1", f"--metrics-port={self._metrics}"),
            f"--backend-config=python,shm-region-prefix-name={self._memory}",
            *("--disable-auto-complete-config", "--log-verbose=0", "--exit-timeout-secs=5"),
            *self._flags,
        ]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **variables_in(self._place)},
                start_new_session=True,  # its models' processes are signalled with it
            )
        try:
            self._await(process)
        except PeerError:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return process

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + _STARTING
        while time.monotonic() < end and process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{self._http}/v2/health/ready", timeout=1.0).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(_PAUSE)
        said = self._log.read_text(errors="replace")[-2_000:]
        raise PeerError(f"Triton did not start on port {self._grpc}: {said}")
