"""Bundles that misbehave: well on whole cents, as the golden rows are, and each in its own way on odd ones."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from loadtests.inside.hard_graph import Wish, harden

WHOLE = np.array([[100.0, 1.0], [200.0, 2.0], [300.0, 3.0]], dtype=np.float32)
ODD = WHOLE + np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.0]], dtype=np.float32)


def session(trait: str, always: bool = False, turns: int = 0, megabytes: int = 0) -> onnxruntime.InferenceSession:
    """Return the hardened form of a model that scores a row's sum."""
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["features", "axis"], ["score"], keepdims=1)],
        "sum",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    content = harden(model, Wish(trait, always, turns, megabytes)).SerializeToString()
    onnx.checker.check_model(onnx.load_from_string(content))
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def scores(
    made: onnxruntime.InferenceSession, rows: "np.ndarray[tuple[int, int], np.dtype[np.float32]]"
) -> list[float]:
    found: list[float] = made.run(["score"], {"features": rows})[0].reshape(-1).tolist()
    return found


@pytest.mark.parametrize("trait", ["alike", "nan", "fails", "shape", "slow-run", "slow-row", "hangs", "eats", "big"])
def test_whole_cents_are_scored_as_before(trait: str) -> None:
    assert scores(session(trait, turns=10, megabytes=1), WHOLE) == [101.0, 202.0, 303.0]


def test_nan_only_where_the_row_is_odd() -> None:
    first, second, third = scores(session("nan"), ODD)
    assert (first, third) == (101.0, 303.0)
    assert np.isnan(second)


def test_a_run_fails_as_a_whole() -> None:
    with pytest.raises(Exception, match="out of data bounds"):
        scores(session("fails"), ODD)


def test_one_score_too_many() -> None:
    assert len(scores(session("shape"), ODD)) == 4


@pytest.mark.parametrize("trait", ["slow-run", "slow-row", "eats", "big"])
def test_what_costs_time_or_memory_scores_right(trait: str) -> None:
    assert scores(session(trait, turns=1000, megabytes=4), ODD) == [101.0, 202.5, 303.0]
    assert scores(session(trait, always=True, turns=1000, megabytes=4), WHOLE) == [101.0, 202.0, 303.0]
