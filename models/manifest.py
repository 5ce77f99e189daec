"""Owns what a bundle says of itself: `manifest.json`, its canonical form, its digest, the check of every file.

Standard library only: this is the one module of the offline side that the gateway imports.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
REQUIRED_FILES = frozenset({"model.onnx", "plan.json", "golden.json"})


class BundleError(ValueError):
    """A bundle is not what it says it is."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The model's one input: a matrix with these columns, in this order."""

    name: str
    dtype: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """The model's one output."""

    name: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A bundle's description of itself. Two bundles with the same digest are the same bundle."""

    deployment: str
    version: str
    inputs: Inputs
    output: Output
    files: Mapping[str, str]  # name -> sha256
    metrics: Mapping[str, Any]
    parity: Mapping[str, float]
    provenance: Mapping[str, Any]
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise BundleError(f"{MANIFEST}: format {self.format!r}, this code reads {FORMAT}")
        missing = sorted(REQUIRED_FILES - set(self.files))
        if missing:
            raise BundleError(f"{MANIFEST}: does not list {', '.join(missing)}")
        stray = [name for name in self.files if Path(name).name != name or name == MANIFEST]
        if stray:
            raise BundleError(f"{MANIFEST}: {stray[0]!r} is not the name of a file in the bundle")
        if len(set(self.inputs.features)) != len(self.inputs.features) or not self.inputs.features:
            raise BundleError(f"{MANIFEST}: features are empty or repeat themselves")

    @property
    def newest_event(self) -> float:
        """Unix seconds of the newest row that is materialised: where a replay clock begins."""
        return float(self.provenance["newest_event"])

    @property
    def served_name(self) -> str:
        """What the bundle is called on a server that serves many: no other bundle is, whatever it replaces."""
        return f"{self.deployment}-{self.version}-{self.digest()[:12]}"

    def to_json(self) -> bytes:
        """The canonical bytes: sorted keys, no spaces, UTF-8."""
        return canonical(asdict(self))

    def digest(self) -> str:
        """The bundle's identity: sha256 of the canonical manifest, which holds the digest of every file."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @classmethod
    def from_json(cls, text: bytes | str) -> "Manifest":
        """Read a manifest; anything missing, unknown or mistyped raises `BundleError`."""
        try:
            raw = json.loads(text)
            inputs, output = raw.pop("inputs"), raw.pop("output")
            features = tuple(_text(name) for name in inputs.pop("features"))
            manifest = cls(inputs=Inputs(features=features, **inputs), output=Output(**output), **raw)
            _check_types(manifest)
        except BundleError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise BundleError(f"{MANIFEST}: cannot be read: {exc!r}") from exc
        return manifest


def load_manifest(directory: Path, elsewhere: Collection[str] = ()) -> Manifest:
    """The manifest of the bundle in `directory`, after every file it lists was found to be what it says.

    Files named in `elsewhere` are not read here: whoever uses them proves them.
    """
    path = directory / MANIFEST
    try:
        manifest = Manifest.from_json(path.read_bytes())
    except OSError as exc:
        raise BundleError(f"{path}: cannot be read: {exc.strerror}") from exc
    except BundleError as exc:
        raise BundleError(f"{directory}: {exc}") from exc
    check_files(directory, manifest.files, elsewhere)
    return manifest


def check_files(directory: Path, files: Mapping[str, str], elsewhere: Collection[str] = ()) -> None:
    """Raise `BundleError` unless every file, but for those in `elsewhere`, has the sha256 that stands beside it."""
    for name, expected in sorted(files.items()):
        if name in elsewhere:
            continue
        actual = _file_digest(directory / name)
        if actual != expected:
            raise BundleError(f"{directory / name}: sha256 is {actual[:12]}…, the manifest says {expected[:12]}…")


def canonical(value: object) -> bytes:
    """The one JSON form that digests are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise BundleError(f"{path}: listed in the manifest, cannot be read: {exc.strerror}") from exc


def _check_types(manifest: Manifest) -> None:
    texts = [manifest.deployment, manifest.version, manifest.inputs.name, manifest.inputs.dtype]
    texts += [manifest.output.name, manifest.output.dtype, *manifest.files, *manifest.files.values()]
    for value in texts:
        _text(value)
    newest = manifest.provenance["newest_event"]
    if isinstance(newest, bool) or not isinstance(newest, int | float):
        raise BundleError(f"{MANIFEST}: provenance.newest_event is {newest!r}, not a number")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BundleError(f"{MANIFEST}: {value!r} is not a text")
    return value
