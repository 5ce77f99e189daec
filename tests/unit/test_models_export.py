"""The export: one input, one output, the same bytes again, the same scores as LightGBM."""

from dataclasses import replace

import lightgbm
import numpy as np
import onnx
import pytest

from models.bundle import golden_rows
from models.deployment import Training
from models.errors import ParityError
from models.export import check_parity, onnx_scores, to_onnx
from models.train import fit_matrix, predict

BINARY = Training((), "binary", 30, {"num_leaves": 15}, {"1": {"seed": 7}}, ("a", "b"), 1e-5, {})
PRICE = replace(BINARY, objective="regression")
RANDOM = np.random.default_rng(1)
MATRIX = RANDOM.normal(size=(500, 2)).astype(np.float32)
OUTCOME = MATRIX[:, 0] * 3.0 + MATRIX[:, 1]


def booster(training: Training) -> lightgbm.Booster:
    label = (OUTCOME > 0.5).astype(np.float64) if training is BINARY else OUTCOME.astype(np.float64)
    return fit_matrix(MATRIX, label, training, "1")


@pytest.mark.parametrize("training", [BINARY, PRICE], ids=["binary", "price"])
def test_scores_are_those_of_lightgbm(training: Training) -> None:
    fitted = booster(training)
    parity = check_parity(fitted, to_onnx(fitted), MATRIX, 1e-5)
    assert parity.rows == len(MATRIX)
    assert parity.p999_difference <= parity.max_difference <= 1e-5


@pytest.mark.parametrize("training", [BINARY, PRICE], ids=["binary", "price"])
def test_the_graph_has_one_input_and_one_output_and_no_labels(training: Training) -> None:
    graph = onnx.load_from_string(to_onnx(booster(training))).graph
    assert (graph.name, [value.name for value in graph.input]) == ("sluice", ["features"])
    assert [value.name for value in graph.output] == ["score"]
    assert {node.op_type for node in graph.node} <= {"TreeEnsembleRegressor", "Sigmoid"}


def test_the_same_booster_gives_the_same_bytes() -> None:
    assert to_onnx(booster(BINARY)) == to_onnx(booster(BINARY))


def test_probabilities_stay_between_zero_and_one() -> None:
    scores = onnx_scores(to_onnx(booster(BINARY)), (MATRIX * 1e6).astype(np.float32))
    assert ((scores >= 0.0) & (scores <= 1.0)).all()


def test_another_models_bytes_are_refused() -> None:
    with pytest.raises(ParityError, match="differ by"):
        check_parity(booster(BINARY), to_onnx(booster(PRICE)), MATRIX, 1e-5)


def test_golden_rows_span_the_scores_and_are_lightgbms() -> None:
    fitted = booster(BINARY)
    golden = golden_rows(fitted, to_onnx(fitted), MATRIX, 1e-5)
    rows, scores = np.array(golden["rows"], dtype=np.float32), np.array(golden["scores"])
    everywhere = predict(fitted, MATRIX)
    assert rows.shape == (32, 2)
    assert np.abs(scores - predict(fitted, rows)).max() <= golden["tolerance"]
    assert (scores[0], scores[-1]) == pytest.approx((everywhere.min(), everywhere.max()), abs=1e-5)


def test_golden_rows_of_another_model_are_refused() -> None:
    with pytest.raises(ParityError, match="golden rows differ"):
        golden_rows(booster(BINARY), to_onnx(booster(PRICE)), MATRIX, 1e-5)
