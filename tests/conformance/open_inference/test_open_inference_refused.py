"""What is refused, and how NVIDIA's clients hear of it."""

from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped] # shipped without types

from tests.conformance.open_inference.clients import Client, Input, texts
from tests.conformance.open_inference.targets import Target
from tests.conformance.open_inference.test_open_inference_infer import row_inputs, vectors

STATUS = {
    "INVALID_REQUEST": ("StatusCode.INVALID_ARGUMENT", "400"),
    "DEPLOYMENT_NOT_FOUND": ("StatusCode.NOT_FOUND", "404"),
    "REQUEST_TOO_LARGE": ("StatusCode.RESOURCE_EXHAUSTED", "413"),
    "DEADLINE_EXCEEDED": ("StatusCode.DEADLINE_EXCEEDED", "504"),
}

WRONG: dict[str, tuple[list[Input], dict[str, Any], str]] = {
    "an entity is missing": (row_inputs(1.0)[1:], {}, "wants the entities card_id"),
    "an unknown input": ([*row_inputs(1.0), ("colour", "INT8", np.ones(1, np.int8))], {}, "knows no feature 'colour'"),
    "rows that disagree": (
        row_inputs(1.0, 2.0, amount=("amount", "FP64", np.ones(3))),
        {},
        "has 3 rows, and others have 2",
    ),
    "no rows": ([("amount", "FP64", np.ones(0))], {}, "no rows"),
    "a matrix in place of a column": (
        row_inputs(1.0, amount=("amount", "FP64", np.ones((1, 2)))),
        {},
        r"must be \[rows\] or \[rows, 1\]",
    ),
    "a text in place of a number": (row_inputs(1.0, amount=("amount", "BYTES", texts("much"))), {}, "must be double"),
    "not UTF-8": (
        row_inputs(1.0, card_id=("card_id", "BYTES", np.array([b"\xff"], np.object_))),
        {},
        "not UTF-8",
    ),
    "NaN": (row_inputs(float("nan")), {}, "must be finite"),
    "a row of several": (row_inputs(1.0, -1.0), {}, "row 1: request feature amount must be at least 0"),
    "a whole input without a unit": ([("features", "FP32", vectors(1.0))], {}, "needs a unit"),
    "a whole input of another width": (
        [("features", "FP32", np.ones((1, 3), np.float32))],
        {"parameters": {"unit": "1"}},
        "takes 4 values of float32, got 3",
    ),
    "a whole input of another type": (
        [("features", "FP64", np.ones((1, 4)))],
        {"parameters": {"unit": "1"}},
        "must be FP32",
    ),
    "a whole input that is not finite": (
        [("features", "FP32", vectors(float("inf")))],
        {"parameters": {"unit": "1"}},
        "finite",
    ),
    "a whole input beside rows": (
        [("features", "FP32", vectors(1.0)), *row_inputs(1.0)],
        {"parameters": {"unit": "1"}},
        "send no others beside it",
    ),
    "a unit that is no number": (
        [("features", "FP32", vectors(1.0))],
        {"parameters": {"unit": "card one"}},
        "is a whole number",
    ),
    "an output that does not exist": (row_inputs(1.0), {"outputs": ["price"]}, "has no output 'price'"),
    "a parameter of another type": (
        row_inputs(1.0),
        {"parameters": {"partial": "yes"}},
        "partial must be true or false",
    ),
    "a request id with spaces": (row_inputs(1.0), {"request_id": "a b"}, "visible ASCII"),
}


def refused(client: Client, code: str, said: str, model: str, inputs: list[Input], **named: Any) -> None:
    with pytest.raises(InferenceServerException, match=said) as caught:
        client.infer(model, inputs, **named)
    assert caught.value.status() == STATUS[code][0 if client.over_grpc else 1]


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_request_is_refused_with_what_is_wrong(client: Client, sluice: Target, what: str) -> None:
    inputs, named, said = WRONG[what]
    refused(client, "INVALID_REQUEST", said, sluice.model, inputs, **named)


def test_an_unknown_model_or_version_is_not_found(client: Client, sluice: Target) -> None:
    refused(client, "DEPLOYMENT_NOT_FOUND", "no deployment 'nobody'", "nobody", row_inputs(1.0))
    refused(client, "DEPLOYMENT_NOT_FOUND", "not '9'", sluice.model, row_inputs(1.0), model_version="9")
    assert client.infer(sluice.model, row_inputs(1.0), ["score"], model_version="2").outputs["score"].tolist() == [1.0]


def test_too_many_rows_are_refused(client: Client, sluice: Target) -> None:
    refused(client, "REQUEST_TOO_LARGE", "at most 256", sluice.model, row_inputs(*[1.0] * 257))
    many = client.infer(sluice.model, row_inputs(*np.arange(256.0)), ["score"])
    assert many.outputs["score"].tolist() == list(range(256))


def test_a_timeout_is_in_microseconds(client: Client, sluice: Target) -> None:
    refused(client, "DEADLINE_EXCEEDED", "deadline", sluice.model, row_inputs(1.0), timeout=1)
    assert client.infer(sluice.model, row_inputs(1.0), timeout=2_000_000).outputs["score"].tolist() == [1.0]
    assert client.infer(sluice.model, row_inputs(1.0), timeout=0).outputs["score"].tolist() == [1.0]


def test_priorities_come_as_triton_s_numbers_or_by_name(client: Client, sluice: Target) -> None:
    for named in ({"priority": 1}, {"priority": 7}, {}):
        assert client.infer(sluice.model, row_inputs(1.0), ["score"], **named).outputs["score"].tolist() == [1.0]
