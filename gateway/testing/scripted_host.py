"""`python -m gateway.testing.scripted_host WAY ORDER`: a lane host that loads nothing and misbehaves in one way.

It says ready and then answers every request in that way; some ways begin earlier.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable

from gateway.host.bell import LONGEST, Answer, Request, Said, pack_answer, read_request
from gateway.host.order import HostOrder

QUESTION, SPOILED = "its own question", "a spoiled slot"
"""It says that it has answered: and has left the request in the slot, or has written over it."""


def _scored(request: Request) -> bytes:
    return pack_answer(Answer(request.sequence, request.slot, request.rows, Said.SCORED))


_READY = pack_answer(Answer(0, 0, 0, Said.READY))
WAYS: dict[str, Callable[[Request], bytes]] = {
    "another sequence": lambda it: pack_answer(Answer(it.sequence + 1, it.slot, it.rows, Said.SCORED)),
    "another slot": lambda it: pack_answer(Answer(it.sequence, it.slot ^ 1, it.rows, Said.SCORED)),
    "a slot that is not there": lambda it: pack_answer(Answer(it.sequence, 2**32 - 1, it.rows, Said.SCORED)),
    "more rows": lambda it: pack_answer(Answer(it.sequence, it.slot, it.rows + 1, Said.SCORED)),
    "ready again": lambda it: _READY,
    "an unknown word": lambda it: pack_answer(Answer(it.sequence, it.slot, it.rows, Said.SCORED))[:-1] + b"\xff",
    "half a frame": lambda it: pack_answer(Answer(it.sequence, it.slot, it.rows, Said.SCORED))[:7],
    "a very long frame": lambda it: b"x" * 100_000,
    "a complaint that is no text": lambda it: (
        pack_answer(Answer(it.sequence, it.slot, it.rows, Said.RAISED)) + b"\xff\xfe\n" * 400
    ),
    "no answer": lambda it: b"",
    QUESTION: _scored,
    SPOILED: _scored,
}


def main(way: str, word: str) -> int:
    """Run until the worker goes; return the exit status."""
    order = HostOrder.from_word(word)
    bell = socket.socket(fileno=order.bell)
    if way == "exits":
        return 3
    if way == "never ready":
        signal.pause()
    bell.send(_READY)
    if way == "closes its bell":
        bell.close()
        os.close(order.memory)
        signal.pause()
    while frame := bell.recv(LONGEST):
        request = read_request(frame)
        if way == SPOILED:
            os.pwrite(order.memory, b"\xff" * 64, request.slot * os.fstat(order.memory).st_size // order.slots)
        answer = WAYS[way](request)
        if answer:
            bell.send(answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
