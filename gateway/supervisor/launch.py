"""Starts a process that is a worker, or may become one, with its end of the channel and the listening sockets."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from dataclasses import dataclass

from gateway.channel import Channel, open_channel
from gateway.messages import Order, Report, decode_report
from gateway.supervisor.listeners import Listeners

WORKER, SPARE = "gateway.worker", "gateway.spare"
STDERR = 2


@dataclass(frozen=True, slots=True)
class Launched:
    """A process that waits for `Start`, and this end of the channel to it."""

    process: Process
    channel: Channel[Report, Order]

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.channel.close()


async def launch(module: str, listeners: Listeners) -> Launched:
    """Start `module`. Raises `OSError` when the machine has no room for another process."""
    ours, theirs = socket.socketpair()
    fds = (theirs.fileno(), listeners.grpc.fileno(), listeners.http.fileno())
    command = [sys.executable, "-m", module, *map(str, fds)]
    try:
        # What a library prints must not stand among what people read of the supervisor.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=STDERR, pass_fds=fds, start_new_session=True, env=_environment()
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return Launched(process, await open_channel(ours, decode_report))


def _environment() -> dict[str, str]:
    """One process, one core: threads of numerical libraries would only take it away from the event loop."""
    return {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}
