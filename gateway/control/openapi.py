"""The OpenAPI document of the control process: FastAPI's own routes, and what the contract says of the others."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from protos.sluice.v1.rollouts_pb2 import SignedOrder
from routing.control.desk import Method

Document = dict[str, Any]

_ERRORS = {
    "400": "INVALID_ARGUMENT: this is no order",
    "403": "PERMISSION_DENIED: no such principal, not his role, expired, heeded before, no right signature",
    "404": "NOT_FOUND: no such deployment or rollout",
    "409": "FAILED_PRECONDITION: it cannot be done as things stand; ABORTED: nor now, but perhaps in a moment",
    "413": "INVALID_ARGUMENT: the body is longer than any order",
    "503": "UNAVAILABLE: the control Redis is away",
}
_SUMMARIES = {
    "start": "Begin a rollout",
    "approve": "Let it enter its next step",
    "abort": "Take the candidate out of a rollout that runs",
    "undo": "Bring the former champion back",
    "freeze": "Let nothing go forward, of one deployment or of all",
    "thaw": "Take a freeze, a stop or a kill back",
    "stop_all": "Take every candidate out, and let nothing go forward",
    "kill": "Take one deployment's candidate out, and let no other begin",
    "list": "How every deployment stands, or one of them",
    "watch": "The same, again and again, as JSON lines",
    "history": "What was decided, by whom, when and why",
    "explain": "A rollout's history as a note to read",
    "replay": "Judge a recorded rollout again, as JSON lines",
}
_ERROR: Document = {
    "type": "object",
    "description": "`code` is gRPC's own; `message` says what to do.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}
_NUMBERS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
_WHOLE = {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32}


def document(base: Document, methods: Iterable[Method], prefix: str) -> Document:
    """Complete FastAPI's document with every method's order, answer and errors."""
    whole = deepcopy(base)
    schemas = whole.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = _ERROR
    _add(schemas, SignedOrder.DESCRIPTOR)
    for method in methods:
        _add(schemas, method.answer)
        operation = whole["paths"][prefix + method.deed]["post"]
        operation["summary"] = _SUMMARIES[method.deed]
        operation["requestBody"] = {"required": True, "content": _content("application/json", "SignedOrder")}
        media = "application/x-ndjson" if method.streams else "application/json"
        answered = {"description": "Answered", "content": _content(media, method.answer.name)}
        refused = {
            status: {"description": meaning, "content": _content("application/json", "Error")}
            for status, meaning in _ERRORS.items()
        }
        operation["responses"] = {"200": answered, **refused}
    return whole


def _add(schemas: Document, message: Descriptor) -> None:
    """Add a message's schema, with those of what it holds."""
    if message.name in schemas:
        return
    properties: Document = {}
    schemas[message.name] = {"type": "object", "properties": properties}
    for field in message.fields:
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            values = _type(inner.fields_by_name["value"])
            properties[field.name] = {"type": "object", "additionalProperties": values}
            continue
        if inner is not None:
            _add(schemas, inner)
        one = _type(field)
        properties[field.name] = {"type": "array", "items": one} if field.is_repeated else one


def _type(field: FieldDescriptor) -> Document:
    if field.message_type is not None:
        return {"$ref": f"#/components/schemas/{field.message_type.name}"}
    if field.cpp_type in _NUMBERS:
        return {"type": "number"}
    if field.cpp_type in _WHOLE:
        return {"type": "integer"}
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"type": "boolean"}
    return {"type": "string", "format": "byte"} if field.type == FieldDescriptor.TYPE_BYTES else {"type": "string"}


def _content(media: str, schema: str) -> Document:
    return {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
