"""What processes and threads of ours ask of the kernel for themselves: whom not to outlive, whom to let go first."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
T = TypeVar("T")


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send this process a signal when its parent dies (Linux; elsewhere nothing is asked)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def set_name(name: str) -> None:
    """Name this process as `top` and /proc/PID/comm show it, in up to 15 bytes (Linux). For its main thread to call."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def run_in_batches() -> None:
    """Ask the kernel not to let this process's threads interrupt each other on one core (Linux's SCHED_BATCH).

    The server's own thread is woken by every answer. Where it shares a core with the event loop, each wake-up would
    stop the loop in the middle of a list: measured in turns on one core, batches gave 1.0 to 1.5 times the calls.
    """
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def interrupt_batches() -> None:
    """Ask for this thread to be let go on as soon as it has something to do: `run_in_batches` holds for the others.

    The event loop's thread needs it where another one of its process is busy for milliseconds: else every turn of the
    loop would wait for the end of that one's slice.
    """
    if hasattr(os, "SCHED_OTHER"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def step_back(nice: int = 10) -> None:
    """Lower this thread's priority, and no other's (Linux; elsewhere nothing is asked)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


def when_idle(job: Callable[[], T]) -> T:
    """Run a job in a thread that gets only what processor time nobody else wants, and wait for it.

    A thread, because a process that has once gone so far back needs a privilege to return.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="idle", initializer=_idle) as thread:
        return thread.submit(job).result()


def _idle() -> None:
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
