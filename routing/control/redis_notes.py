"""Notes in the control Redis: a hash of approvals for each rollout, one of halts, a key for each order, the board."""

import math

import msgspec
from redis.asyncio import Redis

from routing.control.halts import Halt
from routing.control.redis_answer import PREFIX, answer_of
from routing.control.signed import Signed
from routing.control.view import NOBODY, SHOWN_FOR, Board

KEPT_FOR = 90 * 86_400
"""Seconds for which approvals are kept."""
_HALTS, _BOARD = PREFIX + "halts", PREFIX + "board"


class RedisNotes:
    """Speaks through a client that somebody else opens and closes."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def approve(self, rollout: str, signed: Signed) -> None:
        """As `Approvals.approve`."""
        key = _approvals(rollout)
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping={signed.principal: msgspec.msgpack.encode(signed)})
            pipeline.expire(key, KEPT_FOR)
            await answer_of(pipeline.execute())

    async def approvals(self, rollout: str) -> list[Signed]:
        """As `Approvals.approvals`."""
        found = await answer_of(self._client.hgetall(_approvals(rollout)))
        return [msgspec.msgpack.decode(data, type=Signed) for _, data in sorted(found.items())]

    async def halt(self, halt: Halt) -> None:
        """As `HaltStore.halt`."""
        kept = {f"{halt.deployment}:{halt.kind}": msgspec.json.encode(halt)}
        await answer_of(self._client.hset(_HALTS, mapping=kept))

    async def lift(self, deployment: str) -> int:
        """As `HaltStore.lift`."""
        fields = [f"{halt.deployment}:{halt.kind}" for halt in await self.halts() if halt.deployment == deployment]
        return int(await answer_of(self._client.hdel(_HALTS, *fields))) if fields else 0

    async def halts(self) -> list[Halt]:
        """As `HaltStore.halts`."""
        found = await answer_of(self._client.hgetall(_HALTS))
        return [msgspec.json.decode(data, type=Halt) for _, data in sorted(found.items())]

    async def first_time(self, order: str, seconds: float) -> bool:
        """As `SeenOrders.first_time`."""
        key = f"{PREFIX}order:{order}"
        return bool(await answer_of(self._client.set(key, b"", nx=True, ex=max(1, math.ceil(seconds)))))

    async def show(self, board: Board) -> None:
        """As `Boards.show`."""
        await answer_of(self._client.set(_BOARD, msgspec.msgpack.encode(board), px=round(SHOWN_FOR * 1000)))

    async def board(self) -> Board:
        """As `Boards.board`."""
        data = await answer_of(self._client.get(_BOARD))
        return NOBODY if data is None else msgspec.msgpack.decode(data, type=Board)


def _approvals(rollout: str) -> str:
    return f"{PREFIX}approvals:{rollout}"
