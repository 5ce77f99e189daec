"""Every deployment's entrance by name: what the fronts know of the gateway (`fronts.door.Door`)."""

from collections.abc import Callable, Mapping

from gateway.call import Call, Priority
from gateway.description import ArmTally, Description
from gateway.entrance import Entrance
from gateway.errors import DeploymentNotFound, GatewayError
from gateway.loop_lag import LoopLag


def _nothing(deployment: str) -> Mapping[str, ArmTally]:
    return {}


class Entrances:
    """The worker's one door. `count` says, by arm, what a deployment has done on all workers; it may read files."""

    def __init__(
        self,
        entrances: dict[str, Entrance],
        descriptions: dict[str, Description],
        lag: LoopLag,
        count: Callable[[str], Mapping[str, ArmTally]] = _nothing,
    ) -> None:
        self._lag = lag
        self._count = count
        self._entrances = entrances
        self._descriptions = descriptions
        self._draining = False

    def submit(self, call: Call) -> None:
        """Take a call; its `reply` is called exactly once. Never raises, never blocks."""
        entrance = self._entrances.get(call.deployment)
        if entrance is None:
            call.reply(self._unknown(call.deployment))
        else:
            entrance.take(call)

    def refusal(self, deployment: str, priority: Priority) -> GatewayError | None:
        """Return what a call would be refused with at once, and count it as refused; None if it would not."""
        entrance = self._entrances.get(deployment)
        return None if entrance is None or not entrance.refusing else entrance.refusal(priority)

    def check(self, call: Call) -> None:
        """Raise `DeploymentNotFound`, or `InvalidRequest` for a row that its deployment does not take."""
        entrance = self._entrances.get(call.deployment)
        if entrance is None:
            raise self._unknown(call.deployment)
        entrance.check(call)

    def describe(self, name: str) -> Description:
        """Return what a deployment wants and who answers it. Raises `DeploymentNotFound`."""
        description = self._descriptions.get(name)
        if description is None:
            raise self._unknown(name)
        return description

    def tallies(self, name: str) -> Mapping[str, ArmTally]:
        """Return by arm what the deployment has done. Reads files: call it on a thread that may wait."""
        return self._count(name)

    def names(self) -> tuple[str, ...]:
        """Return the names of the deployments, sorted."""
        return tuple(sorted(self._entrances))

    def open(self, name: str, entrance: Entrance, description: Description) -> None:
        """Let calls in to a deployment, or say anew what it wants."""
        self._entrances[name] = entrance
        self._descriptions[name] = description

    def shut(self, name: str) -> None:
        """Let no calls in to the deployment any more; those that are in are its entrance's to answer."""
        self._entrances.pop(name, None)
        self._descriptions.pop(name, None)

    def ready(self) -> bool:
        """Return False from the moment that draining begins."""
        return not self._draining

    def stop(self) -> None:
        """Begin to drain: readiness turns, but what still comes is answered."""
        self._draining = True

    async def close(self) -> None:
        """Answer everything that was taken, then close the lines."""
        self.stop()
        for entrance in self._entrances.values():
            await entrance.drain()
            await entrance.line.close()
        self._lag.stop()

    def _unknown(self, name: str) -> DeploymentNotFound:
        return DeploymentNotFound(f"no deployment {name!r:.80}; served are {', '.join(self.names())}")
