"""Which hours of the day a canary has been seen in: who was judged by night alone is not promoted for the day.

An hour (of UTC) counts once enough units of each arm have given evidence in it; a unit that is spent gives none. Only
one way of covering the day is declared, how many of its hours, for steps begin whenever somebody begins them.
"""

_HOUR = 3600.0
_DAY = 24


class Cover:
    """Counts units' first calls by the hour of day in which they were admitted, each arm's."""

    def __init__(self, hours: int, units: int) -> None:
        self._hours = hours
        self._least = units
        self._seen = [[0, 0] for _ in range(_DAY)]

    def call(self, canary: bool, admitted: float) -> None:
        """Count a unit that gives evidence; `admitted` is in unix seconds."""
        self._seen[_hour(admitted)][canary] += 1

    @property
    def covered(self) -> int:
        """How many hours count."""
        return sum(map(self._counts, range(_DAY)))

    def missing(self, now: float) -> str:
        """Say what is missing, in words; empty while nothing is."""
        covered = self.covered
        if covered >= self._hours:
            return ""
        hour = _hour(now)
        champion, canary = self._seen[hour]
        this = (
            "" if self._counts(hour) else f"; of this hour {min(champion, canary)} of {self._least} units of each arm"
        )
        return f"{covered} of {self._hours} hours of the day are covered{this}"

    def seconds_left(self, now: float, units: float) -> float | None:
        """Return when the last hour that is missing can count, if each arm goes on to see so many `units` a second."""
        lacking = self._hours - self.covered
        if lacking <= 0:
            return 0.0
        if units <= 0:
            return None
        ahead = [one for one in range(_DAY) if not self._counts(_hour(now + one * _HOUR))]
        last = ahead[lacking - 1]
        short = self._least - min(self._seen[_hour(now + last * _HOUR)])
        return max(0.0, last * _HOUR - now % _HOUR) + short / units if short <= units * _HOUR else None

    def _counts(self, hour: int) -> bool:
        return min(self._seen[hour]) >= self._least


def _hour(at: float) -> int:
    return int(at // _HOUR) % _DAY
