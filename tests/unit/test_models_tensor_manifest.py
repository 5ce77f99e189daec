"""What a bundle of tensors says of itself is read to the letter, or refused in one line."""

import json
from pathlib import Path

import pytest

from gateway.testing.bundles import write_bundle
from gateway.testing.tensor_bundles import ADD_SUB, write_tensor_bundle
from models.manifest import BundleError, Manifest
from models.tensor_manifest import OnTriton, TensorManifest, load_any_manifest, spec_of


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = write_tensor_bundle(tmp_path, "sums")
    assert load_any_manifest(tmp_path / "1") == manifest
    there = TensorManifest("sums", "2", *ADD_SUB, triton=OnTriton("simple", "3"))
    assert TensorManifest.from_json(there.to_json()) == there
    assert there.digest() != manifest.digest()


def test_a_bundle_of_scores_is_read_as_one(tmp_path: Path) -> None:
    assert isinstance(load_any_manifest(write_bundle(tmp_path)), Manifest)


def test_a_byte_that_changed_is_found(tmp_path: Path) -> None:
    write_tensor_bundle(tmp_path, "sums")
    model = tmp_path / "1" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match="sha256 is"):
        load_any_manifest(tmp_path / "1")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"inputs": []}, "have names, each once"),
        ({"outputs": [{"name": "A", "datatype": "FP32", "shape": [1]}] * 2}, "have names, each once"),
        ({"inputs": [{"name": "A", "datatype": "FP32", "shape": [-2]}]}, "extents are -1"),
        ({"inputs": [{"name": "A", "datatype": "FP32", "shape": [True]}]}, "extents are -1"),
        ({"inputs": [{"name": "", "datatype": "FP32", "shape": [1]}]}, "a name and a datatype"),
        ({"inputs": [{"name": "A", "datatype": "FP32"}]}, "cannot be read"),
        ({"files": {}}, "either the file model.onnx, or"),
        ({"triton": {"model": "simple"}}, "either the file model.onnx, or"),
        ({"files": {"model.onnx": "a", "../x": "b"}}, "not the name of a file"),
        ({"format": 2}, "this code reads 1"),
        ({"version": 3}, "are texts"),
        ({"strange": 1}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    manifest = json.loads(write_tensor_bundle(tmp_path, "sums").to_json())
    (tmp_path / "1" / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(BundleError, match=complaint):
        load_any_manifest(tmp_path / "1")


@pytest.mark.parametrize("text", ["", "[]", "{", '"tensors"', '{"kind": ["tensors"]}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BundleError):
        load_any_manifest(tmp_path)


def test_onnx_types_have_their_names_in_the_protocol() -> None:
    assert spec_of("x", "tensor(float16)", ["batch", 3, None]).shape == (-1, 3, -1)
    with pytest.raises(BundleError, match=r"x is seq\(tensor\(float\)\)"):
        spec_of("x", "seq(tensor(float))", [])
