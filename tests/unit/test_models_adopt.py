"""`sluice adopt`: a model that others made becomes a bundle, or one line says why not."""

from pathlib import Path

import pytest

from gateway.deployment import read_deployment
from gateway.testing.tensor_bundles import ADD_SUB, add_sub_model
from models.adopt import main
from models.tensor_manifest import TensorManifest, load_any_manifest


def adopt(root: Path, *words: str) -> int:
    return main([*words, "--bundles", str(root / "bundles"), "--models", str(root / "models")])


@pytest.fixture
def model(tmp_path: Path) -> str:
    add_sub_model(tmp_path / "sums.onnx")
    return str(tmp_path / "sums.onnx")


def test_a_file_becomes_a_bundle_and_a_deployment(
    tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert adopt(tmp_path, "sums", "1", "--onnx", model) == 0
    manifest = load_any_manifest(tmp_path / "bundles" / "sums" / "1")
    assert isinstance(manifest, TensorManifest)
    assert (manifest.inputs, manifest.outputs) == ADD_SUB
    declared = read_deployment(tmp_path / "models" / "sums" / "deployment.yaml")
    assert declared.tensors is not None
    assert (declared.unit.source, declared.table.champion) == ("each", "1")
    assert "takes INPUT0 INT32 [-1, 16]" in capsys.readouterr().out


def test_a_second_version_leaves_the_deployment_as_it_is(tmp_path: Path, model: str) -> None:
    assert adopt(tmp_path, "sums", "1", "--onnx", model) == 0
    path = tmp_path / "models" / "sums" / "deployment.yaml"
    path.write_text(path.read_text().replace("budget_ms: 100", "budget_ms: 50"))
    assert adopt(tmp_path, "sums", "2", "--onnx", model) == 0
    assert (read_deployment(path).budget, read_deployment(path).table.champion) == (0.05, "1")


def test_bundles_do_not_change(tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert adopt(tmp_path, "sums", "1", "--onnx", model) == 0
    before = sorted((path, path.read_bytes()) for path in (tmp_path / "bundles").rglob("*.*"))
    assert adopt(tmp_path, "sums", "1", "--onnx", model) == 1
    assert "bundles do not change: take another version" in capsys.readouterr().err
    assert sorted((path, path.read_bytes()) for path in (tmp_path / "bundles").rglob("*.*")) == before


@pytest.mark.parametrize(
    ("name", "version", "complaint"),
    [
        ("../sums", "1", "a deployment's name is"),
        ("sums", "../1", "a version is"),
        ("sums", ".1", "a version is"),
        ("Sums", "1", "a deployment's name is"),
    ],
)
def test_names_are_names(
    tmp_path: Path, model: str, name: str, version: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert adopt(tmp_path, name, version, "--onnx", model) == 1
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_what_is_no_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    assert adopt(tmp_path, "sums", "1", "--onnx", str(tmp_path / "text.onnx")) == 1
    assert "cannot load it" in capsys.readouterr().err
    assert adopt(tmp_path, "sums", "1", "--onnx", str(tmp_path / "nothing.onnx")) == 1
    assert not (tmp_path / "bundles" / "sums").exists()


def test_a_triton_that_is_away_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert adopt(tmp_path, "sums", "1", "--triton", "127.0.0.1:1", "--model", "simple") == 1
    assert "Triton at 127.0.0.1:1 does not tell of simple" in capsys.readouterr().err
