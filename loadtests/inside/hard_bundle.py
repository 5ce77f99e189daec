"""`python -m loadtests.inside.hard_bundle BASE TO --trait nan`: a bundle that misbehaves, made of one that does not.

The model is the base's own with more nodes behind it, so every load is honest: the golden rows pass, because the fault
begins only with a call whose amount is not whole cents, which no real payment is (unless --always). Nothing is
pretended: NaN comes of 0 / 0, time is burnt in a Loop, memory is filled, a failed run fails in an operator.
"""

import hashlib
import shutil
import sys
import time
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from loadtests.inside.hard_graph import TRAITS, Wish, burn, harden
from models.manifest import MANIFEST, load_manifest

_PROBE = 20_000


def main(arguments: list[str] | None = None) -> int:
    """Make one bundle."""
    options = _parser().parse_args(arguments)
    model = onnx.load(options.base / "model.onnx")
    wish = Wish(options.trait, options.always, _turns(options.ms), options.megabytes)
    content = harden(model, wish).SerializeToString(deterministic=True)
    _write(options.base, options.to, options.version or options.to.name, content)
    return 0


def _write(base: Path, to: Path, version: str, model: bytes) -> None:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(base, to)
    (to / "model.onnx").write_bytes(model)
    known = load_manifest(base)
    files = dict(known.files) | {"model.onnx": hashlib.sha256(model).hexdigest()}
    (to / MANIFEST).write_bytes(replace(known, version=version, files=files).to_json())


def _turns(milliseconds: float) -> int:
    """Return how many turns of the loop take so much of a processor here, by trying: a busy machine changes nothing."""
    if not milliseconds:
        return 0
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    content = _loop_alone().SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    times = []
    for _ in range(5):
        begun = time.process_time()
        session.run(None, {"turns": np.array(_PROBE, dtype=np.int64)})
        times.append(time.process_time() - begun)
    return max(1, round(_PROBE * milliseconds / 1e3 / min(times)))


def _loop_alone() -> onnx.ModelProto:
    nodes, constants = burn("turns", "burnt")
    graph = helper.make_graph(
        nodes,
        "loop",
        [helper.make_tensor_value_info("turns", TensorProto.INT64, [])],
        [helper.make_tensor_value_info("burnt", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m loadtests.inside.hard_bundle", description=__doc__)
    parser.add_argument("base", type=Path, help="the bundle to begin with: models/bundles/fraud/1")
    parser.add_argument("to", type=Path, help="where the new one is written")
    parser.add_argument("--trait", choices=TRAITS, required=True, help="how it misbehaves")
    parser.add_argument("--always", action="store_true", help="on every call, not only on those of odd amounts")
    parser.add_argument("--ms", type=float, default=0.0, help="slow-run: a run's cost; slow-row: a row's")
    parser.add_argument("--megabytes", type=int, default=0, help="eats: of a run; big: of the file")
    parser.add_argument("--version", help="its version [the folder's name]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
