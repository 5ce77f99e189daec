"""What the fronts need of the gateway behind them: one interface."""

from collections.abc import Mapping
from typing import Protocol

from gateway.call import Call, Priority
from gateway.description import ArmTally, Description
from gateway.errors import GatewayError


class Door(Protocol):
    """The way into the gateway.

    Everything happens on the worker's event loop. The fronts translate and decide nothing: whether a call is expired,
    unknown or too much is settled behind the door.
    """

    def submit(self, call: Call) -> None:
        """Take the call; never raises, never blocks. `call.reply` is called exactly once, sooner or later."""

    def refusal(self, deployment: str, priority: Priority) -> GatewayError | None:
        """Say whether a call would be refused now, whatever it asks: under overload that saves reading it.

        None is no promise: `submit` decides.
        """

    def check(self, call: Call) -> None:
        """Raise what the call would be refused with whenever it came: `DeploymentNotFound`, or `InvalidRequest`."""

    def describe(self, name: str) -> Description:
        """Say what the deployment wants and who answers it; raises DeploymentNotFound."""

    def tallies(self, name: str) -> Mapping[str, ArmTally]:
        """Say, by arm, what the deployment has done. Reads files: call it on a thread that may wait."""

    def names(self) -> tuple[str, ...]:
        """Every deployment served here, sorted."""

    def ready(self) -> bool:
        """Whether new calls are welcome; False while draining."""
