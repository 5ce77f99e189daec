"""ONNX models that misbehave in native code when a row tells them to. Needs the `onnx` package.

Each scores a row by its first feature, as the models of `bundles` do; mostly it is the second that tells them. The
`sums` take and give the tensors of `tensor_bundles`, and it is the greatest number of the second input that tells them.
"""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import NodeProto, TensorProto, helper

from models.tensor_manifest import TensorSpec

# Enough rounds for the loop to outlive any test.
FOR_EVER = 1e12
LONG_ANSWERS = ((TensorSpec("SIZE", "INT64", (1,)),), (TensorSpec("FILLED", "FP32", (-1,)),))


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
    labour, constants = _labour(rounds)
    nodes = [
        helper.make_node("ReduceMax", ["second"], ["most"], keepdims=1),
        *labour,
        helper.make_node("Reshape", ["nothing", "flat"], ["flat_nothing"]),
        helper.make_node("Add", ["first", "flat_nothing"], ["score"]),
    ]
    _write(path, width, nodes, [*constants, helper.make_tensor("flat", TensorProto.INT64, [1], [1])])


def write_laborious_sums(path: Path, rounds: int) -> None:
    """The same for sums, whatever the inputs."""
    labour, constants = _labour(rounds)
    _write_sums(path, labour, constants)


def write_hungry_sums(path: Path) -> None:
    """Write sums that fill four gigabytes of memory for every one that the second input's greatest number counts."""
    nodes = [
        helper.make_node("Cast", ["most"], ["count"], to=TensorProto.INT64),
        helper.make_node("Mul", ["count", "gigabyte"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["filled"]),
        helper.make_node("ReduceSum", ["filled"], ["nothing"], keepdims=1),
    ]
    _write_sums(path, nodes, [helper.make_tensor("gigabyte", TensorProto.INT64, [1], [1 << 30])])


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


def write_long_answers(path: Path) -> None:
    """Write a model that answers a number with as many zeros, of four bytes each."""
    ((given,), (back,)) = LONG_ANSWERS
    inputs = [helper.make_tensor_value_info(given.name, TensorProto.INT64, [1])]
    outputs = [helper.make_tensor_value_info(back.name, TensorProto.FLOAT, [None])]
    node = helper.make_node("ConstantOfShape", [given.name], [back.name])
    _save(path, helper.make_graph([node], "hostile", inputs, outputs))


def _labour(rounds: int) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return the way from `most` to `nothing`, which is 0, by so many products of matrices; and its constants."""
    square = helper.make_tensor("square", TensorProto.FLOAT, [64, 64], [1.0 / 64] * (64 * 64))
    column = helper.make_tensor("column", TensorProto.FLOAT, [1, 64], [1.0] * 64)
    nodes = [
        helper.make_node("Mul", ["most", "column"], ["row_0"]),
        *(helper.make_node("MatMul", [f"row_{at}", "square"], [f"row_{at + 1}"]) for at in range(rounds)),
        helper.make_node("ReduceSum", [f"row_{rounds}"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
    ]
    return nodes, [square, column, helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])]


def _write_sums(path: Path, nodes: Sequence[NodeProto], constants: Sequence[TensorProto]) -> None:
    """Write a model in which `nodes` lead from `most` to `nothing`, which is 0, both float32 of one element."""
    inputs, outputs = (
        [helper.make_tensor_value_info(f"{name}{at}", TensorProto.INT32, [None, 16]) for at in (0, 1)]
        for name in ("INPUT", "OUTPUT")
    )
    around = [
        helper.make_node("Cast", ["INPUT1"], ["second"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["second"], ["greatest"], keepdims=1),
        helper.make_node("Reshape", ["greatest", "alone"], ["most"]),
        *nodes,
        helper.make_node("Reshape", ["nothing", "alone"], ["zero_sum"]),
        helper.make_node("Cast", ["zero_sum"], ["whole_zero"], to=TensorProto.INT32),
        helper.make_node("Add", ["INPUT0", "INPUT1"], ["whole_sum"]),
        helper.make_node("Add", ["whole_sum", "whole_zero"], ["OUTPUT0"]),
        helper.make_node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"]),
    ]
    alone = helper.make_tensor("alone", TensorProto.INT64, [1], [1])
    _save(path, helper.make_graph(around, "hostile", inputs, outputs, [*constants, alone]))


def _write(path: Path, width: int, nodes: Sequence[NodeProto], constants: Sequence[TensorProto]) -> None:
    places = [helper.make_tensor(name, TensorProto.INT64, [], [at]) for at, name in enumerate(("at_0", "at_1"))]
    columns = [
        helper.make_node("Gather", ["features", "at_0"], ["first"], axis=1),
        helper.make_node("Gather", ["features", "at_1"], ["second"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])]
    outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None])]
    _save(path, helper.make_graph([*columns, *nodes], "hostile", inputs, outputs, [*places, *constants]))


def _save(path: Path, graph: onnx.GraphProto) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
