"""Bundles as a model repository of Triton: what lies there, and what is said when it cannot be written."""

import struct
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2  # type: ignore[import-untyped] # shipped without types

from gateway.testing.bundles import write_bundle
from gateway.triton.wire import MOST_ROWS, VERSION
from models import triton_repository
from models.manifest import load_manifest
from models.triton_repository import Manner, main, write_model


def configuration(model: Path) -> model_config_pb2.ModelConfig:
    return text_format.Parse((model / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())


def test_what_triton_reads_of_a_bundle(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundles")
    manifest = load_manifest(bundle)
    model = write_model(bundle, tmp_path / "repository", Manner(instances=3, delay=250))
    assert model.name == f"fraud-1-{manifest.digest()[:12]}" == manifest.served_name
    config = configuration(model)
    assert (config.name, config.backend, config.max_batch_size) == (model.name, "onnxruntime", MOST_ROWS)
    assert (config.input[0].name, list(config.input[0].dims)) == ("features", [len(manifest.inputs.features)])
    assert (config.output[0].name, list(config.output[0].dims)) == ("score", [1])
    assert config.output[0].HasField("reshape"), "its scores have the shape [rows]"
    assert (config.instance_group[0].count, config.instance_group[0].kind) == (3, 2)
    assert config.dynamic_batching.max_queue_delay_microseconds == 250
    assert config.dynamic_batching.default_queue_policy.allow_timeout_override, "or no request could say what is left"
    warm = config.model_warmup[0].inputs["features"].input_data_file
    row = (model / "warmup" / warm).read_bytes()
    assert struct.unpack(f"<{len(manifest.inputs.features)}f", row) == (0.0, 0.0, 0.0, 0.0)
    assert (model / VERSION / "model.onnx").read_bytes() == (bundle / "model.onnx").read_bytes()
    assert not (model / VERSION / "model.py").exists()


def test_for_the_python_backend_a_model_is_generated(tmp_path: Path) -> None:
    model = write_model(write_bundle(tmp_path / "bundles"), tmp_path, Manner(python_backend=True))
    config = configuration(model)
    assert config.backend == "python"
    assert not config.output[0].HasField("reshape")
    assert "class TritonPythonModel" in (model / VERSION / "model.py").read_text()


def test_who_lies_there_already_stays_unless_it_is_to_be_run_otherwise(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundles")
    model = write_model(bundle, tmp_path, Manner(python_backend=True))
    before = (model / "config.pbtxt").stat().st_ino
    assert write_model(bundle, tmp_path, Manner(python_backend=True)) == model
    assert (model / "config.pbtxt").stat().st_ino == before
    write_model(bundle, tmp_path, Manner(python_backend=True, instances=2))
    assert configuration(model).instance_group[0].count == 2
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bundles", model.name], "nothing half done is left"


def test_the_command_writes_all_or_those_that_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for version in ("1", "2"):
        write_bundle(tmp_path / "bundles" / "fraud", version)
    flags = ["--bundles", str(tmp_path / "bundles"), "--python-backend", "--out"]
    assert main([*flags, str(tmp_path / "all")]) == 0
    assert len(list((tmp_path / "all").iterdir())) == 2
    assert main([*flags, str(tmp_path / "one"), "fraud", "2"]) == 0
    (one,) = (tmp_path / "one").iterdir()
    assert one.name.startswith("fraud-2-")
    assert str(one) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [(["fraud"], "'fraud' has none"), (["fraud", "9"], "cannot be read"), ([], "`python -m models.pipeline build`")],
)
def test_what_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["--bundles", str(tmp_path), "--out", str(tmp_path), *words]) == 1
    said = capsys.readouterr().err
    assert said.startswith("triton-repository: ")
    assert message in said
    assert said.count("\n") == 1


def test_both_sides_mean_the_same() -> None:
    assert (triton_repository.MOST_ROWS, triton_repository.VERSION) == (MOST_ROWS, VERSION)
