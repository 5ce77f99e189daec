"""The manifest: one canonical form, one digest, and no file that is not what it says."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from models.manifest import MANIFEST, BundleError, Inputs, Manifest, Output, canonical, load_manifest

FILES = {"model.onnx": b"model", "plan.json": b"{}", "golden.json": b'{"rows":[]}'}


def manifest() -> Manifest:
    return Manifest(
        deployment="fraud",
        version="1",
        inputs=Inputs("features", "float32", ("amount", "hour")),
        output=Output("score", "float32"),
        files={name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
        metrics={"holdout": {"auc": 0.5}},
        parity={"rows": 2, "max_difference": 0.0, "p999_difference": 0.0},
        provenance={"newest_event": 1565173162.0, "seed": 7},
    )


def bundle(directory: Path, written: bytes | None = None) -> Path:
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    (directory / MANIFEST).write_bytes(manifest().to_json() if written is None else written)
    return directory


def changed(**fields: object) -> bytes:
    return canonical({**json.loads(manifest().to_json()), **fields})


def test_a_whole_bundle_loads_and_says_the_same_again(tmp_path: Path) -> None:
    loaded = load_manifest(bundle(tmp_path))
    assert loaded == manifest()
    assert loaded.digest() == manifest().digest()
    assert loaded.newest_event == 1565173162.0


def test_the_digest_is_of_the_canonical_bytes_however_the_file_was_written(tmp_path: Path) -> None:
    pretty = json.dumps(json.loads(manifest().to_json()), indent=2, sort_keys=False).encode() + b"\n"
    assert load_manifest(bundle(tmp_path, pretty)).digest() == hashlib.sha256(manifest().to_json()).hexdigest()
    assert manifest().digest() == "ee9108fefb2030a9cd08ea951c66eceddd032f32d8016ed79e87f3b2140588b0"


def test_another_version_is_another_digest() -> None:
    assert replace(manifest(), version="2").digest() != manifest().digest()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_tampered_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (bundle(tmp_path) / name).write_bytes(FILES[name] + b" ")
    with pytest.raises(BundleError, match=f"{name}: sha256 is"):
        load_manifest(tmp_path)


@pytest.mark.parametrize("name", [*sorted(FILES), MANIFEST])
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (bundle(tmp_path) / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: .*cannot be read"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (b"", "cannot be read"),
        (b"[]", "cannot be read"),
        (changed(format=2), "format 2"),
        (changed(surprise=1), "cannot be read"),
        (changed(deployment=7), "7 is not a text"),
        (changed(files={"model.onnx": "0"}), "does not list golden.json, plan.json"),
        (changed(files={**dict.fromkeys(FILES, "0"), "../model.onnx": "0"}), "is not the name of a file"),
        (changed(inputs={"name": "features", "dtype": "float32", "features": ["a", "a"]}), "repeat themselves"),
        (changed(inputs={"name": "features", "dtype": "float32", "features": []}), "empty"),
        (changed(provenance={}), "newest_event"),
        (changed(provenance={"newest_event": "now"}), "not a number"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, written: bytes, complaint: str) -> None:
    with pytest.raises(BundleError, match=complaint):
        load_manifest(bundle(tmp_path, written))
