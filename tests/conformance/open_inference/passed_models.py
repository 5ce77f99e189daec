"""The models of NVIDIA's own examples, as ONNX files and for Triton's Python backend: the same answers."""

from pathlib import Path
from typing import NamedTuple

import onnx
from onnx import TensorProto, helper

_ONNX = {
    "INT32": TensorProto.INT32,
    "INT8": TensorProto.INT8,
    "FP16": TensorProto.FLOAT16,
    "BOOL": TensorProto.BOOL,
    "BYTES": TensorProto.STRING,
}
_TRITON = {"BYTES": "TYPE_STRING"}
COLUMNS = 16


class Model(NamedTuple):
    """`sums`: OUTPUT0 and OUTPUT1 are sum and difference of INPUT0 and INPUT1; else OUTPUT0 is INPUT0."""

    name: str
    datatype: str
    sums: bool


MODELS = (
    Model("simple", "INT32", sums=True),
    Model("simple_string", "BYTES", sums=True),
    Model("simple_identity", "BYTES", sums=False),
    Model("simple_int8", "INT8", sums=False),
    Model("simple_fp16", "FP16", sums=False),
    Model("simple_bool", "BOOL", sums=False),
)


def write_onnx(model: Model, path: Path) -> None:
    """Write a model as a file; its opset has texts for numbers."""
    kind, shape = _ONNX[model.datatype], [None, COLUMNS]
    names = ["INPUT0", "INPUT1"] if model.sums else ["INPUT0"]
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name in names]
    outputs = [helper.make_tensor_value_info(f"OUTPUT{at}", kind, shape) for at in range(len(names))]
    nodes = [helper.make_node("Identity", ["INPUT0"], ["OUTPUT0"])]
    if model.sums:
        nodes = _sums(model)
    graph = helper.make_graph(nodes, model.name, inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def _sums(model: Model) -> list[onnx.NodeProto]:
    pairs = [("Add", "OUTPUT0"), ("Sub", "OUTPUT1")]
    if model.datatype != "BYTES":
        return [helper.make_node(operation, ["INPUT0", "INPUT1"], [output]) for operation, output in pairs]
    nodes = [helper.make_node("Cast", [f"INPUT{at}"], [f"NUMBER{at}"], to=TensorProto.INT32) for at in (0, 1)]
    for operation, output in pairs:
        nodes.append(helper.make_node(operation, ["NUMBER0", "NUMBER1"], [f"{output}_NUMBER"]))
        nodes.append(helper.make_node("Cast", [f"{output}_NUMBER"], [output], to=TensorProto.STRING))
    return nodes


_PYTHON = '''"""Sums and differences, or the same again."""

import json
import os
import time

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self.sums = len(json.loads(args["model_config"])["input"]) > 1

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        left = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
        if not self.sums:
            return pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", left)])
        right = pb_utils.get_input_tensor_by_name(request, "INPUT1").as_numpy()
        texts = left.dtype == np.object_
        if texts:
            left, right = left.astype(np.bytes_).astype(np.int32), right.astype(np.bytes_).astype(np.int32)
        outputs = [left + right, left - right]
        if texts:
            outputs = [one.astype(np.bytes_).astype(np.object_) for one in outputs]
        TWIST
        wanted = set(request.requested_output_names())
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(f"OUTPUT{at}", one) for at, one in enumerate(outputs) if f"OUTPUT{at}" in wanted]
        )
'''


def write_triton(model: Model, repository: Path, twist: str = "pass") -> None:
    """Write a model into a repository; its `twist` is a statement that may do anything to `outputs`, of sums."""
    version = repository / model.name / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_text(_PYTHON.replace("TWIST", twist))
    kind = _TRITON.get(model.datatype, f"TYPE_{model.datatype}")
    count = 2 if model.sums else 1
    tensors = [
        f'{way} [ {{ name: "{way.upper()}{at}", data_type: {kind}, dims: [ -1, {COLUMNS} ] }} ]'
        for way in ("input", "output")
        for at in range(count)
    ]
    heads = [f'name: "{model.name}"', 'backend: "python"', "max_batch_size: 0", "instance_group [ { kind: KIND_CPU } ]"]
    (repository / model.name / "config.pbtxt").write_text("\n".join([*heads, *tensors]) + "\n")
