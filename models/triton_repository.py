"""Owns the way from bundles to a model repository of Triton: `sluice triton-repository --help` teaches it.

Every bundle becomes a model of its own, named for deployment, version and digest, with the one version 1: bundles never
replace each other in place, and champion and canary are apart. A model is written beside its place and then moved
there, so that a server never sees half of one; one that lies there already is left as it is, unless it was written in
another way.
"""

import argparse
import json
import os
import shutil
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import RepositoryError
from models.manifest import BundleError, Manifest, load_manifest
from models.places import BUNDLES

VERSION = "1"
MOST_ROWS = 256
"""Rows that the gateway puts into one request at most."""
INSTANCES = 2
"""Of each model. With one Triton 2.51's batcher leaves a request lying for half a second now and then, its own longest
wait: one of 100 to 1,000 runs, measured with runs of a millisecond that follow each other closely; with two, none."""
_WARM = "golden"
_CONFIGURATION = """\
name: "{name}"
backend: "{backend}"
max_batch_size: {rows}
input [ {{ name: "{input}", data_type: TYPE_FP32, dims: [ {columns} ] }} ]
output [ {{ name: "{output}", data_type: TYPE_FP32, dims: [ 1 ]{reshape} }} ]
version_policy {{ specific {{ versions: [ {version} ] }} }}
instance_group [ {{ kind: {kind}, count: {instances} }} ]
dynamic_batching {{
  max_queue_delay_microseconds: {delay}
  default_queue_policy {{ timeout_action: REJECT, allow_timeout_override: true }}
}}
model_warmup [ {{
  name: "golden row"
  batch_size: 1
  inputs {{ key: "{input}", value: {{ data_type: TYPE_FP32, dims: [ {columns} ], input_data_file: "{warm}" }} }}
}} ]
"""


@dataclass(frozen=True, slots=True)
class Manner:
    """How models are to be run there. `delay` is in microseconds."""

    python_backend: bool = False
    instances: int = INSTANCES
    delay: int = 0
    gpu: bool = False


def write_model(bundle: Path, repository: Path, manner: Manner) -> Path:
    """Write one bundle as a model; return where it lies. Raises `BundleError` or `RepositoryError`."""
    manifest = load_manifest(bundle)
    place = repository / manifest.served_name
    configuration = _configuration(bundle, manifest, manner)
    written = place / "config.pbtxt"
    if written.exists() and written.read_text() == configuration:
        return place
    half = repository / f".{manifest.served_name}.{os.getpid()}"
    try:
        _write(bundle, half, configuration, manner)
        shutil.rmtree(place, ignore_errors=True)
        half.rename(place)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return place


def _write(bundle: Path, model: Path, configuration: str, manner: Manner) -> None:
    version = model / VERSION
    version.mkdir(parents=True)
    shutil.copyfile(bundle / "model.onnx", version / "model.onnx")
    if manner.python_backend:
        shutil.copyfile(Path(__file__).with_name("triton_model.py"), version / "model.py")
    (model / "warmup").mkdir()
    row = json.loads((bundle / "golden.json").read_bytes())["rows"][0]
    (model / "warmup" / _WARM).write_bytes(struct.pack(f"<{len(row)}f", *row))
    (model / "config.pbtxt").write_text(configuration)


def _configuration(bundle: Path, manifest: Manifest, manner: Manner) -> str:
    flat = not manner.python_backend and _is_flat(bundle / "model.onnx", manifest.output.name)
    return _CONFIGURATION.format(
        name=manifest.served_name,
        backend="python" if manner.python_backend else "onnxruntime",
        rows=MOST_ROWS,
        input=manifest.inputs.name,
        columns=len(manifest.inputs.features),
        output=manifest.output.name,
        reshape=", reshape { shape: [ ] }" if flat else "",
        version=VERSION,
        kind="KIND_GPU" if manner.gpu else "KIND_CPU",
        instances=manner.instances,
        delay=manner.delay,
        warm=_WARM,
    )


def _is_flat(model: Path, output: str) -> bool:
    """Whether the model gives scores of shape [rows] and not [rows, 1], which its configuration has to say."""
    try:
        import onnx  # half a second that the Python backend does without
    except ModuleNotFoundError as exc:
        raise RepositoryError("to look into a model takes the package onnx: install the extra `train`") from exc
    graph = onnx.load(str(model), load_external_data=False).graph
    return any(one.name == output and len(one.type.tensor_type.shape.dim) == 1 for one in graph.output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is asked for: 0 done, 1 stopped for a reason that it could name."""
    options = _parser().parse_args(arguments)
    manner = Manner(options.python_backend, options.instances, options.queue_delay_us, options.gpu)
    try:
        for bundle in _chosen(options.bundles, options.chosen):
            place = write_model(bundle, options.out, manner)
            print(f"{bundle.parent.name} {bundle.name}: {place}", flush=True)
    except (BundleError, RepositoryError, OSError) as exc:
        print(f"triton-repository: {exc}", file=sys.stderr, flush=True)
        return 1
    return 0


def _chosen(bundles: Path, words: Sequence[str]) -> list[Path]:
    """Return the directories of the bundles that were named, or all."""
    if len(words) % 2:
        raise RepositoryError(f"bundles are named by deployment and version, and {words[-1]!r} has none")
    if words:
        return [bundles / name / version for name, version in zip(words[::2], words[1::2], strict=True)]
    found = sorted(path.parent for path in bundles.glob("*/*/manifest.json"))
    if not found:
        raise RepositoryError(f"no bundle lies in {bundles}: `python -m models.pipeline build` makes them")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sluice triton-repository",
        description="Write bundles as a model repository of NVIDIA Triton, for deployments with `backend: triton`. "
        "Every bundle is a model of its own; start Triton on it with --model-control-mode=explicit, and the gateway "
        "has it load what it needs.",
    )
    parser.add_argument(
        "chosen", nargs="*", metavar="NAME VERSION", help="deployment and version of each bundle; default: all"
    )
    parser.add_argument("--out", type=Path, required=True, help="the repository; what else lies there stays")
    parser.add_argument("--bundles", type=Path, default=BUNDLES, help="where bundles lie [%(default)s]")
    parser.add_argument(
        "--python-backend",
        action="store_true",
        help="for servers without the ONNX backend: ONNX Runtime in the Python backend (it has to be installed there)",
    )
    parser.add_argument("--gpu", action="store_true", help="instances on GPUs; the ONNX backend alone")
    parser.add_argument(
        "--instances",
        type=_count,
        default=INSTANCES,
        help="of each model, on each device; with one, requests lie for half a second now and then [%(default)s]",
    )
    parser.add_argument(
        "--queue-delay-us",
        type=int,
        default=0,
        help="how long the batcher may wait for more; the gateway sends whole lists already [%(default)s]",
    )
    return parser


def _count(word: str) -> int:
    count = int(word)
    if count < 1:
        raise argparse.ArgumentTypeError("at least one")
    return count


if __name__ == "__main__":
    sys.exit(main())
