"""NVIDIA Triton out of the nvidia-pytriton wheel: what it needs beside the wheel, and its model repository.

The wheel holds a real tritonserver with its Python backend and no other: in particular no ONNX backend.
"""

import os
import shutil
import sysconfig
from collections.abc import Mapping
from ctypes.util import find_library
from pathlib import Path

from loadtests.peers.environments import site_packages
from loadtests.peers.errors import PeerError
from loadtests.peers.fraud import MODEL, FraudFiles
from loadtests.peers.open_inference import MODEL_NAME
from loadtests.peers.peer import Place, Running

_SERVED = Path(__file__).parent / "served/triton_model.py"
_CONFIGURATION = """\
name: "{name}"
backend: "python"
max_batch_size: {batch}
input [ {{ name: "features", data_type: TYPE_FP32, dims: [ {columns} ] }} ]
output [ {{ name: "score", data_type: TYPE_FP32, dims: [ 1 ] }} ]
instance_group [ {{ kind: KIND_CPU, count: {instances} }} ]
dynamic_batching {{ max_queue_delay_microseconds: {wait} }}
parameters {{ key: "model", value: {{ string_value: "{model}" }} }}
"""


def place_stub(environment: Path) -> None:
    """Put this Python's backend stub beside the backend, where Triton looks for it."""
    stub = f"python_backend_stubs/{sysconfig.get_python_version()}/triton_python_backend_stub"
    home = home_of(environment)
    shutil.copy2(home / stub, home / "backends/python/triton_python_backend_stub")


def prepare(place: Place, instances: int, batch: int, wait: int) -> Running:
    """Write the model repository; one copy of the model serves every instance."""
    home = home_of(place.environment)
    _write_repository(place.folder, len(FraudFiles().columns), {"instances": instances, "batch": batch, "wait": wait})
    command = [
        *(str(home / "bin/tritonserver"), f"--model-repository={place.folder}", f"--backend-directory={home}/backends"),
        *("--grpc-address=127.0.0.1", f"--grpc-port={place.ports.asked}"),
        *("--http-address=127.0.0.1", f"--http-port={place.ports.side}", f"--metrics-port={place.ports.metrics}"),
        "--metrics-address=127.0.0.1",
        *("--disable-auto-complete-config", "--log-verbose=0"),
    ]
    return Running(command, variables_in(place.environment))


def variables_in(environment: Path) -> dict[str, str]:
    """Return what leads the stub to libpython and to the environment's packages; raises PeerError.

    The embedded interpreter takes its packages from the first `python3` on the path, and reads no PYTHONPATH.
    """
    return {
        "PATH": f"{environment}/bin:{os.environ.get('PATH', '')}",
        "LD_LIBRARY_PATH": f"{_libpython_folder()}:{os.environ.get('LD_LIBRARY_PATH', '')}".strip(":"),
    }


def _libpython_folder() -> str:
    """Return the folder of this Python's shared library, empty if the system finds it by itself; raises PeerError."""
    version, folder = sysconfig.get_python_version(), Path(str(sysconfig.get_config_var("LIBDIR")))
    if (folder / f"libpython{version}.so.1.0").exists():
        return str(folder)
    if find_library(f"python{version}") is None:
        raise PeerError(f"Triton's backend needs libpython{version}.so.1.0: install the package libpython{version}")
    return ""


def home_of(environment: Path) -> Path:
    """Return where the wheel keeps the server."""
    return site_packages(environment) / "pytriton/tritonserver"


def _write_repository(folder: Path, columns: int, settings: Mapping[str, int]) -> None:
    version = folder / MODEL_NAME / "1"
    version.mkdir(parents=True, exist_ok=True)
    shutil.copy2(_SERVED, version / "model.py")
    written = _CONFIGURATION.format(name=MODEL_NAME, columns=columns, model=MODEL, **settings)
    (folder / MODEL_NAME / "config.pbtxt").write_text(written)
