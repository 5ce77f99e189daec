"""Owns the key in the online store that says from which inputs it was filled.

It lies in that same Redis: a second start leaves a filled store alone, and an emptied one is filled again.
"""

import hashlib
from collections.abc import Iterable
from types import TracebackType

import redis

from models.deployment import Deployment
from models.errors import OnlineStoreError
from models.manifest import canonical
from models.provenance import input_digest

KEY = "sluice:materialised"


class OnlineStamp:
    """The stamp in one Redis, for one set of deployments."""

    def __init__(self, redis_url: str, deployments: Iterable[Deployment]) -> None:
        digests = {deployment.name: input_digest(deployment) for deployment in deployments}
        self._digest = hashlib.sha256(canonical(digests)).hexdigest()
        self._client = redis.Redis.from_url(redis_url)
        try:
            self._client.ping()
        except redis.RedisError as exc:
            raise OnlineStoreError(f"no Redis answers at {redis_url.rpartition('@')[2]}: {exc}") from exc

    def __enter__(self) -> "OnlineStamp":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def is_current(self) -> bool:
        """Whether the store was filled from these very inputs."""
        return self._client.get(KEY) == self._digest.encode()

    def lift(self) -> None:
        """Filling begins: until it is done nobody may take the store for current."""
        self._client.delete(KEY)

    def set(self) -> None:
        """Filling is done."""
        self._client.set(KEY, self._digest)
