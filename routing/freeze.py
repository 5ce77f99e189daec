"""Hours of the week in which no rollout goes forward, as a deployment declares them; what goes back always may."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class FreezeWindow:
    """From a minute of the day up to, not including, another one, on some days of the week: all in UTC."""

    days: frozenset[str]
    begin: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.begin < self.end <= _WHOLE_DAY:
            raise ValueError(
                f"freeze: from {_clock(self.begin)} to {_clock(self.end)} is no time of one day: "
                "across midnight it takes two entries"
            )

    def holds(self, now: float) -> bool:
        """Whether it holds at `now`, in unix seconds."""
        moment = datetime.fromtimestamp(now, UTC)
        return DAYS[moment.weekday()] in self.days and self.begin <= moment.hour * 60 + moment.minute < self.end


def frozen_by(windows: Iterable[FreezeWindow], now: float) -> str:
    """Return why nothing goes forward at `now`, in unix seconds; empty: no window holds."""
    for window in windows:
        if window.holds(now):
            return f"frozen from {_clock(window.begin)} to {_clock(window.end)} UTC, as deployment.yaml says"
    return ""


def read_window(entry: Mapping[str, Any]) -> FreezeWindow:
    """Read one entry of `rollout: freeze`. Raises `ValueError`."""
    unknown = sorted(set(entry) - {"days", "from", "to"})
    if unknown:
        raise ValueError(f"rollout: freeze: {unknown[0]!r} is unknown; known are days, from and to")
    days = [str(day) for day in entry.get("days", DAYS)]
    strange = [day for day in days if day not in DAYS]
    if strange or not days:
        raise ValueError(f"rollout: freeze: days are {', '.join(days) or 'none'}; they are some of {', '.join(DAYS)}")
    return FreezeWindow(frozenset(days), _minute(entry.get("from", "00:00")), _minute(entry.get("to", "24:00")))


def _minute(text: object) -> int:
    """Return the minute of the day. YAML takes an hour without quotes for a number of its own."""
    hours, colon, minutes = str(text).partition(":")
    if not (isinstance(text, str) and colon and hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60):
        raise ValueError(f'rollout: freeze: {text!r} is no time of day: write it in quotes, such as "16:00"')
    return int(hours) * 60 + int(minutes)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
