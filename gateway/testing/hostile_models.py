"""ONNX models that misbehave in native code when a row tells them to. Needs the `onnx` package.

Each scores a row by its first feature, as the models of `bundles` do; mostly it is the second that tells them.
"""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import NodeProto, TensorProto, helper

# Enough rounds for the loop to outlive any test.
FOR_EVER = 1e12


def write_looping_model(path: Path, width: int) -> None:
    """Write a model that goes round a loop as often as the greatest second feature says."""
    state: list[tuple[str, int, list[int] | None]] = [("cond", TensorProto.BOOL, []), ("x", TensorProto.FLOAT, None)]
    inputs = [helper.make_tensor_value_info("i", TensorProto.INT64, [])]
    inputs += [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in state]
    outputs = [helper.make_tensor_value_info(f"{name}_out", kind, shape) for name, kind, shape in state]
    same = [helper.make_node("Identity", [name], [f"{name}_out"]) for name, _, _ in state]
    body = helper.make_graph(same, "body", inputs, outputs)
    nodes = [
        helper.make_node("ReduceMax", ["second"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["rounds"], to=TensorProto.INT64),
        helper.make_node("Loop", ["rounds", "yes", "first"], ["score"], body=body),
    ]
    _write(path, width, nodes, [helper.make_tensor("yes", TensorProto.BOOL, [], [True])])


def write_laborious_model(path: Path, width: int, rounds: int) -> None:
    """Write a model that multiplies a matrix of 64 by 64 by itself so many times for every run, whatever the rows."""
    square = helper.make_tensor("square", TensorProto.FLOAT, [64, 64], [1.0 / 64] * (64 * 64))
    column = helper.make_tensor("column", TensorProto.FLOAT, [1, 64], [1.0] * 64)
    nodes = [helper.make_node("ReduceMax", ["second"], ["most"], keepdims=1)]
    nodes += [helper.make_node("Mul", ["most", "column"], ["row_0"])]
    nodes += [helper.make_node("MatMul", [f"row_{at}", "square"], [f"row_{at + 1}"]) for at in range(rounds)]
    nodes += [
        helper.make_node("ReduceSum", [f"row_{rounds}"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Reshape", ["nothing", "flat"], ["flat_nothing"]),
        helper.make_node("Add", ["first", "flat_nothing"], ["score"]),
    ]
    flat = helper.make_tensor("flat", TensorProto.INT64, [1], [1])
    _write(path, width, nodes, [square, column, flat, helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])])


def write_hungry_model(path: Path, width: int) -> None:
    """Write a model that fills four bytes of memory for every one that the greatest second feature counts."""
    nodes = [
        helper.make_node("ReduceMax", ["second"], ["most"], keepdims=1),
        helper.make_node("Cast", ["most"], ["size"], to=TensorProto.INT64),
        helper.make_node("ConstantOfShape", ["size"], ["filled"]),
        helper.make_node("ReduceSum", ["filled"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Add", ["first", "nothing"], ["score"]),
    ]
    _write(path, width, nodes, [helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])])


def write_refusing_model(path: Path, width: int) -> None:
    """Write a model that fails where the last feature of any row is above 0."""
    nodes = [
        helper.make_node("Gather", ["features", "at_last"], ["last"], axis=1),
        helper.make_node("ReduceMax", ["last"], ["most"], keepdims=0),
        helper.make_node("Ceil", ["most"], ["above"]),
        helper.make_node("Cast", ["above"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["only", "place"], ["nothing"], axis=0),
        helper.make_node("Add", ["first", "nothing"], ["score"]),
    ]
    last = helper.make_tensor("at_last", TensorProto.INT64, [], [width - 1])
    _write(path, width, nodes, [last, helper.make_tensor("only", TensorProto.FLOAT, [1], [0.0])])


def _write(path: Path, width: int, nodes: Sequence[NodeProto], constants: Sequence[TensorProto]) -> None:
    places = [helper.make_tensor(name, TensorProto.INT64, [], [at]) for at, name in enumerate(("at_0", "at_1"))]
    columns = [
        helper.make_node("Gather", ["features", "at_0"], ["first"], axis=1),
        helper.make_node("Gather", ["features", "at_1"], ["second"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])]
    outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None])]
    graph = helper.make_graph([*columns, *nodes], "hostile", inputs, outputs, [*places, *constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
