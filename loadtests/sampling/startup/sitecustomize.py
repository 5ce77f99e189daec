"""Put on a gateway's PYTHONPATH, this samples what the main thread of its worker spends its processor time on.

Python imports a module of this name before anything else, so the gateway under the picture is the real one, unchanged.
It does nothing but in a worker, and there only with SLUICE_SAMPLES set. A signal runs its handler between two
instructions of Python: work done in C is charged to the line that called it, once that has returned; and what C did
before it called Python is seen at the callee's first instruction, which is why a frame found there passes the sample on
to its caller. The clock is the thread's own processor time (Linux's timer_create), which stands still while it waits: a
clock on the wall would find an idle worker in its event loop and call that work. SIGUSR2 writes the samples since the
last one to SLUICE_SAMPLES, and begins anew.
"""

import ctypes
import json
import os
import signal
import sys
from collections import Counter
from opcode import opmap
from types import CodeType, FrameType

_INTERVAL = 970_000  # nanoseconds; the kernel looks at its own ticks, so it comes to one to four milliseconds
_CLOCK_THREAD_CPUTIME = 3
_RESUME = opmap.get("RESUME", -1)
_samples: Counter[tuple[CodeType | None, CodeType]] = Counter()
_instructions: dict[CodeType, bytes] = {}
_ours: dict[CodeType, bool] = {}


def _sample(_: int, frame: FrameType | None) -> None:
    while frame is not None and frame.f_back is not None and _has_just_begun(frame):
        frame = frame.f_back
    if frame is None:
        return
    leaf = frame.f_code
    ours: FrameType | None = frame
    while ours is not None and not _is_ours(ours.f_code):
        ours = ours.f_back
    _samples[None if ours is None else ours.f_code, leaf] += 1


def _has_just_begun(frame: FrameType) -> bool:
    code = frame.f_code
    instructions = _instructions.get(code)
    if instructions is None:
        instructions = _instructions[code] = code.co_code
    return instructions[frame.f_lasti] == _RESUME


def _is_ours(code: CodeType) -> bool:
    known = _ours.get(code)
    if known is None:
        known = _ours[code] = f"{os.sep}gateway{os.sep}" in code.co_filename
    return known


def _write(_: int, __: FrameType | None) -> None:
    global _samples
    written, _samples = _samples, Counter()  # a sample may fall into this very function
    taken = [(_name(ours), _name(leaf), count) for (ours, leaf), count in written.items()]
    path = os.environ["SLUICE_SAMPLES"]
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        json.dump(taken, file)
    os.replace(f"{path}.part", path)


class _Event(ctypes.Structure):
    """`struct sigevent`; zeros ask for a plain signal."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("_rest", ctypes.c_int * 12),
    )


def _start_timer() -> None:
    """Ask for SIGALRM after every interval of this thread's own processor time; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    timer, event = ctypes.c_void_p(), _Event(signal=signal.SIGALRM)
    times = (ctypes.c_long * 4)(0, _INTERVAL, 0, _INTERVAL)
    if libc.timer_create(_CLOCK_THREAD_CPUTIME, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), "timer_create")
    if libc.timer_settime(timer, 0, times, None):
        raise OSError(ctypes.get_errno(), "timer_settime")


def _name(code: CodeType | None) -> str:
    return "" if code is None else f"{code.co_filename}:{code.co_qualname}"


if "SLUICE_SAMPLES" in os.environ and "gateway.worker" in sys.orig_argv:
    signal.signal(signal.SIGUSR2, _write)
    signal.signal(signal.SIGALRM, _sample)
    _start_timer()
