"""Hours of the week in which no rollout goes forward, as a deployment declares them; what goes back always may."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from routing.reading import section, texts, within

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
                f"from {_clock(self.begin)} to {_clock(self.end)} is no time of one day: "
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


def read_window(document: object) -> FreezeWindow:
    """Read one entry of `rollout: freeze`. Raises `ValueError`."""
    with within("freeze"):
        entry = section(document, "days", "from", "to")
        days = texts(entry, "days", DAYS)
        if not days or not set(days) <= set(DAYS):
            raise ValueError(f"days are {', '.join(days) or 'none':.80}; they are some of {', '.join(DAYS)}")
        begin, end = _minute(entry.get("from", "00:00")), _minute(entry.get("to", "24:00"))
        return FreezeWindow(frozenset(days), begin, end)


def _minute(value: object) -> int:
    """Return the minute of the day. YAML takes an hour without quotes for a number of its own."""
    found = re.fullmatch(r"([0-9]{1,2}):([0-5]?[0-9])", value) if isinstance(value, str) else None
    if found is None:
        shown = f"{value!r:.40}" if isinstance(value, str) else "what stands there without quotes"
        raise ValueError(f'{shown} is no time of day: write it in quotes, such as "16:00"')
    return int(found[1]) * 60 + int(found[2])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
