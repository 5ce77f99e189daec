"""Who can be asked about: the entities whose features lie in the online store, page by page.

They are found by the store's own scan: it holds exactly those of whom something is known, needs no offline data, keeps
nothing in memory, and goes on from its cursor, also in another process, as long as the server is the same one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from gateway.features.keys import KeyValue, key_frame, read_key
from gateway.features.plan import Plan

START = 0
"""The cursor before the first page, and behind the last."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entities, and the cursor of the next page."""

    entities: list[Mapping[str, KeyValue]]
    cursor: int


class StoredEntities:
    """The entities of one group of a plan. An entity may come twice, never not at all if it is there all the time.

    What is raised is what redis-py raises.
    """

    def __init__(self, client: Redis, plan: Plan, group: int) -> None:
        self._client = client
        self._project = plan.project
        self._join_keys = plan.groups[group].join_keys
        start, end = key_frame(plan.project, self._join_keys)
        self._pattern = _literal(start) + b"*" + _literal(end)

    async def server(self) -> str:
        """Return what tells this run of the server from every other: a cursor says nothing to another one."""
        return str((await self._client.info("server"))["run_id"])

    async def keys_in_all(self) -> int:
        """Return how many keys of any kind the store holds."""
        return int(await self._client.dbsize())

    async def page(self, cursor: int, size: int) -> Page:
        """Return the entities among the next keys, about `size` of them, and where to go on."""
        following, keys = await self._client.scan(cursor, match=self._pattern, count=size, _type="hash")
        read = (read_key(self._project, self._join_keys, key) for key in cast("list[bytes]", keys))
        return Page([entities for entities in read if entities is not None], int(following))


def _literal(text: bytes) -> bytes:
    """Return a pattern that matches these bytes alone."""
    return b"".join(b"\\" + bytes([byte]) if byte in b"*?[]\\^-" else bytes([byte]) for byte in text)
