"""Owns the way from a booster to ONNX bytes, and the proof that both give the same scores.

One input, one output, one thread, a fixed graph name: the same booster gives the same bytes. A binary booster is
converted as the sum of its trees with a Sigmoid behind it, so that the graph gives one probability a row and neither
labels nor maps.
"""

import os
import re
from dataclasses import asdict, dataclass

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from models.errors import ParityError
from models.matrix import Matrix
from models.train import predict

# The wheels report on models and runs to their maker unless they are told not to before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

INPUT, OUTPUT = "features", "score"
OPSET, ML_OPSET, IR_VERSION = 15, 3, 8  # old enough for every server that we speak to


@dataclass(frozen=True, slots=True)
class Parity:
    """How far apart the two are over the held-out rows."""

    rows: int
    max_difference: float
    p999_difference: float

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


def to_onnx(booster: lightgbm.Booster) -> bytes:
    """The booster as an ONNX model: `features` float32 [N, F] in, `score` float32 [N, 1] out."""
    text = booster.model_to_string()
    binary = re.search(r"(?m)^objective=binary", text) is not None
    trees = lightgbm.Booster(model_str=re.sub(r"(?m)^objective=.*$", "objective=regression", text))
    width = booster.num_feature()
    converted = convert_lightgbm(
        trees, name="sluice", initial_types=[(INPUT, FloatTensorType([None, width]))], target_opset=OPSET, zipmap=False
    )
    ensemble = next(node for node in converted.graph.node if node.op_type == "TreeEnsembleRegressor")
    return _graph(ensemble, width, binary).SerializeToString(deterministic=True)


def _graph(ensemble: onnx.NodeProto, width: int, binary: bool) -> onnx.ModelProto:
    ensemble.name = "trees"
    ensemble.output[0] = "margin" if binary else OUTPUT
    nodes = [ensemble]
    if binary:
        nodes.append(helper.make_node("Sigmoid", ["margin"], [OUTPUT], name="probability"))
    graph = helper.make_graph(
        nodes,
        "sluice",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="sluice")
    onnx.checker.check_model(model)
    return model


def onnx_scores(model: bytes, matrix: Matrix) -> NDArray[np.float64]:
    """The scores of ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (scores,) = session.run([OUTPUT], {INPUT: matrix})
    return np.asarray(scores, dtype=np.float64).reshape(-1)


def check_parity(booster: lightgbm.Booster, model: bytes, matrix: Matrix, tolerance: float) -> Parity:
    """Compare both on every row; raise `ParityError` where any is further apart than the tolerance."""
    difference = np.abs(onnx_scores(model, matrix) - predict(booster, matrix))
    parity = Parity(len(matrix), float(difference.max()), float(np.quantile(difference, 0.999)))
    if not parity.max_difference <= tolerance:
        raise ParityError(f"ONNX and LightGBM differ by {parity.max_difference:.3g}, allowed are {tolerance:.3g}")
    return parity
