"""One run of `sluice score-all` over one bundle: page after page of entities, no faster than it may."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from redis.asyncio import Redis

from gateway.precomputed import Score, write_score
from gateway.score_all.entities import START, Page, StoredEntities
from gateway.score_all.progress import Progress, ProgressFile
from gateway.score_all.scorer import EntityScorer, Scored, StoreLate

ATTEMPTS = 5
"""Times that a page is tried while the store does not answer."""
PAUSE = 0.5
"""Seconds after the first of them; then twice as long, and so on."""
TELL_EVERY = 2.0

Tell = Callable[[Progress], None]
Sleep = Callable[[float], Awaitable[None]]


class ScoreStore:
    """Writes scores under keys that begin with `start`; they go by themselves after `ttl` seconds."""

    def __init__(self, client: Redis, start: bytes, ttl: float) -> None:
        self._client = client
        self._start = start
        self._lasting = max(1, round(ttl * 1000))

    async def write(self, scores: Mapping[bytes, float], at: float) -> None:
        """Write what was computed at `at`, unix seconds, in one write. Raises what redis-py raises."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for key, score in scores.items():
                pipeline.set(self._start + key, write_score(Score(score, at)), px=self._lasting)
            await pipeline.execute()


class ScoreRun:
    """`rate` is entities a second, `size` how many keys a page looks at; what is told is told every two seconds."""

    def __init__(
        self,
        entities: StoredEntities,
        scorer: EntityScorer,
        store: ScoreStore,
        kept: ProgressFile,
        rate: float,
        size: int,
        tell: Tell,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._entities = entities
        self._scorer = scorer
        self._store = store
        self._kept = kept
        self._rate = rate
        self._size = size
        self._tell = tell
        self._sleep = sleep
        self._clock = clock
        self._wall = wall

    async def run(self, max_age: float) -> Progress:
        """Score everybody, or whom an unfinished run has left that began less than `max_age` seconds ago.

        Raises `StoreLate`, what redis-py raises, or what the model does; what was done is kept.
        """
        server, told = await self._entities.server(), self._clock()
        progress = self._kept.read(server, self._wall() - max_age) or Progress(server, self._wall())
        while True:
            began, at = self._clock(), self._wall()
            page = await self._entities.page(progress.cursor, self._size)
            scored = await self._patiently(page)
            await self._store.write(scored.scores, at)
            progress = progress.after(page.cursor, len(scored.scores), scored.left_out)
            if page.cursor == START:
                self._kept.remove()
                return progress
            self._kept.write(progress)
            if self._clock() - told >= TELL_EVERY:
                told = self._clock()
                self._tell(progress)
            await self._sleep(max(0.0, len(page.entities) / self._rate - (self._clock() - began)))

    async def _patiently(self, page: Page) -> Scored:
        """Score a page; a store that is slow for a moment is waited for."""
        for attempt in range(1, ATTEMPTS):
            try:
                return await self._scorer.score(page.entities)
            except StoreLate:
                await self._sleep(PAUSE * 2 ** (attempt - 1))
        return await self._scorer.score(page.entities)
