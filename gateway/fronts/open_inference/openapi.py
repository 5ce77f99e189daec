"""The protocol's paths as the OpenAPI document has them: what the routes know, and what each of them answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.fronts.open_inference.paths import OF_A_MODEL, OF_THE_SERVER, PREFIX

Document = dict[str, Any]

_REFUSED = "OpenInferenceError"
_SUMMARIES = {
    "server": "Open Inference Protocol: name, version and extensions of the server",
    "live": "Whoever answers lives",
    "ready": "New calls are welcome (400 while draining)",
    "models": "Every deployment, as a model",
    "stats": "What the arms have done since their metrics began",
    "index": "Every version that may answer",
    "metadata": "The tensors of a request that asks for rows",
    "model_ready": "Whether a model takes requests (400 if not)",
    "config": "All tensors, and in `parameters` what callers should know besides",
    "infer": "Predict by tensors: one an entity or request feature, or the model's whole input",
}
_NOT_TRUE = {"live": "ServerLive", "ready": "ServerReady", "model_ready": "ModelReady"}
"""What these answer under 400 as well: the protocol has no other word for no."""


def _object(required: Sequence[str] | None = None, /, **properties: Document) -> Document:
    return {"type": "object", "properties": properties, "required": list(properties if required is None else required)}


def _or_null(schema: Document) -> Document:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(items: Document) -> Document:
    return {"type": "array", "items": items}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT, _WHOLE, _TRUTH, _ANY = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"type": "object"}
_TENSOR = _object(name=_TEXT, datatype=_TEXT, shape=_list(_WHOLE))
_DATA = {"type": "array", "items": {}, "description": "In row-major order; what is no number is null"}
_PARAMETERS = _or_null(
    {"type": "object", "additionalProperties": {"type": ["boolean", "integer", "number", "string", "null"]}}
)
SCHEMAS: dict[str, Document] = {
    "InferInput": _object(
        ("name", "shape", "datatype"),
        name=_TEXT,
        shape=_list({"type": "integer", "minimum": 0, "maximum": 2**63 - 1}),
        datatype=_TEXT,
        parameters=_PARAMETERS,
        data={"description": "Nested as the shape is, or in one list"},
    ),
    "InferWanted": _object(("name",), name=_TEXT, parameters=_PARAMETERS),
    "InferBody": _object(
        ("inputs",),
        inputs=_list(_ref("InferInput")),
        id=_or_null(_TEXT),
        parameters=_PARAMETERS,
        outputs=_or_null(_list(_ref("InferWanted"))),
    ),
    "IndexBody": _object((), repository_name={**_TEXT, "enum": [""]}, ready=_TRUTH),
    "ServerMetadata": _object(name=_TEXT, version=_TEXT, extensions=_list(_TEXT)),
    "ServerLive": _object(live=_TRUTH),
    "ServerReady": _object(ready=_TRUTH),
    "ModelNames": _object(models=_list(_TEXT)),
    "ModelStatistics": _object(model_stats=_list(_ANY)),
    "ModelVersion": _object(name=_TEXT, version=_TEXT, state=_TEXT, reason=_TEXT),
    "ModelMetadata": _object(
        name=_TEXT, versions=_list(_TEXT), platform=_TEXT, inputs=_list(_TENSOR), outputs=_list(_TENSOR)
    ),
    "ModelReady": _object(name=_TEXT, ready=_TRUTH),
    "ModelConfig": _object(
        ("name", "input", "output", "parameters"),
        name=_TEXT,
        platform=_TEXT,
        backend=_TEXT,
        max_batch_size=_WHOLE,
        input=_list(_ANY),
        output=_list(_ANY),
        parameters=_ANY,
    ),
    "InferOutput": _object(
        ("name", "datatype", "shape"), name=_TEXT, datatype=_TEXT, shape=_list(_WHOLE), parameters=_ANY, data=_DATA
    ),
    "InferAnswer": _object(
        ("model_name", "id", "parameters", "outputs"),
        model_name=_TEXT,
        model_version=_TEXT,
        id=_TEXT,
        parameters=_ANY,
        outputs=_list(_ref("InferOutput")),
    ),
    _REFUSED: _object(error=_TEXT, code=_TEXT, request_id=_TEXT),
}
_ANSWERS: dict[str, Document] = {
    "server": _ref("ServerMetadata"),
    "live": _ref("ServerLive"),
    "ready": _ref("ServerReady"),
    "models": _ref("ModelNames"),
    "stats": _ref("ModelStatistics"),
    "index": _list(_ref("ModelVersion")),
    "metadata": _ref("ModelMetadata"),
    "model_ready": _ref("ModelReady"),
    "config": _ref("ModelConfig"),
    "infer": _ref("InferAnswer"),
}


def paths(errors: Mapping[str, str], headers: Sequence[Document]) -> Document:
    """Return every path. `errors` are an inference's, by status, and `headers` the parameters that it reads of them."""
    model = _part("model", "The deployment: fraud, for example")
    version = _part("version", "One that may answer; it does not choose the arm")
    found: Document = {}
    for parts, (method, verb) in OF_THE_SERVER.items():
        found["/".join((PREFIX, *parts))] = _path(method, verb, [], errors, headers)
    for parts, (method, verb) in OF_A_MODEL.items():
        for within, named in (((), [model]), (("versions", "{version}"), [model, version])):
            path = "/".join((PREFIX, "models", "{model}", *within, *parts))
            found[path] = _path(method, verb, named, errors, headers)
    return found


def _path(
    method: str, verb: str, named: list[Document], errors: Mapping[str, str], headers: Sequence[Document]
) -> Document:
    told = {status: meaning for status, meaning in errors.items() if status in ("400", "404", "405")}
    operation: Document = {
        "tags": ["open inference"],
        "operationId": f"v2_{verb}" + "".join(f"_{one['name']}" for one in named),
        "summary": _SUMMARIES[verb],
        "parameters": [*named, *(headers if verb == "infer" else ())],
        "responses": {
            "200": {"description": "Answered", "content": _json(_ANSWERS[verb])},
            **{
                status: {"description": meaning, "content": _json(_ref(_REFUSED))}
                for status, meaning in (errors if method == "POST" else told).items()
            },
        },
    }
    if verb in _NOT_TRUE:
        either = {"anyOf": [_ref(_NOT_TRUE[verb]), _ref(_REFUSED)]}
        operation["responses"]["400"] = {"description": "No, or INVALID_REQUEST", "content": _json(either)}
    if method == "POST":
        body = "InferBody" if verb == "infer" else "IndexBody"
        operation["requestBody"] = {"required": verb == "infer", "content": _json(_ref(body))}
    if verb == "infer":
        binary = {"schema": {"type": "string", "format": "binary"}}
        operation["responses"]["200"]["content"]["application/octet-stream"] = binary
    return {method.lower(): operation}


def _part(name: str, about: str) -> Document:
    return {"name": name, "in": "path", "required": True, "description": about, "schema": _TEXT}


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}
