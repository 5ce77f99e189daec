"""A request's parameters: unit, priority, timeout and partial. Others are other servers', and not looked at."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.call import Priority
from gateway.errors import InvalidRequest
from gateway.fronts.caller import Caller
from gateway.tensor_request import Parameter

UNIT, PRIORITY, TIMEOUT, PARTIAL = "unit", "priority", "timeout", "partial"

_BY_NAME = {priority.name.lower(): priority for priority in Priority}
# Triton's: 0 is the default, and else the lower is served the sooner.
_BY_NUMBER = {0: Priority.DEFAULT, 1: Priority.CRITICAL, 2: Priority.DEFAULT}
_LONGEST = 10**16
"""Microseconds; three centuries, and the sum stays exact."""


class Wishes(NamedTuple):
    """What the parameters say of the rows."""

    unit: str
    """Of every row; empty: not given."""
    partial: bool
    """Whether a row that fails is to fail alone."""


def take(parameters: Mapping[str, Parameter], caller: Caller) -> Wishes:
    """Give the caller his priority and, if it is sooner, his deadline; return the rest. Raises `InvalidRequest`."""
    if not parameters:
        return Wishes("", False)
    if PRIORITY in parameters:
        caller.priority = _priority(parameters[PRIORITY])
    if TIMEOUT in parameters:
        _hurry(caller, parameters[TIMEOUT])
    unit, partial = parameters.get(UNIT, ""), parameters.get(PARTIAL, False)
    if isinstance(unit, bool | float):
        raise InvalidRequest("parameter unit must be a text or a whole number")
    if not isinstance(partial, bool):
        raise InvalidRequest("parameter partial must be true or false")
    return Wishes(str(unit), partial)


def _priority(said: Parameter) -> Priority:
    if isinstance(said, str) and said in _BY_NAME:
        return _BY_NAME[said]
    if isinstance(said, int) and not isinstance(said, bool) and said >= 0:
        return _BY_NUMBER.get(said, Priority.SHEDDABLE)
    raise InvalidRequest("parameter priority must be a whole number from 0, or critical, default or sheddable")


def _hurry(caller: Caller, said: Parameter) -> None:
    if isinstance(said, bool) or not isinstance(said, int) or not 0 <= said <= _LONGEST:
        raise InvalidRequest("parameter timeout must be a whole number of microseconds, such as 50000")
    if said:  # 0 is Triton's word for none
        before = caller.deadline
        caller.allow(said / 1e6)
        caller.deadline = min(before, caller.deadline)
