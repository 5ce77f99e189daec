"""Owns what a bundle of tensors says of itself: a model that takes and gives any tensors, here or on a Triton.

Standard library only, like `manifest`, whose rules hold here, too: the digest of the canonical form is the identity.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.manifest import MANIFEST, BundleError, Manifest, canonical, check_files, load_manifest

KIND = "tensors"
FORMAT = 1
MODEL = "model.onnx"
BYTES = "BYTES"
DATATYPES: Mapping[str, str] = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": BYTES,
}
"""How ONNX Runtime names types, and how the Open Inference Protocol does."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output: its datatype as the Open Inference Protocol names it; -1 in its shape is any extent."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not (self.name and isinstance(self.name, str) and self.datatype and isinstance(self.datatype, str)):
            raise BundleError(f"{MANIFEST}: a tensor has a name and a datatype, got {self!r:.120}")
        if any(isinstance(one, bool) or not isinstance(one, int) or one < -1 for one in self.shape):
            raise BundleError(f"{MANIFEST}: tensor {self.name} has shape {self.shape}: extents are -1 (any) or more")


@dataclass(frozen=True, slots=True)
class OnTriton:
    """A model that lies in a Triton's own repository. An empty `version` is that server's choice."""

    model: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class TensorManifest:
    """A bundle of tensors. `triton` says where it is; None: `model.onnx` is among its files."""

    deployment: str
    version: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    triton: OnTriton | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    kind: str = KIND
    format: int = FORMAT

    def __post_init__(self) -> None:
        if (self.kind, self.format) != (KIND, FORMAT):
            raise BundleError(f"{MANIFEST}: {self.kind!r:.40} of format {self.format!r:.40}; this code reads {FORMAT}")
        for tensors in (self.inputs, self.outputs):
            names = [one.name for one in tensors]
            if not names or len(set(names)) != len(names):
                raise BundleError(f"{MANIFEST}: inputs and outputs have names, each once, got {names}")
        if (self.triton is None) != (MODEL in self.files):
            raise BundleError(f"{MANIFEST}: it has either the file {MODEL}, or the name of a model on a Triton")
        stray = [name for name in self.files if Path(name).name != name or name == MANIFEST]
        if stray:
            raise BundleError(f"{MANIFEST}: {stray[0]!r} is not the name of a file in the bundle")

    @property
    def newest_event(self) -> float:
        """No data: a replay clock has nowhere to begin."""
        return 0.0

    def to_json(self) -> bytes:
        """The canonical bytes."""
        return canonical(asdict(self))

    def digest(self) -> str:
        """The bundle's identity."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @classmethod
    def from_json(cls, text: bytes | str) -> "TensorManifest":
        """Read one; anything missing, unknown or mistyped raises `BundleError`."""
        try:
            raw = json.loads(text)
            inputs, outputs = (tuple(_spec(one) for one in raw.pop(name)) for name in ("inputs", "outputs"))
            where = raw.pop("triton", None)
            triton = None if where is None else OnTriton(**where)
            manifest = cls(inputs=inputs, outputs=outputs, triton=triton, **raw)
            texts = [manifest.deployment, manifest.version, *manifest.files, *manifest.files.values()]
            texts += [] if triton is None else [triton.model]
            if not all(isinstance(one, str) and one for one in texts):
                raise BundleError(f"{MANIFEST}: names and digests are texts")
        except BundleError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise BundleError(f"{MANIFEST}: cannot be read: {exc!r}") from exc
        return manifest


def spec_of(name: str, onnx_type: str, shape: Iterable[object]) -> TensorSpec:
    """Return a tensor as ONNX Runtime describes it: extents with names, or without any, are anybody's choice.

    Raises `BundleError` for a type that the protocol does not have.
    """
    if onnx_type not in DATATYPES:
        raise BundleError(f"{name} is {onnx_type}: only tensors of known types can be passed on")
    return TensorSpec(name, DATATYPES[onnx_type], tuple(one if isinstance(one, int) else -1 for one in shape))


def load_any_manifest(directory: Path, elsewhere: Collection[str] = ()) -> Manifest | TensorManifest:
    """Return the manifest of the bundle in `directory`, of whichever kind, after every file was found to be right.

    Raises `BundleError`.
    """
    if not holds_tensors(directory):
        return load_manifest(directory, elsewhere)
    try:
        manifest = TensorManifest.from_json(_read(directory / MANIFEST))
    except BundleError as exc:
        raise BundleError(f"{directory}: {exc}") from exc
    check_files(directory, manifest.files, elsewhere)
    return manifest


def holds_tensors(directory: Path) -> bool:
    """Whether the bundle in `directory` says that it is one of tensors; no file is proved. Raises `BundleError`."""
    return _kind(_read(directory / MANIFEST)) == KIND


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise BundleError(f"{path}: cannot be read: {exc.strerror}") from exc


def _kind(text: bytes) -> object:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document.get("kind") if isinstance(document, dict) else None


def _spec(said: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec(**{**said, "shape": tuple(said["shape"])})
