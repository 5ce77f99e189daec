"""What a call's metadata says about its caller: request id, unit, priority, trace, deadline.

The names are the same on both protocols; only the deadline differs (`grpc-timeout`, `sluice-timeout-ms`).
A header given twice counts once, the last one.
"""

import itertools
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.call import Priority
from gateway.errors import InvalidRequest
from gateway.fronts.limits import FrontLimits

Headers = Mapping[bytes, bytes]

_PRIORITIES = {priority.name.lower().encode(): priority for priority in Priority}
# A digit more than eleven days: nobody waits longer, and the sum stays exact.
_TIMEOUT_DIGITS = 10
_LONGEST_WAY_BACK = 0.005


class RequestIds:
    """Makes request ids: random for the process, then counted. Construct it in the process that serves."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(6)
        self._next = itertools.count(1).__next__

    def __call__(self) -> str:
        return f"{self._prefix}-{self._next():x}"


@dataclass(slots=True, eq=False)
class Caller:
    """One request's metadata; `settle` completes it with what the body says. An empty string means not given."""

    received: float
    deadline: float = math.inf
    priority: Priority = Priority.DEFAULT
    unit: str = ""
    request_id: str = ""
    traceparent: str = ""
    own_id: bool = True
    """Whether the request id is one that it has sent, once `settle` has looked."""

    def read(self, headers: Headers, limits: FrontLimits) -> None:
        """Take over what the headers say; raises InvalidRequest, with the header's name, for what cannot be read."""
        request_id = headers.get(b"x-request-id")
        if request_id is not None:
            text = request_id.decode("latin-1")
            check_request_id(text, limits)
            self.request_id = text
        unit = headers.get(b"sluice-unit")
        if unit is not None:
            self.unit = _utf8("sluice-unit", unit)
        priority = headers.get(b"sluice-priority")
        if priority is not None:
            self.priority = _priority(priority)
        trace = headers.get(b"traceparent")
        if trace is not None:
            self.traceparent = trace.decode("latin-1")

    def allow(self, timeout: float) -> None:
        """Set the deadline from the seconds that the caller gave, counted from `received`.

        A tenth of them, at most 5 ms, is left for the answer's way back: a refusal that comes in time is an ordinary
        answer, one that comes too late finds a stream that its caller has reset. HTTP/2 servers take many resets for
        an attack and close the connection, with everybody's calls on it.
        """
        self.deadline = self.received + timeout - min(0.1 * timeout, _LONGEST_WAY_BACK)

    def settle(self, request_id: str, unit: str, limits: FrontLimits, new_id: RequestIds) -> None:
        """Join the body's request id and unit with the headers'; both given and different is refused."""
        if request_id:
            check_request_id(request_id, limits)
            if self.request_id and self.request_id != request_id:
                raise InvalidRequest("request_id in the body and header x-request-id differ: send one of them")
            self.request_id = request_id
        elif not self.request_id:
            self.request_id, self.own_id = new_id(), False
        if unit:
            if self.unit and self.unit != unit:
                raise InvalidRequest("unit in the body and header sluice-unit differ: send one of them")
            self.unit = unit
        check_unit(self.unit, limits)


def check_request_id(text: str, limits: FrontLimits) -> None:
    """Refuse an id that could not travel in a header."""
    if len(text) > limits.max_request_id_bytes:
        raise InvalidRequest(f"the request id (x-request-id) is longer than {limits.max_request_id_bytes} bytes")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise InvalidRequest("the request id (x-request-id) must be visible ASCII without spaces")


def check_unit(unit: str, limits: FrontLimits) -> None:
    # No character of a Python string needs more than four bytes: the short ones are measured without encoding.
    if len(unit) * 4 > limits.max_unit_bytes and len(unit.encode()) > limits.max_unit_bytes:
        raise InvalidRequest(f"the unit (sluice-unit) is longer than {limits.max_unit_bytes} bytes")


def milliseconds(value: bytes) -> float:
    """Seconds from the header `sluice-timeout-ms`."""
    if not value.isdigit() or len(value) > _TIMEOUT_DIGITS:
        raise InvalidRequest("header sluice-timeout-ms must be a whole number of milliseconds, such as 50")
    return int(value) / 1e3


def _priority(value: bytes) -> Priority:
    priority = _PRIORITIES.get(value)
    if priority is None:
        raise InvalidRequest("header sluice-priority must be critical, default or sheddable")
    return priority


def _utf8(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"header {name} is not UTF-8") from exc
