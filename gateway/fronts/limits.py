"""The limits that every front sets before a call reaches the line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrontLimits:
    max_body_bytes: int = 1 << 20
    """The longest protobuf message or JSON body."""

    max_rows: int = 256
    """The most rows of one PredictMany."""

    max_request_id_bytes: int = 128
    """The longest request id; it is echoed in a header."""

    max_unit_bytes: int = 256
    """The longest unit, in UTF-8."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
