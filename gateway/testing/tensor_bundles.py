"""Tiny bundles of tensors for tests: sums and differences, texts that come back. Needs the `onnx` package."""

import hashlib
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from models.tensor_manifest import MODEL, TensorManifest, TensorSpec

ADD_SUB = (
    (TensorSpec("INPUT0", "INT32", (-1, 16)), TensorSpec("INPUT1", "INT32", (-1, 16))),
    (TensorSpec("OUTPUT0", "INT32", (-1, 16)), TensorSpec("OUTPUT1", "INT32", (-1, 16))),
)
TEXTS = ((TensorSpec("TEXT", "BYTES", (-1,)),), (TensorSpec("SAME", "BYTES", (-1,)),))


def add_sub_model(path: Path, wrong: bool = False, picky: bool = False) -> None:
    """Write a model with the sum and the difference of two inputs, as NVIDIA's examples have it.

    A `wrong` one gives the sum twice. A `picky` one fails when the first number is 13.
    """
    shape = [None, 16]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in ("INPUT0", "INPUT1")]
    outputs = [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in ("OUTPUT0", "OUTPUT1")]
    operations = [("Add", "OUTPUT0"), ("Add" if wrong else "Sub", "OUTPUT1")]
    nodes = [helper.make_node(operation, ["INPUT0", "INPUT1"], [output]) for operation, output in operations]
    constants = []
    if picky:
        # 13 of 16 columns exist, so that a row which begins with 13 asks for one that does not.
        nodes[0] = helper.make_node("Add", ["INPUT0", "INPUT1"], ["SUM"])
        nodes += [
            helper.make_node("Gather", ["INPUT0", "FIRST"], ["HEAD"], axis=1),
            helper.make_node("Equal", ["HEAD", "BAD"], ["IS_BAD"]),
            helper.make_node("Cast", ["IS_BAD"], ["FAR"], to=TensorProto.INT32),
            helper.make_node("Mul", ["FAR", "BEYOND"], ["AT"]),
            helper.make_node("ReduceMax", ["AT"], ["PLACE"], keepdims=0),
            helper.make_node("Gather", ["INPUT0", "PLACE"], ["UNUSED"], axis=1),
            helper.make_node("Sub", ["UNUSED", "UNUSED"], ["ZERO"]),
            helper.make_node("Unsqueeze", ["ZERO", "ONE"], ["ZEROS"]),
            helper.make_node("Add", ["SUM", "ZEROS"], ["OUTPUT0"]),
        ]
        constants = [
            helper.make_tensor("FIRST", TensorProto.INT64, [1], [0]),
            helper.make_tensor("BAD", TensorProto.INT32, [1], [13]),
            helper.make_tensor("BEYOND", TensorProto.INT32, [1], [99]),
            helper.make_tensor("ONE", TensorProto.INT64, [1], [1]),
        ]
    _save(path, helper.make_graph(nodes, "add_sub", inputs, outputs, constants))


def text_model(path: Path) -> None:
    """Write a model that gives texts back."""
    given = [helper.make_tensor_value_info("TEXT", TensorProto.STRING, [None])]
    back = [helper.make_tensor_value_info("SAME", TensorProto.STRING, [None])]
    _save(path, helper.make_graph([helper.make_node("Identity", ["TEXT"], ["SAME"])], "texts", given, back))


def write_tensor_bundle(
    directory: Path, name: str, version: str = "1", wrong: bool = False, picky: bool = False
) -> TensorManifest:
    """Write a bundle of the sum and the difference into `directory/<version>`; return its manifest."""
    bundle = directory / version
    bundle.mkdir(parents=True)
    add_sub_model(bundle / MODEL, wrong, picky)
    digest = hashlib.sha256((bundle / MODEL).read_bytes()).hexdigest()
    manifest = TensorManifest(name, version, *ADD_SUB, files={MODEL: digest})
    (bundle / "manifest.json").write_bytes(manifest.to_json())
    return manifest


def _save(path: Path, graph: onnx.GraphProto) -> None:
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
