"""A control plane under test: a Redis that keeps what it acknowledges, `sluice control` beside it, and two people.

Ada requests rollouts and Ben approves them, each with a key of his own, by the same commands that people type.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtests.faults.free_ports import free_ports
from loadtests.faults.house import House
from loadtests.faults.plan import Plan
from loadtests.faults.redis_process import RedisProcess
from loadtests.seats import settle
from loadtests.serving import ServingError

ADA, BEN = "ada", "ben"
_ROLES = {ADA: "request,operate", BEN: "approve"}
_KEEPING = ("--appendonly", "yes", "--maxmemory-policy", "noeviction")
_ORDER_SECONDS, _LOOK_SECONDS = 60.0, 0.5
_LAST = ("done", "rolled back", "aborted")


@dataclass(slots=True)
class ControlPlane:
    """One that runs. Every order is a process of its own, as a person's is."""

    redis: RedisProcess
    folder: Path
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    @property
    def flags(self) -> tuple[str, ...]:
        """What `sluice serve` has to be told of it."""
        return ("--control-url", self.redis.url)

    def order(self, *words: str, by: str = ADA, control: int = -1) -> Mapping[str, Any]:
        """Give an order, return the answer. Raises ServingError with what was said."""
        command = [sys.executable, "-m", "gateway", "rollout", *words, "--json", "--as", by]
        command += ["--key", str(self.folder / f"{by}.pem"), "--control", self.addresses[control]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ORDER_SECONDS, check=False)
        if done.returncode:
            raise ServingError(f"rollout {' '.join(words)}: {(done.stderr or done.stdout).strip()[-300:]}")
        answer: Mapping[str, Any] = json.loads(done.stdout)
        return answer

    def state(self, deployment: str) -> Mapping[str, Any]:
        """Return the deployment's last rollout as it stands."""
        (found,) = self.order("status", deployment)["deployments"]
        rollout: Mapping[str, Any] = found["rollout"]
        return rollout

    def await_step(self, deployment: str, step: int, patience: float) -> Mapping[str, Any]:
        """Wait until a step is served everywhere, approving whatever wants approval. Raises ServingError."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            state = self.state(deployment)
            if state["state"] in _LAST:
                raise ServingError(f"the rollout is {state['state']}: {state['reason']}")
            if state["state"] == "awaiting approval":
                self.order("approve", deployment, "--yes", by=BEN)
            elif state["step"] >= step and state["settled"]:
                return state
            time.sleep(_LOOK_SECONDS)
        raise ServingError(f"step {step} was not reached in {patience:.0f} s: {state['state']}, {state['reason']}")

    def events(self, deployment: str) -> list[Mapping[str, Any]]:
        """Return what was decided, the oldest first; `at` is unix seconds."""
        events: list[Mapping[str, Any]] = self.order("history", deployment)["events"]
        return events

    def kill(self, number: int) -> None:
        """End one of the control processes at once."""
        self.processes[number].kill()
        self.processes[number].wait()


@contextmanager
def control_plane(plan: Plan, name: str, house: House, processes: int = 1) -> Iterator[ControlPlane]:
    """Start it, so that it could be given orders; raises ServingError. The first process leads."""
    folder = plan.out / "control" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with RedisProcess(folder / "redis", None, plan.seats.redis, *_KEEPING) as redis:
        plane = ControlPlane(redis, folder)
        _make_people(folder)
        try:
            for number in range(processes):
                _begin(plane, plan, house, number)
                _await_answer(plane, plan.patience)
            yield plane
        finally:
            for process in plane.processes:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
            for process in plane.processes:
                process.wait()


def _make_people(folder: Path) -> None:
    """Make their keys, and write the file that knows them."""
    entries = ["principals:"]
    for person, roles in _ROLES.items():
        key = folder / f"{person}.pem"
        key.unlink(missing_ok=True)
        command = [sys.executable, "-m", "gateway", "rollout", "key", "new", str(key), "--as", person, "--roles", roles]
        made = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=_ORDER_SECONDS, check=False)
        if made.returncode:
            raise ServingError(f"no key for {person}: {made.stderr.strip()[-300:]}")
        entries.append(f"  {json.loads(made.stdout)['entry']}")
    (folder / "principals.yaml").write_text("\n".join([*entries, ""]))


def _begin(plane: ControlPlane, plan: Plan, house: House, number: int) -> None:
    grpc, http = free_ports(2)
    words = [
        sys.executable,
        "-m",
        "gateway",
        "control",
        "--models",
        str(house.models),
        "--control-url",
        plane.redis.url,
    ]
    words += ["--principals", str(plane.folder / "principals.yaml"), "--log-level", "info"]
    words += ["--control-grpc-port", str(grpc), "--control-http-port", str(http)]
    with (plane.folder / f"control-{number}.log").open("wb") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=log, env=dict(os.environ), preexec_fn=lambda: settle(plan.seats.generator)
        )
    plane.processes.append(process)
    plane.addresses.append(f"127.0.0.1:{grpc}")


def _await_answer(plane: ControlPlane, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            plane.order("status")
        except ServingError as exc:
            if plane.processes[-1].poll() is not None or time.monotonic() > end:
                raise ServingError(f"no control plane, see {plane.folder}: {exc}") from exc
        else:
            return
