"""The OpenAPI document: FastAPI's own routes, and the hot ones described from their msgspec structs."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec

from gateway.description import Description
from gateway.fronts.json_wire import ErrorAnswer, PredictAnswer, PredictBody, PredictManyAnswer, PredictManyBody

Document = dict[str, Any]

_ERRORS = {
    "400": "INVALID_REQUEST: mend the request, do not repeat it",
    "404": "DEPLOYMENT_NOT_FOUND",
    "405": "METHOD_NOT_ALLOWED",
    "413": "REQUEST_TOO_LARGE: the body or the number of rows is over the limit",
    "415": "UNSUPPORTED_MEDIA_TYPE: send application/json",
    "429": "OVERLOADED: refused before work began, try again later",
    "500": "PREDICTION_FAILED or INTERNAL",
    "503": "FEATURES_UNAVAILABLE or BACKEND_UNAVAILABLE",
    "504": "DEADLINE_EXCEEDED",
}
_HEADERS = {
    "sluice-timeout-ms": "How long the caller waits, in whole milliseconds",
    "sluice-priority": "critical, default or sheddable",
    "sluice-unit": "The unit, where the deployment wants it from the caller and the body does not carry it",
    "x-request-id": "The request id, when the body does not carry it; echoed in the answer",
    "traceparent": "W3C trace context",
}


def document(base: Document, answers: Mapping[str, type]) -> Document:
    """Complete FastAPI's document with the hot routes and with the shapes of `answers`, by operation's answer."""
    whole = deepcopy(base)
    types = [PredictBody, PredictAnswer, PredictManyBody, PredictManyAnswer, ErrorAnswer, *answers.values()]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    whole.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    paths = whole["paths"]
    _answer(paths["/v1/deployments"], "DeploymentNames")
    _answer(paths["/v1/deployments/{deployment}"], Description.__name__)
    paths["/v1/deployments/{deployment}:predict"] = _hot("predict", "Predict one row", "PredictBody", "PredictAnswer")
    paths["/v1/deployments/{deployment}:predictMany"] = _hot(
        "predictMany", "Predict up to 256 rows; a bad row fails alone", "PredictManyBody", "PredictManyAnswer"
    )
    return whole


def _hot(operation: str, summary: str, body: str, answer: str) -> Document:
    responses = {"200": {"description": "Answered", "content": _content(answer)}}
    for status, meaning in _ERRORS.items():
        responses[status] = {"description": meaning, "content": _content("ErrorAnswer")}
    return {
        "post": {
            "tags": ["predictions"],
            "operationId": operation,
            "summary": summary,
            "parameters": [_parameter("deployment", "path", "fraud, for example"), *_header_parameters(operation)],
            "requestBody": {"required": True, "content": _content(body)},
            "responses": responses,
        }
    }


def _header_parameters(operation: str) -> list[Document]:
    # With many rows each row has its own unit.
    return [
        _parameter(name, "header", about)
        for name, about in _HEADERS.items()
        if not (operation == "predictMany" and name == "sluice-unit")
    ]


def _parameter(name: str, place: str, about: str) -> Document:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": about,
        "schema": {"type": "string"},
    }


def _answer(path: Document, schema: str) -> None:
    path["get"]["responses"]["200"]["content"] = _content(schema)


def _content(schema: str) -> Document:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
