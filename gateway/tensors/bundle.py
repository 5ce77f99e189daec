"""A bundle of tensors on disk, verified: what its model takes and gives, and where that model is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.bundle import Bundle, load_bundle
from gateway.features.plan import Plan
from gateway.matrix import MatrixBuilder
from gateway.tensors.contract import Contract
from gateway.tensors.nothing_stored import NO_FEATURES
from models.manifest import BundleError
from models.tensor_manifest import MODEL, TensorManifest, holds_tensors, load_any_manifest

NO_MATRIX: Final = MatrixBuilder(NO_FEATURES, None)


@dataclass(frozen=True, slots=True)
class TensorBundle:
    """A verified bundle, not yet running anywhere. `model` is a file here, unless the manifest names a Triton's."""

    manifest: TensorManifest
    model: Path
    plan: Plan = NO_FEATURES
    builder: MatrixBuilder = NO_MATRIX

    @property
    def contract(self) -> Contract:
        """What callers may send, and get."""
        return Contract(self.manifest.inputs, self.manifest.outputs)


def load_any_bundle(directory: Path, deployment: str, hosted: bool = False) -> Bundle | TensorBundle:
    """Load and verify a bundle of whichever kind. Raises `BundleError`.

    The model file of a `hosted` one is its host's to read.
    """
    if not holds_tensors(directory):
        return load_bundle(directory, deployment, hosted)
    manifest = load_any_manifest(directory, elsewhere=(MODEL,) if hosted else ())
    if not isinstance(manifest, TensorManifest) or manifest.deployment != deployment:
        raise BundleError(f"{directory}: is a bundle of {manifest.deployment}, not of {deployment}")
    return TensorBundle(manifest, directory / MODEL)
