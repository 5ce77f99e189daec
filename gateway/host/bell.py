"""The doorbell between a worker and its lane host: one small frame a run, one frame back. Standard library only.

A SEQPACKET socket pair keeps frames whole and ends when either side does. The rows themselves lie in shared memory.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

LONGEST = 1024
_REQUEST = struct.Struct("<QIII")
_ANSWER = struct.Struct("<QIIQB")


class Said(IntEnum):
    """What a host can say. The last three come without a run, and after the last two it is gone."""

    SCORED = 1
    RAISED = 2
    UNFIT = 3
    READY = 4
    CANNOT_LOAD = 5
    OUT_OF_MEMORY = 6


class Request(NamedTuple):
    """Score so many rows, which lie in that slot, with that model."""

    sequence: int
    model: int
    slot: int
    rows: int


class Answer(NamedTuple):
    """What came of a request, whose numbers it repeats; the text says why there are no scores."""

    sequence: int
    slot: int
    rows: int
    said: Said
    text: str = ""
    took: int = 0
    """Nanoseconds of a processor that the run itself took."""


def pack_request(request: Request) -> bytes:
    """Return the frame of a request."""
    return _REQUEST.pack(*request)


def read_request(frame: bytes) -> Request:
    """Return what the worker asked. It is trusted."""
    return Request(*_REQUEST.unpack(frame))


def pack_answer(answer: Answer) -> bytes:
    """Return the frame of an answer, its text cut to fit."""
    sequence, slot, rows, said, text, took = answer
    return (_ANSWER.pack(sequence, slot, rows, took, said) + text.encode())[:LONGEST]


def read_answer(frame: bytes) -> Answer | None:
    """Return what the host said, None for nonsense. It is not trusted: every number is still to be checked."""
    if len(frame) < _ANSWER.size:
        return None
    sequence, slot, rows, took, said = _ANSWER.unpack_from(frame)
    if said not in _KNOWN:
        return None
    text = frame[_ANSWER.size :].decode(errors="replace") if len(frame) > _ANSWER.size else ""
    return Answer(sequence, slot, rows, _KNOWN[said], " ".join(text.split()), took)


_KNOWN = {int(said): said for said in Said}
