"""The lanes of one table: who may answer, who stands in for whom, and who only watches."""

from dataclasses import dataclass

from gateway.lane import Lane
from gateway.mirror import Mirror
from routing.table import CHAMPION, FALLBACK, SHADOW


@dataclass(frozen=True, slots=True)
class Lanes:
    """`answering` is by arm; `mirrors` show rows to whoever watches."""

    answering: dict[str, Lane]
    mirrors: tuple[Mirror, ...] = ()

    @property
    def shadows(self) -> list[Lane]:
        """The lanes of shadows."""
        return [mirror.lane for mirror in self.mirrors if mirror.lane.arm == SHADOW]

    def given(self) -> "Lanes":
        """Return those that take the model's whole input from callers, who made it for the champion's plan."""
        plan = self.answering[CHAMPION].plan
        answering = {arm: lane for arm, lane in self.answering.items() if lane.plan is plan}
        whole = len(answering) == len(self.answering)  # else watchers meet rows of both kinds, and have to read some
        return Lanes(answering, tuple(one for one in self.mirrors if whole and one.lane.plan is plan))

    def succession(self, arm: str) -> list[Lane]:
        """Return who answers for the arm, in turn: itself, the champion, the fallback."""
        order = dict.fromkeys((arm, CHAMPION, FALLBACK))
        return [self.answering[name] for name in order if name in self.answering]
