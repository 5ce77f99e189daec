"""What an inference request and its answer say, whichever of the protocol's two wires carries them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.errors import InvalidRequest
from gateway.tensor import Tensor
from gateway.tensor_request import Parameter

BY_ROLLOUT = "bundles are changed by `sluice rollout` and `sluice reload`, not by callers"
NO_SHARED_MEMORY = "shared memory is not supported: send and take tensors whole"
SET_ELSEWHERE = "what a gateway logs and traces is set where it is started"
# What Triton's clients may ask of a tensor, and no deployment can do.
_UNSUPPORTED = ("shared_memory_region", "classification")


class Head(NamedTuple):
    """A request but for its tensors: which model is asked, and how. An empty text means not given."""

    model: str
    version: str
    id: str
    parameters: Mapping[str, Parameter]


class InferAnswer(NamedTuple):
    """The answer: outputs in the order in which they were asked for."""

    model: str
    version: str
    """The bundle that answered; empty where several did."""
    id: str
    parameters: Mapping[str, Parameter]
    outputs: Sequence[Tensor]


def refuse_unsupported(what: str, parameters: Mapping[str, object]) -> None:
    """Raise `InvalidRequest` for a tensor whose parameters ask for more than to send it, or to take it."""
    found = next((name for name in _UNSUPPORTED if name in parameters), None)
    if found is not None:
        raise InvalidRequest(f"{what} asks for {found}, which is not supported here: send and take tensors whole")
