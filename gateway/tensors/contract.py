"""What tensors a model takes and gives, and whether a caller's request fits. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.errors import InvalidRequest
from gateway.tensor import Tensor, TensorError
from gateway.tensor_request import TensorRequest
from models.tensor_manifest import TensorSpec


@dataclass(frozen=True, slots=True)
class Contract:
    """A model's inputs and outputs."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def check(self, request: TensorRequest) -> None:
        """Raise `InvalidRequest`, which says what is wrong and what would be right, unless the request fits."""
        wanted, sent = {one.name: one for one in self.inputs}, [one.name for one in request.inputs]
        if sorted(sent) != sorted(wanted):
            raise InvalidRequest(f"the model takes {_listed(self.inputs)}; got {', '.join(sent[:10])[:200] or 'none'}")
        for tensor in request.inputs:
            _check_input(tensor, wanted[tensor.name])
        known = {one.name for one in self.outputs}
        strange = [one.name for one in request.outputs if one.name not in known]
        if strange:
            raise InvalidRequest(f"the model has no output {strange[0]!r:.80}; it gives {_listed(self.outputs)}")

    def same_for_callers(self, other: "Contract") -> bool:
        """Whether whoever fits one fits the other, and gets outputs of the same names and types."""
        return _by_name(self.inputs) == _by_name(other.inputs) and _types(self.outputs) == _types(other.outputs)


def _check_input(tensor: Tensor, spec: TensorSpec) -> None:
    fits = len(tensor.shape) == len(spec.shape) and all(
        asked in (-1, got) for got, asked in zip(tensor.shape, spec.shape, strict=True)
    )
    if tensor.datatype != spec.datatype or not fits:
        got = f"{tensor.datatype:.20} {list(tensor.shape[:8])}"
        raise InvalidRequest(f"input {spec.name} is {spec.datatype} {list(spec.shape)}, got {got}")
    try:
        tensor.check()
    except TensorError as exc:
        raise InvalidRequest(str(exc)) from exc


def _listed(specs: Iterable[TensorSpec]) -> str:
    return ", ".join(f"{one.name} ({one.datatype} {list(one.shape)})" for one in specs)


def _by_name(specs: Sequence[TensorSpec]) -> dict[str, TensorSpec]:
    return {one.name: one for one in specs}


def _types(specs: Sequence[TensorSpec]) -> dict[str, str]:
    return {one.name: one.datatype for one in specs}
