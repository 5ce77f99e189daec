"""Inference by NVIDIA's clients: the model's whole input, as any server takes it, and rows, as only Sluice does."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conformance.open_inference.clients import Client, Input, texts
from tests.conformance.open_inference.targets import WIDTH, Target

UNIT = {"unit": "7"}


def vectors(*scores: float) -> NDArray[np.float32]:
    """Return rows of the model's input; the first column is the score."""
    rows = np.zeros((len(scores), WIDTH), np.float32)
    rows[:, 0] = scores
    return rows


def parameters(target: Target) -> dict[str, Any]:
    return {"parameters": UNIT} if target.is_sluice else {}


def row_inputs(*amounts: float, **others: Input) -> list[Input]:
    """Return the inputs of rows, one an amount; the cards are 1, 2, 3…, and their limit comes with the call."""
    count = len(amounts)
    cards = np.arange(1, count + 1)
    inputs = {
        "card_id": ("card_id", "INT64", cards),
        "store_id": ("store_id", "INT64", cards),
        "amount": ("amount", "FP64", np.array(amounts)),
        "customer_present": ("customer_present", "BOOL", np.ones(count, np.bool_)),
        "card_limit": ("card_limit", "FP64", np.ones(count)),
    }
    return list({**inputs, **others}.values())


@pytest.mark.parametrize("scores", [(0.25,), (0.25, -1.5, 3.0)])
def test_a_whole_input_is_scored(client: Client, target: Target, scores: tuple[float, ...]) -> None:
    inputs = [(target.input, "FP32", vectors(*scores))]
    result = client.infer(target.model, inputs, [target.output], request_id="r-1", **parameters(target))
    assert result.outputs[target.output].reshape(-1).tolist() == list(scores)
    assert result.id == "r-1"


def test_rows_are_scored_with_their_stored_features(client: Client, sluice: Target) -> None:
    result = client.infer(sluice.model, row_inputs(0.25, 0.75, 0.5), request_id="r-2")
    assert result.outputs["score"].tolist() == [0.25, 0.75, 0.5]
    assert result.outputs["decision"].tolist() == [b"approve", b"decline", b"decline"] or result.outputs[
        "decision"
    ].tolist() == ["approve", "decline", "decline"]
    assert {str(status, "utf-8") if isinstance(status, bytes) else status for status in result.outputs["status"]} == {
        "OK"
    }
    assert result.id == "r-2"
    assert result.parameters["policy_version"] == "1"
    assert result.parameters["degraded"] is False


def test_one_row_says_who_answered(client: Client, sluice: Target) -> None:
    result = client.infer(sluice.model, row_inputs(0.25), ["score", "arm"])
    arm = result.outputs["arm"].tolist()[0]
    assert result.parameters["arm"] == (arm.decode() if isinstance(arm, bytes) else arm)
    version = {"champion": "1", "canary": "2"}[str(result.parameters["arm"])]
    assert result.version == result.parameters["bundle_version"] == version


def test_both_ways_go_to_the_unit_s_own_arm(client: Client, sluice: Target) -> None:
    """A card meets the same arm whether its id came as an entity, or as the unit of a whole input."""
    cards = np.arange(1, 17)
    by_row = client.infer(
        sluice.model,
        [
            ("card_id", "INT64", cards),
            ("store_id", "INT64", cards),
            ("amount", "FP64", cards / 10),
            ("customer_present", "BOOL", np.ones(16, np.bool_)),
            ("card_limit", "FP64", np.ones(16)),
        ],
        ["arm", "score"],
    )
    units = texts(*[f"{card:03}" for card in cards])
    whole = client.infer(
        sluice.model, [("features", "FP32", vectors(*(cards / 10))), ("unit", "BYTES", units)], ["arm", "score"]
    )
    assert by_row.outputs["arm"].tolist() == whole.outputs["arm"].tolist()
    assert len(set(whole.outputs["arm"].tolist())) == 2, "sixteen cards meet both arms of equal weight"
    assert whole.outputs["score"].tolist() == pytest.approx((cards / 10).tolist())


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_ids_come_as_texts_or_as_whole_numbers(client: Client, sluice: Target, shape: tuple[int, ...]) -> None:
    for name, datatype, values in (
        ("card_id", "BYTES", texts("1", "2")),
        ("card_id", "INT32", np.array([1, 2], np.int32)),
        ("card_id", "UINT8", np.array([1, 2], np.uint8)),
    ):
        result = client.infer(
            sluice.model, row_inputs(0.25, 0.5, card_id=(name, datatype, values.reshape(shape))), ["score"]
        )
        assert result.outputs["score"].tolist() == [0.25, 0.5]


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "INT16", "UINT16", "UINT64"])
def test_numbers_come_in_any_type(client: Client, sluice: Target, datatype: str) -> None:
    kinds = {"F": "float", "I": "int", "U": "uint"}
    dtype = np.dtype(f"{kinds[datatype[0]]}{datatype.lstrip('FPUINT')}")
    result = client.infer(sluice.model, row_inputs(0.0, amount=("amount", datatype, np.array([4], dtype))), ["score"])
    assert result.outputs["score"].tolist() == [4.0]


def test_units_of_a_request_come_as_a_parameter_or_one_a_row(client: Client, sluice: Target) -> None:
    inputs = row_inputs(0.25, 0.5)
    shared = client.infer("quotes", inputs, ["score"], parameters={"unit": "session"})
    own = client.infer("quotes", [*inputs, ("unit", "BYTES", texts("a", "b"))], ["score"])
    assert shared.outputs["score"].tolist() == own.outputs["score"].tolist() == [0.25, 0.5]


def test_only_what_is_asked_for_is_answered_in_that_order(client: Client, sluice: Target) -> None:
    assert list(client.infer(sluice.model, row_inputs(1.0), ["decision", "score"]).outputs) == ["decision", "score"]
    assert list(client.infer(sluice.model, row_inputs(1.0)).outputs) == ["score", "decision", "arm", "status"]


def test_a_row_fails_alone_only_where_that_is_wanted(client: Client, sluice: Target) -> None:
    inputs = row_inputs(0.25, -1.0)  # less than the least amount
    result = client.infer(sluice.model, inputs, ["score", "status"], parameters={"partial": True})
    score, status = result.outputs["score"].tolist(), result.outputs["status"].tolist()
    assert score[0] == 0.25
    assert np.isnan(score[1])
    assert [one.decode() if isinstance(one, bytes) else one for one in status] == ["OK", "INVALID_REQUEST"]


def test_statistics_count_what_was_answered(client: Client, target: Target) -> None:
    def answered() -> int:
        said = client.told("get_inference_statistics", target.model)
        return sum(int(one["inference_stats"]["success"].get("count", 0)) for one in said["model_stats"])

    before = answered()
    client.infer(target.model, [(target.input, "FP32", vectors(1.0, 2.0))], **parameters(target))
    assert answered() > before
