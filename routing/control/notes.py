"""What the control plane keeps beside rollouts and windows, all of it small: approvals, halts, orders, the board."""

from typing import Protocol

from routing.control.approval import Approvals
from routing.control.halts import HaltStore
from routing.control.signed import SeenOrders
from routing.control.view import Boards


class Notes(Approvals, HaltStore, SeenOrders, Boards, Protocol):
    """All of it in one place. Every method raises `ControlError` when the control Redis cannot be reached."""
