"""The calls of near real time that were given up: looked at, queued once more, or thrown away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from redis.asyncio import Redis

from gateway.later.redis_queue import DEAD, STREAM, answer_of, result_key
from gateway.later.settings import QueueSettings

PAGE = 500
"""Letters that are read at a time."""

# The letter goes last: what breaks in between leaves it where it was.
_REQUEUE = """
if redis.call('EXISTS', KEYS[3]) == 0 or #redis.call('XRANGE', KEYS[3], ARGV[1], ARGV[1]) == 0 then return -1 end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[2], '', 'PX', ARGV[3])
redis.call('XADD', KEYS[1], '*', 'id', ARGV[4], 'request', ARGV[5], 'until', ARGV[6], 'trace', '')
redis.call('XDEL', KEYS[3], ARGV[1])
return 1
"""


class QueueFull(Exception):
    """No further call may wait."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A call that was given up at `at`, in unix seconds. `name` is the stream's own; `request` a PredictRequest."""

    name: str
    at: float
    result_id: str
    reason: str
    request: bytes


class DeadLetters:
    """Those on a queue's Redis, through a client that somebody else opens and closes. All raise `QueueAway`."""

    def __init__(self, client: Redis, settings: QueueSettings) -> None:
        self._client = client
        self._settings = settings

    async def count(self) -> int:
        """Return how many there are."""
        return int(await answer_of(self._client.xlen(DEAD)))

    async def newest_first(self) -> AsyncIterator[DeadLetter]:
        """Yield all that are there, page by page."""
        end = "+"
        while True:
            page = await answer_of(self._client.xrevrange(DEAD, end, "-", count=PAGE))
            for name, fields in page:
                at = int(name.partition(b"-")[0]) / 1e3
                told = fields[b"id"].decode(), fields[b"reason"].decode(errors="replace"), fields[b"request"]
                yield DeadLetter(name.decode(), at, *told)
            if len(page) < PAGE:
                return
            end = f"({page[-1][0].decode()}"

    async def find(self, result_id: str) -> DeadLetter | None:
        """Return the newest one of that result."""
        async for letter in self.newest_first():
            if letter.result_id == result_id:
                return letter
        return None

    async def requeue(self, letter: DeadLetter, now: float) -> bool:
        """Let the call wait again, as if it came now under its old ids: its result is pending once more.

        Returns False where the letter is not there any more. Raises `QueueFull`.
        """
        lasting = self._settings.result_ttl
        keys = (STREAM, result_key(letter.result_id), DEAD)
        words = (letter.name, self._settings.length, round(lasting * 2000), letter.result_id, letter.request)
        done = int(await answer_of(self._client.eval(_REQUEUE, len(keys), *keys, *words, repr(now + lasting))))
        if done == 0:
            raise QueueFull(f"{self._settings.length} calls wait already: try again later, or raise --queue-length")
        return done > 0

    async def drop(self, letter: DeadLetter) -> bool:
        """Throw it away; its result goes on saying why it was given up. Returns False where it is gone."""
        return bool(await answer_of(self._client.xdel(DEAD, letter.name)))
