"""What Triton needs beside its wheel: the stub of this Python, and a repository with the model's configuration."""

import sysconfig
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from loadtests.peers import triton
from loadtests.peers.peer import Place
from loadtests.peers.ports import Ports


def test_the_stub_of_this_python_is_put_beside_the_backend(tmp_path: Path) -> None:
    home = triton.home_of(tmp_path)
    stub = home / "python_backend_stubs" / sysconfig.get_python_version() / "triton_python_backend_stub"
    for folder in (stub.parent, home / "backends/python"):
        folder.mkdir(parents=True)
    stub.write_text("stub")
    triton.place_stub(tmp_path)
    assert (home / "backends/python/triton_python_backend_stub").read_text() == "stub"


def test_the_repository_holds_what_triton_reads(tmp_path: Path) -> None:
    triton._write_repository(tmp_path, 27, {"instances": 3, "batch": 8, "wait": 250})
    config = model_config_pb2.ModelConfig()
    text_format.Parse((tmp_path / "fraud/config.pbtxt").read_text(), config)
    assert (config.name, config.backend, config.max_batch_size) == ("fraud", "python", 8)
    assert (list(config.input[0].dims), config.instance_group[0].count) == ([27], 3)
    assert config.dynamic_batching.max_queue_delay_microseconds == 250
    assert "class TritonPythonModel" in (tmp_path / "fraud/1/model.py").read_text()


def test_triton_finds_the_environments_packages_by_the_path(tmp_path: Path) -> None:
    place = Place(tmp_path / "environment", tmp_path, Ports(1, 2, 3), "redis://nowhere")
    assert triton.variables_in(place.environment)["PATH"].startswith(f"{tmp_path}/environment/bin:")
