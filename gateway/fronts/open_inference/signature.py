"""A deployment as the protocol sees it: a model with named tensors in and out, made of its description."""

from typing import NamedTuple

from gateway.description import Description
from gateway.errors import DeploymentNotFound, InvalidRequest
from routing.table import SHADOW

UNIT, DECISION, ARM, STATUS = "unit", "decision", "arm", "status"

_DATATYPES = {
    "int32": "INT32",
    "int64": "INT64",
    "float": "FP32",
    "double": "FP64",
    "bool": "BOOL",
    "string": "BYTES",
    "bytes": "BYTES",
}
# Seconds; callers may send any number, or ISO 8601 as BYTES.
_TIME_AS_ID, _TIME_AS_FEATURE = "INT64", "FP64"


class TensorField(NamedTuple):
    """One tensor of a model. An extent of -1 is the number of rows."""

    name: str
    datatype: str
    shape: tuple[int, ...] = (-1,)
    required: bool = True


class Signature:
    """What a deployment's tensors are called and hold. `vector` names the model's whole input, if it can be sent."""

    def __init__(self, description: Description) -> None:
        self.description = description
        self.passes_on = description.tensors is not None
        """Whether tensors go to the model as they come; else each names an entity or a feature."""
        self.entities = frozenset(field.name for field in description.entities)
        self.versions = tuple(dict.fromkeys(arm.bundle_version for arm in description.arms if arm.arm != SHADOW))
        """Of the bundles that may answer, the champion's first."""
        named = self.entities | {field.name for field in description.features}
        self.takes_units = not self.passes_on and UNIT not in named
        whole = description.model_input
        self.vector = "" if self.passes_on or whole.name in named or whole.name == UNIT else whole.name
        self.inputs = self._inputs()
        self.outputs = self._outputs()
        self._output_names = tuple(field.name for field in self.outputs)

    @property
    def row_inputs(self) -> tuple[TensorField, ...]:
        """The inputs that make a whole request together: all but the model's own input."""
        return tuple(field for field in self.inputs if field.name != self.vector)

    def check_version(self, version: str) -> None:
        """Raise `DeploymentNotFound` unless one that was asked for is among those that may answer."""
        if version and version not in self.versions:
            served = ", ".join(self.versions)
            raise DeploymentNotFound(f"{self.description.deployment} serves version {served}, not {version!r:.80}")

    def chosen(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Return the outputs to answer with: all of them where none are named. Raises `InvalidRequest`."""
        unknown = next((name for name in wanted if name not in self._output_names), None)
        if unknown is not None:
            known = ", ".join(self._output_names)
            raise InvalidRequest(f"{self.description.deployment} has no output {unknown!r:.80}; it has {known}")
        if len(set(wanted)) != len(wanted):
            raise InvalidRequest("an output is asked for twice")
        return wanted or self._output_names

    def _outputs(self) -> tuple[TensorField, ...]:
        if self.description.tensors is not None:
            return tuple(TensorField(one.name, one.datatype, one.shape) for one in self.description.tensors.outputs)
        return (
            *(TensorField(name, "FP64") for name in self.description.outputs),
            *(TensorField(name, "BYTES") for name in (DECISION, ARM, STATUS)),
        )

    def _inputs(self) -> tuple[TensorField, ...]:
        described = self.description
        if described.tensors is not None:
            return tuple(TensorField(one.name, one.datatype, one.shape) for one in described.tensors.inputs)
        fields = [TensorField(one.name, _DATATYPES.get(one.type, _TIME_AS_ID)) for one in described.entities]
        fields += [
            TensorField(one.name, _DATATYPES.get(one.type, _TIME_AS_FEATURE), required=one.required)
            for one in described.features
        ]
        if self.takes_units:
            fields.append(TensorField(UNIT, "BYTES", required=described.unit.startswith("request ")))
        if self.vector:
            fields.append(TensorField(self.vector, "FP32", (-1, described.model_input.width), required=False))
        return tuple(fields)
