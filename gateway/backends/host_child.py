"""Starts a lane host's process, with what ties the worker to it: a doorbell, shared memory, a descriptor of its end.

`subprocess.Popen` and not the event loop's own way to start processes: uvloop forks, which stops the worker for some
6 ms for each gigabyte that it holds, and Popen does what vfork does: half a millisecond, whatever the worker holds.
It is called on the worker's main thread, because the kernel ties a child's life to the thread that started it.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from gateway.backends.settings import HostSettings
from gateway.host.order import HostedModel, HostOrder
from gateway.host.slots import Slots, new_memory
from gateway.host.tensor_slots import TensorSlots, new_tensor_memory

COMMAND = (sys.executable, "-m", "gateway.host")


@dataclass(frozen=True, slots=True)
class Child:
    """A host's process as the worker holds it. `exit` can be read when the process is dead."""

    process: "subprocess.Popen[bytes]"
    exit: int
    bell: socket.socket
    slots: Slots | TensorSlots

    def reap(self) -> int:
        """Let everything go once it is dead; return its exit status, negative for a signal."""
        status = self.process.wait()
        os.close(self.exit)
        self.bell.close()
        return status


def spawn(models: Sequence[HostedModel], settings: HostSettings, command: Sequence[str] = COMMAND) -> Child:
    """Start a host. Raises `OSError` when the machine has no process, memory or descriptor to spare."""
    tensor_mb = settings.tensor_mb if models[0].inputs else 0
    with ExitStack() as theirs, ExitStack() as undo:
        memory, slots = _shared(settings.slots, tensor_mb, max(model.width for model in models))
        theirs.callback(os.close, memory)
        bell, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.callback(far.close)
        undo.callback(bell.close)
        bell.setblocking(False)
        order = HostOrder(
            models=tuple(models),
            worker=os.getpid(),
            bell=far.fileno(),
            memory=memory,
            slots=settings.slots,
            memory_mb=settings.memory_mb * len(models),
            cpus=settings.cpus,
            tensor_mb=tensor_mb,
        )
        process = subprocess.Popen(
            [*command, order.to_word()],
            stdin=subprocess.DEVNULL,
            pass_fds=(memory, far.fileno()),
            env=_environment(),
        )
        with suppress(ProcessLookupError):
            # Not left to itself: it would start its interpreter as an equal of the worker, tens of milliseconds long.
            os.setpriority(os.PRIO_PROCESS, process.pid, min(19, _own_niceness() + settings.nice))
        undo.callback(process.wait)
        undo.callback(process.kill)
        ended = os.pidfd_open(process.pid)
        undo.pop_all()
    return Child(process, ended, bell, slots)


def _shared(count: int, tensor_mb: int, width: int) -> tuple[int, Slots | TensorSlots]:
    """Return a descriptor of fresh memory, and our view of it."""
    if tensor_mb:
        memory = new_tensor_memory(count, tensor_mb)
        return memory, TensorSlots(memory, count, tensor_mb)
    memory = new_memory(count, width)
    return memory, Slots(memory, count, width)


def _own_niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _environment() -> dict[str, str]:
    """One process, one core; and nothing that was meant for the gateway alone: a setting may hold a password."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    return {**kept, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}
