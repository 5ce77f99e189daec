"""What a caller of a pass-through deployment asks, and what he gets: tensors by name, whatever they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.tensor import Tensor

Parameter = bool | int | float | str


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """An output that the caller wants, with what the server is told of it (`classification`, say)."""

    name: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


# Not sequences, and compared by identity: arrays of them have one dimension, a request an element.
@dataclass(frozen=True, slots=True, eq=False)
class TensorRequest:
    """One inference. No `outputs` means all of the model's."""

    inputs: Sequence[Tensor]
    outputs: Sequence[RequestedOutput] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class TensorAnswer:
    """What a model made of one request."""

    outputs: Sequence[Tensor]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def in_array(items: Sequence[TensorRequest] | Sequence[TensorAnswer]) -> NDArray[np.object_]:
    """Return them as the rows of a run, or as its scores: shape (requests,)."""
    array = np.empty(len(items), dtype=np.object_)
    array[:] = items
    return array
