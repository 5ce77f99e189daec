"""How a parameter stands in the Open Inference Protocol's `InferParameter`, whichever message carries it."""

from typing import Any

from gateway.tensor_request import Parameter

_FIELDS = {bool: "bool_param", int: "int64_param", float: "double_param", str: "string_param"}


def put(message: Any, value: Parameter) -> None:
    """Set an `InferParameter` to a value."""
    setattr(message, _FIELDS[type(value)], value)


def get(message: Any) -> Parameter | None:
    """Return the value, None where there is none."""
    kind = message.WhichOneof("parameter_choice")
    return None if kind is None else getattr(message, kind)
