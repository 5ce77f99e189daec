"""What a line looks up beside the features, in the same write: answers given before, and scores computed ahead."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.answer_book import AnswerBook, Refuse
from gateway.backends.precomputed import NOTHING_AHEAD, Ahead, ScoresAhead
from gateway.batch import Batch, Tried
from gateway.intake import Row
from gateway.lane import Lane


@dataclass(frozen=True, slots=True)
class Beside:
    """None where a deployment declares nothing of the kind."""

    answers: AnswerBook | None = None
    scores: ScoresAhead | None = None

    def keys(self, rows: Sequence[Row]) -> Sequence[bytes]:
        """Return the keys of what is to be read beside the features of these rows."""
        if self.answers is None and self.scores is None:
            return ()
        answers = [] if self.answers is None else self.answers.keys(rows)
        return answers if self.scores is None else answers + self.scores.keys(rows)

    def replay(self, batch: Batch, refuse: Refuse) -> Batch:
        """Answer the rows that were answered before; return the others."""
        return batch if self.answers is None else self.answers.replay(batch, refuse)

    def scored_ahead(self, lane: Lane, batch: Batch) -> Ahead:
        """Return what is known of a lane's rows without a run."""
        return NOTHING_AHEAD if self.scores is None else self.scores.find(lane, batch.rows, batch.stored.beside)

    async def keep(self, tried: Tried) -> None:
        """Keep what a lane is about to answer."""
        if self.answers is not None:
            await self.answers.keep(tried)


NOTHING_BESIDE = Beside()
