"""The OpenAPI document: FastAPI's own routes, and the hot ones described from their msgspec structs."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec

from gateway.call import Priority
from gateway.description import Description
from gateway.fronts.json_wire import (
    ErrorAnswer,
    FetchAnswer,
    PredictAnswer,
    PredictBody,
    PredictManyAnswer,
    PredictManyBody,
    SubmitAnswer,
    SubmitBody,
)
from gateway.fronts.limits import FrontLimits
from gateway.fronts.open_inference import openapi as open_inference

Document = dict[str, Any]

_ERRORS = {
    "400": "INVALID_REQUEST: mend the request, do not repeat it",
    "404": "DEPLOYMENT_NOT_FOUND",
    "405": "METHOD_NOT_ALLOWED",
    "413": "REQUEST_TOO_LARGE: the body or the number of rows is over the limit",
    "415": "UNSUPPORTED_MEDIA_TYPE: send application/json",
    "422": "FEATURES_MISSING: a feature that takes no default was never stored for this entity",
    "429": "OVERLOADED: refused before work began, try again later",
    "500": "PREDICTION_FAILED or INTERNAL",
    "503": "FEATURES_UNAVAILABLE, ANSWERS_UNAVAILABLE, BACKEND_UNAVAILABLE or QUEUE_UNAVAILABLE",
    "504": "DEADLINE_EXCEEDED",
}
_LIMITS = FrontLimits()
_REQUEST_ID = {"type": "string", "pattern": f"^[!-~]{{0,{_LIMITS.max_request_id_bytes}}}$"}
_UNIT = {"type": "string", "maxLength": _LIMITS.max_unit_bytes // 4}  # of characters that may take four bytes each
_HEADERS: dict[str, tuple[str, Document]] = {
    "sluice-timeout-ms": (
        "How long the caller waits, in whole milliseconds",
        {"type": "string", "pattern": "^[0-9]{1,10}$"},
    ),
    "sluice-priority": (
        "Who is refused first under overload",
        {"type": "string", "enum": [priority.value for priority in Priority]},
    ),
    "sluice-unit": ("The unit, where the deployment wants it from the caller and the body does not carry it", _UNIT),
    "x-request-id": ("The request id, when the body does not carry it; echoed in the answer", _REQUEST_ID),
    "traceparent": ("W3C trace context", {"type": "string"}),
}


def document(base: Document, answers: Mapping[str, type]) -> Document:
    """Complete FastAPI's document with the hot routes, `/v2`, and the shapes of `answers`, by operation's answer."""
    whole = deepcopy(base)
    hot = [PredictBody, PredictAnswer, PredictManyBody, PredictManyAnswer, SubmitBody, SubmitAnswer]
    types = [*hot, FetchAnswer, ErrorAnswer, *answers.values()]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    whole.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    paths = whole["paths"]
    _answer(paths["/v1/deployments"], "DeploymentNames")
    _answer(paths["/v1/deployments/{deployment}"], Description.__name__)
    paths["/v1/deployments/{deployment}"]["get"]["responses"] = {
        "200": paths["/v1/deployments/{deployment}"]["get"]["responses"]["200"],
        "404": {"description": _ERRORS["404"], "content": _content("ErrorAnswer")},
    }
    _results(paths["/v1/results/{result_id}"]["get"])
    paths["/readyz"]["get"]["responses"]["503"] = {"description": "Draining"}
    _bound(schemas)
    paths["/v1/deployments/{deployment}:predict"] = _hot("predict", "Predict one row", "PredictBody", "PredictAnswer")
    paths["/v1/deployments/{deployment}:predictMany"] = _hot(
        "predictMany", "Predict up to 256 rows; a bad row fails alone", "PredictManyBody", "PredictManyAnswer"
    )
    paths["/v1/deployments/{deployment}:submit"] = _hot(
        "submit", "Queue one row, to be answered a little later", "SubmitBody", "SubmitAnswer"
    )
    paths |= open_inference.paths(_ERRORS, _header_parameters("infer"))
    whole["components"]["schemas"] |= open_inference.SCHEMAS
    return whole


def _results(operation: Document) -> None:
    """Describe fetching: what is not there yet is a state, and no error."""
    wait = {"type": "string", "pattern": "^[0-9]{1,6}$"}
    operation["parameters"] = [
        _parameter("result_id", "path", "What Submit has answered", {"type": "string"}),
        _parameter("wait_ms", "query", "How long to wait for it, in whole milliseconds, at most 10000", wait),
    ]
    answers = {
        "200": ("What became of it: pending, answered or failed", "FetchAnswer"),
        "400": ("INVALID_REQUEST: wait_ms is no whole number", "ErrorAnswer"),
        "404": ("RESULT_NOT_FOUND: there was never one, or it is not kept any more", "ErrorAnswer"),
        "503": ("QUEUE_UNAVAILABLE", "ErrorAnswer"),
    }
    operation["responses"] = {
        status: {"description": meaning, "content": _content(schema)} for status, (meaning, schema) in answers.items()
    }


def _bound(schemas: Mapping[str, Document]) -> None:
    """Say of the hot routes' bodies what their fronts check themselves."""
    for name in ("PredictBody", "PredictManyBody", "SubmitBody"):
        schemas[name]["properties"]["request_id"] |= _REQUEST_ID
    for name in ("PredictBody", "RowBody", "SubmitBody"):
        schemas[name]["properties"]["unit"] |= _UNIT
    schemas["PredictManyBody"]["properties"]["rows"] |= {"minItems": 1, "maxItems": _LIMITS.max_rows}


def _hot(operation: str, summary: str, body: str, answer: str) -> Document:
    responses = {"200": {"description": "Answered", "content": _content(answer)}}
    for status, meaning in _ERRORS.items():
        responses[status] = {"description": meaning, "content": _content("ErrorAnswer")}
    return {
        "post": {
            "tags": ["predictions"],
            "operationId": operation,
            "summary": summary,
            "parameters": [
                _parameter("deployment", "path", "fraud, for example", {"type": "string"}),
                *_header_parameters(operation),
            ],
            "requestBody": {"required": True, "content": _content(body)},
            "responses": responses,
        }
    }


def _header_parameters(operation: str) -> list[Document]:
    # With many rows each row has its own unit.
    return [
        _parameter(name, "header", about, schema)
        for name, (about, schema) in _HEADERS.items()
        if not (operation == "predictMany" and name == "sluice-unit")
    ]


def _parameter(name: str, place: str, about: str, schema: Document) -> Document:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": about,
        "schema": schema,
    }


def _answer(path: Document, schema: str) -> None:
    path["get"]["responses"]["200"]["content"] = _content(schema)


def _content(schema: str) -> Document:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
