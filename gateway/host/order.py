"""What a lane host is told when it starts: its models, its shares of the machine, and who its worker is."""

from dataclasses import dataclass

import msgspec

from models.tensor_manifest import TensorSpec


@dataclass(frozen=True, slots=True)
class HostedModel:
    """A model by its place in the order. The host proves the digest: of a large file that takes a while.

    `width` is how many features its rows have: of one of tensors none, which has `inputs` and `outputs` instead. Those
    the host proves, too.
    """

    path: str
    width: int
    sha256: str
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class HostOrder:
    """Goes through the host's command line: there is no secret in it. Its models are all of one kind."""

    models: tuple[HostedModel, ...]
    worker: int
    """The worker's process id, without which the host has no business."""
    bell: int
    memory: int
    """Descriptors of the doorbell and of the slots' memory, which the host inherits."""
    slots: int
    memory_mb: int
    cpus: tuple[int, ...] = ()
    """Processors it may run on; none: those of the worker."""
    tensor_mb: int = 0
    """The size of a slot for models of tensors; 0: its models score rows."""

    @property
    def width(self) -> int:
        """The greatest number of features of any model."""
        return max(model.width for model in self.models)

    def to_word(self) -> str:
        """Return the form in which it travels."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_word(cls, word: str) -> "HostOrder":
        """Read what `to_word` wrote."""
        return msgspec.json.decode(word, type=cls)
