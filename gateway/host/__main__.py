"""`python -m gateway.host ORDER`: a lane host's main: loads its models, says ready, scores until its worker goes.

One plain loop that blocks on the doorbell: there is nothing else for it to do meanwhile.
"""

import socket
import sys
from importlib import import_module
from pathlib import Path

from gateway.host.bell import LONGEST, Answer, Said, pack_answer, read_request
from gateway.host.confine import confine, limit_memory
from gateway.host.order import HostOrder
from gateway.processes import set_name, when_idle

# Of a model's file: what reading, optimising and laying it out may take beside what it will need.
LOADING = 6
_MEGABYTE = 1 << 20


def main(word: str) -> int:
    """Run the host; return its exit status."""
    set_name("sluice-host")
    order = HostOrder.from_word(word)
    confine(order.worker, order.cpus)
    # Only now: these imports are most of a host's start, and a process that has taken a step back disturbs nobody.
    when_idle(lambda: import_module("gateway.host.scorer"))
    from gateway.host.scorer import CannotLoad, OutOfMemory, Scorer
    from gateway.host.slots import Slots
    from gateway.host.tensor_slots import TensorSlots

    bell = socket.socket(fileno=order.bell)
    try:
        limit_memory(order.memory_mb + LOADING * sum(_megabytes(model.path) for model in order.models))
        slots = (
            TensorSlots(order.memory, order.slots, order.tensor_mb)
            if order.tensor_mb
            else Slots(order.memory, order.slots, order.width)
        )
        scorer = when_idle(lambda: Scorer(order.models, slots))
        limit_memory(order.memory_mb)
        bell.send(pack_answer(Answer(0, 0, 0, Said.READY)))
        while frame := bell.recv(LONGEST):
            bell.send(pack_answer(scorer.answer(read_request(frame))))
    except CannotLoad as exc:
        bell.send(pack_answer(Answer(0, 0, 0, Said.CANNOT_LOAD, str(exc))))
        return 1
    except OutOfMemory as exc:
        text = f"{exc}: it may have {order.memory_mb} MB above what loading takes (--host-memory-mb)"
        bell.send(pack_answer(Answer(0, 0, 0, Said.OUT_OF_MEMORY, text)))
        return 1
    return 0


def _megabytes(path: str) -> float:
    try:
        return Path(path).stat().st_size / _MEGABYTE
    except OSError:
        return 0.0  # loading will say what is wrong


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
