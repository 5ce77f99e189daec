"""A door that answers as it is told: for testing fronts and clients without a line behind them."""

import asyncio
from collections.abc import Callable

from gateway.call import Answer, Call, Priority
from gateway.description import ArmDescription, ArmTally, Description, FieldDescription, ModelInput
from gateway.errors import DeploymentNotFound, GatewayError

Script = Callable[[Call], Answer | GatewayError | None]

FRAUD = Description(
    deployment="fraud",
    entities=(FieldDescription("card_id", "int64"), FieldDescription("store_id", "int64")),
    features=(
        FieldDescription("amount", "double", minimum=0.0, maximum=1e9),
        FieldDescription("customer_present", "bool"),
        FieldDescription("time", "unix_timestamp", required=False),
    ),
    unit="entity card_id",
    budget_ms=100,
    policy_version="1",
    arms=(
        ArmDescription("champion", "1", "0" * 64, 0.95),
        ArmDescription("canary", "2", "1" * 64, 0.05),
    ),
    decisions=("approve", "review", "decline"),
    outputs=("score",),
    model_input=ModelInput("features", 4),
)


def approve(call: Call) -> Answer:
    """The script of a door that likes everybody."""
    return Answer(
        outputs={"score": 0.125},
        decision="approve",
        arm="champion",
        bundle_version="1",
        policy_version="1",
        queue_time=1e-6,
        features_time=2e-4,
        infer_time=7e-6,
        total_time=3e-4,
    )


class ScriptedDoor:
    """Answers every call at once with what `script` returns; None keeps the call in `held` for the test to answer.

    `calls` keeps every call in the order of arrival, up to `keep` of them. `is_ready` is what `ready` says,
    `refuses` what `refusal` does, `wrong` what `check` raises.
    """

    def __init__(self, script: Script = approve, descriptions: tuple[Description, ...] = (FRAUD,), keep: int = 1000):
        self.script = script
        self.descriptions = {description.deployment: description for description in descriptions}
        self.is_ready = True
        self.refuses: GatewayError | None = None
        self.wrong: GatewayError | None = None
        self.calls: list[Call] = []
        self.held: list[Call] = []
        self._keep = keep
        self._arrival = asyncio.Event()

    def submit(self, call: Call) -> None:
        if len(self.calls) < self._keep:
            self.calls.append(call)
        if call.deployment not in self.descriptions:
            call.reply(_not_found(call.deployment))
            return
        outcome = self.script(call)
        if outcome is None:
            self.held.append(call)
            self._arrival.set()
        else:
            call.reply(outcome)

    async def until_held(self, count: int = 1) -> None:
        """Wait until that many calls are held."""
        while len(self.held) < count:
            self._arrival.clear()
            await self._arrival.wait()

    def refusal(self, deployment: str, priority: Priority) -> GatewayError | None:
        """Return `refuses`, for every deployment and every priority but critical."""
        return None if priority is Priority.CRITICAL else self.refuses

    def check(self, call: Call) -> None:
        """Raise `wrong`, if there is anything."""
        if call.deployment not in self.descriptions:
            raise _not_found(call.deployment)
        if self.wrong is not None:
            raise self.wrong

    def describe(self, name: str) -> Description:
        if name not in self.descriptions:
            raise _not_found(name)
        return self.descriptions[name]

    def tallies(self, name: str) -> dict[str, ArmTally]:
        """Say that every call so far was answered by the champion, each in a run of its own that took 1 ms."""
        calls = len(self.calls)
        return {"champion": ArmTally(calls, 0, calls, calls * 1e-3, running_seconds=calls * 1e-3)}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.descriptions))

    def ready(self) -> bool:
        return self.is_ready


def _not_found(name: str) -> DeploymentNotFound:
    return DeploymentNotFound(f"no deployment {name} here")
