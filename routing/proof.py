"""What a promotion needs shown: that the canary's units are not worse, not merely that nothing was found against it.

Two ways lead there, each valid however often one looks. Against the champion: "the canary's units are bad at least
`times` as often" is bet against. Against a ceiling: "at least `ceiling` of the canary's units are bad" is. Where hardly
any unit is bad the first never ends, and the second takes some 1/`ceiling` units times the logarithm of 1/α.
"""

from dataclasses import dataclass
from math import inf

from routing.evidence import LOWER, Evidence, seconds_until
from routing.order import UNKNOWN
from routing.units import Taken


@dataclass(frozen=True, slots=True)
class ProofWanted:
    """What is to be shown, with which probability of error; a `ceiling` of 0 is none."""

    times: float = 2.0
    ceiling: float = 0.0
    alpha: float = 0.05
    cover_h: int = 0
    """In how many hours of the day (UTC) the canary has to have been seen; 0: any will do."""
    cover_units: int = 20
    """Units of each arm, by their first calls, that an hour needs to count."""

    def __post_init__(self) -> None:
        if not 1 < self.times < inf:
            raise ValueError(f"times is {self.times:g}; it lies above 1, where the arms are alike")
        if not 0 <= self.ceiling < 1:
            raise ValueError(f"ceiling is {self.ceiling:g}; it is a share of units, 0 for none")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha:g}; it lies between 0 and 1")
        if not 0 <= self.cover_h <= 24:
            raise ValueError(f"cover_h is {self.cover_h}; a day has 24 hours, and 0 asks for none")
        if self.cover_units < 1:
            raise ValueError(f"cover_units is {self.cover_units}; an hour in which nobody was seen covers nothing")


class Proof:
    """Gathers it. `faults` are the signs that make a unit a bad one."""

    def __init__(self, wanted: ProofWanted, faults: int, began: float) -> None:
        self._wanted = wanted
        self._faults = faults
        self._against_champion = Evidence(wanted.times, began, LOWER)
        self._below_ceiling = Evidence(1.0, began, LOWER)
        self._bad: dict[float, list[int]] = {}
        self._tried = [0, 0]  # the canary's units by their first calls, since the last look: good ones and bad ones
        self._units = [0, 0]  # all units so far, the champion's and the canary's
        self._bad_units = [0, 0]
        self._bad_firsts = 0  # of the canary's units, those whose first call was bad

    def call(self, canary: bool, taken: Taken) -> None:
        """Count what a call says of its unit."""
        # Of what is not known the worst is taken for the canary, and the best for the champion.
        bad = self._faults | UNKNOWN if canary else self._faults
        is_bad = bool(taken.signs & bad) and not taken.before & bad
        if is_bad:
            self._bad.setdefault(taken.share, [0, 0])[canary] += 1
        self._units[canary] += taken.first
        self._bad_units[canary] += is_bad
        if canary and taken.first:
            self._tried[is_bad] += 1
            self._bad_firsts += is_bad

    def look(self, now: float) -> None:
        """Weigh what has come."""
        for share, (champion, canary) in self._bad.items():
            self._against_champion = self._against_champion.observed(canary, champion, share, now)
        good, bad = self._tried
        self._bad, self._tried = {}, [0, 0]
        if self._wanted.ceiling:
            self._below_ceiling = self._below_ceiling.observed(bad, good, self._wanted.ceiling, now)

    @property
    def shown(self) -> str:
        """What has been shown, in words; empty while nothing has."""
        enough = self.enough
        if self._wanted.ceiling and self._below_ceiling.value >= enough:
            return f"fewer than {self._wanted.ceiling:.2%} of the canary's units are bad"
        if self._against_champion.value >= enough:
            return f"the canary's units are bad less than {self._wanted.times:g} times as often as the champion's"
        return ""

    @property
    def enough(self) -> float:
        """The evidence at which a promotion has been shown to be harmless."""
        return 1.0 / self._wanted.alpha

    @property
    def evidence(self) -> float:
        """The larger of both tests' evidence."""
        return max(self._against_champion.value, self._below_ceiling.value if self._wanted.ceiling else 0.0)

    def seconds_left(self, champion: float, canary: float) -> float | None:
        """Return in how many seconds it will be shown, as things go; None: nobody can say.

        Given how many fresh units of each arm come a second; they are taken to be bad as often as all were so far.
        """
        enough = 1.0 / self._wanted.alpha
        of_champion, of_canary = (bad / max(1, seen) for bad, seen in zip(self._bad_units, self._units, strict=True))
        share = canary / (champion + canary) if champion + canary else 0.0
        ways = [seconds_until(self._against_champion, enough, canary * of_canary, champion * of_champion, share)]
        if self._wanted.ceiling:
            bad = self._bad_firsts / max(1, self._units[True])
            ceiling = self._wanted.ceiling
            ways.append(seconds_until(self._below_ceiling, enough, canary * bad, canary * (1.0 - bad), ceiling))
        return min((way for way in ways if way is not None), default=None)
