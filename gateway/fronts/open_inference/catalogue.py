"""What the protocol tells of server and models: health, metadata, configuration, statistics, index.

Each is a document with the names of the protocol's messages: the body over HTTP, and over gRPC the message made of it.
"""

import asyncio
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from gateway.description import ArmTally, Description
from gateway.errors import DeploymentNotFound, InvalidRequest
from gateway.fronts.door import Door
from gateway.fronts.limits import FrontLimits
from gateway.fronts.open_inference.signature import Signature, TensorField
from routing.table import SHADOW

Document = dict[str, Any]

NAME = "sluice"
_EXTENSIONS = ("binary_tensor_data", "model_configuration", "parameters", "schedule_policy", "statistics")
_IN_CONFIG = {"BYTES": "TYPE_STRING"}
_NANO = 1e9


class Catalogue:
    """Answers from the door's descriptions. Raises `DeploymentNotFound` for models and versions that are not served."""

    def __init__(self, door: Door, limits: FrontLimits) -> None:
        self._door = door
        self._limits = limits
        self._version = version(NAME)
        self._counting = asyncio.Lock()

    def live(self) -> Document:
        """Whoever answers lives."""
        return {"live": True}

    def ready(self) -> Document:
        """Whether new calls are welcome."""
        return {"ready": self._door.ready()}

    def server(self) -> Document:
        """Name, version and extensions."""
        return {"name": NAME, "version": self._version, "extensions": list(_EXTENSIONS)}

    def names(self) -> Document:
        """Every model."""
        return {"models": list(self._door.names())}

    def model_ready(self, name: str, version: str) -> Document:
        """A model that nobody serves is simply not ready, as with Triton."""
        try:
            self._signature(name, version)
        except DeploymentNotFound:
            return {"name": name, "ready": False}
        return {"name": name, "ready": self._door.ready()}

    def model(self, name: str, version: str) -> Document:
        """The tensors of a request that asks for rows; the model's own input stands in the configuration only."""
        signature = self._signature(name, version)
        return {
            "name": name,
            "versions": [version] if version else list(signature.versions),
            "platform": NAME,
            "inputs": [_metadata(field) for field in signature.row_inputs],
            "outputs": [_metadata(field) for field in signature.outputs],
        }

    def config(self, name: str, version: str) -> Document:
        """All tensors, and in `parameters` what callers should know besides."""
        signature = self._signature(name, version)
        return {
            "name": name,
            "platform": NAME,
            "backend": NAME,
            "max_batch_size": 0,
            "input": [{**_config(field), "optional": not field.required} for field in signature.inputs],
            "output": [_config(field) for field in signature.outputs],
            "parameters": {
                key: {"string_value": value} for key, value in _advice(signature.description, self._limits).items()
            },
        }

    def index(self, repository: str) -> list[Document]:
        """Every version that may answer; all that is listed is ready."""
        if repository:
            raise InvalidRequest("repository_name must be empty: there is one repository")
        return [
            {"name": name, "version": version, "state": "READY", "reason": ""}
            for name in self._door.names()
            for version in Signature(self._door.describe(name)).versions
        ]

    async def statistics(self, name: str, version: str) -> Document:
        """What one model, or every one, has done, by version: all that was counted of the arms which it holds."""
        names = [name] if name else list(self._door.names())
        signatures = [self._signature(one, version) for one in names]
        found: list[Document] = []
        for signature in signatures:
            async with self._counting:  # one reader at a time: it takes a thread, and files
                tallies = await asyncio.to_thread(self._door.tallies, signature.description.deployment)
            found += _statistics(signature.description, tallies, version)
        return {"model_stats": found}

    def _signature(self, name: str, version: str) -> Signature:
        signature = Signature(self._door.describe(name))
        signature.check_version(version)
        return signature


def _metadata(field: TensorField) -> Document:
    return {"name": field.name, "datatype": field.datatype, "shape": list(field.shape)}


def _config(field: TensorField) -> Document:
    data_type = _IN_CONFIG.get(field.datatype, f"TYPE_{field.datatype}")
    return {"name": field.name, "data_type": data_type, "dims": list(field.shape)}


def _advice(description: Description, limits: FrontLimits) -> dict[str, str]:
    model_input = description.model_input
    whole = f"{model_input.name} FP32 [-1, {model_input.width}], alone or with unit"
    advice = {} if description.tensors is not None else {"max_rows": str(limits.max_rows), "model_input": whole}
    return {
        **advice,
        "budget_ms": str(description.budget_ms),
        "decisions": ",".join(description.decisions),
        "policy_version": description.policy_version,
        "unit": description.unit,
    }


def _statistics(description: Description, tallies: Mapping[str, ArmTally], version: str) -> list[Document]:
    return [
        _of_arm(description.deployment, arm.bundle_version, tallies.get(arm.arm, ArmTally()))
        for arm in description.arms
        if arm.arm != SHADOW and version in ("", arm.bundle_version)
    ]


def _of_arm(name: str, version: str, tally: ArmTally) -> Document:
    return {
        "name": name,
        "version": version,
        "inference_count": tally.answered,
        "execution_count": tally.runs,
        "inference_stats": {
            "success": _duration(tally.answered, tally.answered_seconds),
            "fail": _duration(tally.failed, 0.0),
            "queue": _duration(tally.queued, tally.queued_seconds),
            "compute_input": _duration(tally.reads, tally.reading_seconds),
            "compute_infer": _duration(tally.runs, tally.running_seconds),
            "compute_output": _duration(tally.runs, 0.0),
        },
    }


def _duration(count: int, seconds: float) -> Document:
    return {"count": count, "ns": round(seconds * _NANO)}
