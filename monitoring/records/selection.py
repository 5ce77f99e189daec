"""Which records somebody wants to see. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from monitoring.records.record import BlockRows

_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Selection:
    """What a record must be; an empty text asks for nothing. `since` is in unix nanoseconds."""

    deployment: str = ""
    arm: str = ""
    """The arm that was to answer, or the one that did."""
    decision: str = ""
    code: str = ""
    request_id: str = ""
    """A call's, or a PredictMany's with all its rows (`ID/0`, `ID/1`, ...)."""
    since: int = 0

    def rows(self, found: BlockRows) -> list[int]:
        """Return which rows of a block are wanted."""
        block, shape = found.block, found.shape
        if self.deployment not in ("", shape.deployment) or self.arm not in ("", shape.arm, block.assigned):
            return []
        if block.written < self.since:
            return []
        rows = range(len(block.ids))
        return [row for row in rows if self._wants(found, row)]

    def _wants(self, found: BlockRows, row: int) -> bool:
        wanted, name = self.request_id, found.block.ids[row]
        return (
            (not wanted or name == wanted or name.startswith(f"{wanted}/"))
            and self.decision in ("", found.block.decisions[row])
            and self.code in ("", found.code(row))
        )


def read_since(text: str, now: float) -> int:
    """Return unix nanoseconds: of an age (`90s`, `15m`, `2h`, `7d`) or of a moment (ISO 8601, UTC unless it says).

    Raises `ValueError` that says so.
    """
    age = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if age:
        return round((now - float(age[1]) * _AGES[age[2]]) * 1e9)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is no time: give an age like 15m or 2h, or a moment like 2026-01-31T12:00") from exc
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)
