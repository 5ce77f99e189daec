"""What both fronts of the control process say of an error: its code by kind, and of a defect where to look."""

from collections.abc import Mapping
from typing import TypeVar

from routing.control.errors import ControlError, NotFound, NotYet, Refused
from routing.control.signed import NoOrder, NotAllowed

T = TypeVar("T")

CODES: Mapping[type[ControlError], str] = {
    NotAllowed: "PERMISSION_DENIED",
    Refused: "FAILED_PRECONDITION",
    NotYet: "ABORTED",
    NotFound: "NOT_FOUND",
    NoOrder: "INVALID_ARGUMENT",
    ControlError: "UNAVAILABLE",
}
"""By the names that gRPC has for them."""
DEFECT = "a defect of the control process: its log says more"


def nearest(table: Mapping[type[ControlError], T], error: ControlError) -> T:
    """Return what a table has for an error, or for the nearest kind of which it has anything."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)
