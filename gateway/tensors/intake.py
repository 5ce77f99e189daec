"""From a call with tensors to a row: every tensor checked against the model's contract, or one clear refusal."""

from gateway.call import Call
from gateway.deployment import UnitRule
from gateway.errors import InvalidRequest
from gateway.intake import Row
from gateway.tensors.contract import Contract


class TensorIntake:
    """Checks calls of one pass-through deployment."""

    def __init__(self, contract: Contract, unit: UnitRule) -> None:
        self._contract = contract
        self._unit = unit

    def read(self, call: Call) -> Row:
        """Return the call's row. Raises `InvalidRequest`."""
        if call.tensors is None:
            raise InvalidRequest(
                f"deployment {call.deployment} passes tensors on: ask it by the Open Inference Protocol (ModelInfer)"
            )
        unit = call.unit or (call.request_id if self._unit.source == "each" else "")
        if not unit:
            raise InvalidRequest(f"deployment {call.deployment} needs a unit: send its {self._unit.name} as `unit`")
        self._contract.check(call.tensors)
        return Row(call, unit, (), [], None)
