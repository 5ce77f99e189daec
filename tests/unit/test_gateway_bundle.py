"""Loading a bundle: every load proves it, and a bundle that is not what it says is refused in one line."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import models
from gateway.backends.backend import BackendError
from gateway.backends.onnx import OnnxBackend
from gateway.bundle import _load_transform, load_bundle, prove
from gateway.testing.bundles import write_bundle, write_manifest, write_model
from gateway.testing.plans import small_document
from models.manifest import BundleError

FEATURES = small_document()["features"]


async def test_a_good_bundle_loads_and_reproduces_its_golden_rows(tmp_path: Path) -> None:
    bundle = load_bundle(write_bundle(tmp_path), "fraud")
    await prove(bundle, OnnxBackend(bundle.model, len(FEATURES)))
    assert bundle.plan.features == tuple(FEATURES)
    assert len(bundle.manifest.digest()) == 64


async def test_golden_rows_that_do_not_come_out_refuse_the_bundle(tmp_path: Path) -> None:
    directory = write_bundle(tmp_path)
    golden = json.loads((directory / "golden.json").read_text())
    golden["scores"][2] += 0.01
    (directory / "golden.json").write_text(json.dumps(golden))
    write_manifest(directory, "1", FEATURES)
    bundle = load_bundle(directory, "fraud")
    with pytest.raises(BundleError, match=r"golden rows are off by 0\.01"):
        await prove(bundle, OnnxBackend(bundle.model, len(FEATURES)))


async def test_a_nan_score_is_off_too(tmp_path: Path) -> None:
    directory = write_bundle(tmp_path)
    golden = json.loads((directory / "golden.json").read_text())
    golden["rows"][1][0] = float("nan")
    (directory / "golden.json").write_text(json.dumps(golden))
    write_manifest(directory, "1", FEATURES)
    bundle = load_bundle(directory, "fraud")
    with pytest.raises(BundleError, match="golden rows are off"):
        await prove(bundle, OnnxBackend(bundle.model, len(FEATURES)))


def tamper(name: str) -> Callable[[Path], object]:
    def change(directory: Path) -> None:
        path = directory / name
        path.write_bytes(path.read_bytes() + b" ")

    return change


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (tamper("model.onnx"), "model.onnx: sha256"),
        (tamper("plan.json"), "plan.json: sha256"),
        (tamper("golden.json"), "golden.json: sha256"),
        (lambda directory: (directory / "model.onnx").unlink(), "model.onnx"),
        (lambda directory: (directory / "manifest.json").unlink(), "manifest.json"),
        (lambda directory: (directory / "manifest.json").write_text("{"), "cannot be read"),
        (lambda directory: write_manifest(directory, "1", ["a", "b"]), "disagree about the model's inputs"),
        (lambda directory: write_manifest(directory, "1", FEATURES, deployment="quotes"), "a bundle of quotes"),
    ],
)
def test_a_broken_bundle_is_one_clear_line(tmp_path: Path, break_it: Callable[[Path], object], message: str) -> None:
    directory = write_bundle(tmp_path)
    break_it(directory)
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(directory, "fraud")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("os.path", "not one of models"),
        ("models.nowhere.transform", "not installed here"),
        ("models.fraud.transform", "not the version that the bundle was trained with"),
    ],
)
def test_only_the_reviewed_transform_is_imported(tmp_path: Path, module: str, message: str) -> None:
    directory = write_bundle(tmp_path)
    plan = {**small_document(), "transform": {"module": module, "sha256": "0" * 64}}
    (directory / "plan.json").write_text(json.dumps(plan))
    write_manifest(directory, "1", FEATURES)
    with pytest.raises(BundleError, match=message):
        load_bundle(directory, "fraud")


def test_a_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model.onnx", 3)
    with pytest.raises(BackendError, match="must take one"):
        OnnxBackend(tmp_path / "model.onnx", 4)
    write_model(tmp_path / "model.onnx", 3, output="probability")
    with pytest.raises(BackendError, match="no output called score"):
        OnnxBackend(tmp_path / "model.onnx", 3)
    (tmp_path / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(BackendError, match="cannot be loaded"):
        OnnxBackend(tmp_path / "model.onnx", 3)


def test_the_model_file_of_a_hosted_bundle_is_its_hosts_to_prove(tmp_path: Path) -> None:
    directory = write_bundle(tmp_path)
    (directory / "model.onnx").write_bytes(b"damaged")
    assert load_bundle(directory, "fraud", elsewhere=True).model == directory / "model.onnx"
    with pytest.raises(BundleError, match=r"model\.onnx: sha256"):
        load_bundle(directory, "fraud")
    (directory / "golden.json").write_bytes(b"{}")
    with pytest.raises(BundleError, match=r"golden\.json: sha256"):
        load_bundle(directory, "fraud", elsewhere=True)


def test_a_transform_is_the_code_that_was_verified_and_not_what_was_imported_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "path" / "models_of_test"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.setattr("models.__path__", [*models.__path__, str(tmp_path / "path")])
    found = []
    for version, factor in (("1", 2.0), ("2", 3.0)):
        source = f"def transform(columns):\n    return {{'twice': columns['amount'] * {factor}}}\n"
        (package / "transform.py").write_text(source)
        directory = write_bundle(tmp_path / "bundles", version)
        digest = hashlib.sha256(source.encode()).hexdigest()
        transform = {"module": "models.models_of_test.transform", "sha256": digest}
        (directory / "plan.json").write_text(json.dumps({**small_document(), "transform": transform}))
        write_manifest(directory, version, FEATURES)
        plan = load_bundle(directory, "fraud").plan
        made = _load_transform(plan)
        assert made is not None
        found.append(made({"amount": np.array([1.0])})["twice"].tolist())
    assert found == [[2.0], [3.0]]
