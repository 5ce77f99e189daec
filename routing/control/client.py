"""Opens the control Redis: one server, or the master that sentinels know.

`redis://` and `rediss://` as redis-py reads them; `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB` asks sentinels.
"""

from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel

from routing.control.errors import ControlError

TIMEOUT = 2.0
"""Seconds that a connection, or an answer, may take."""
_SENTINEL = "redis+sentinel"


def open_control(url: str) -> Redis:
    """Return a client that connects when it is first used. Raises `ControlError` when the address cannot be read."""
    try:
        return _sentinel(url) if urlsplit(url).scheme == _SENTINEL else _single(url)
    except ValueError as exc:
        raise ControlError("the address of the control Redis cannot be read: redis://HOST:PORT/DB is one") from exc


def _single(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)


def _sentinel(url: str) -> Redis:
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("no service is named")
    sentinels = [(host, int(port or 26379)) for host, _, port in (one.partition(":") for one in hosts.split(","))]
    user, _, password = credentials.rpartition(":")
    kwargs = {"socket_timeout": TIMEOUT}
    asked = Sentinel(sentinels, sentinel_kwargs=kwargs, socket_timeout=TIMEOUT)  # type: ignore[no-untyped-call]
    master: Redis = asked.master_for(
        service, db=int(db or 0), username=user or None, password=password or None, socket_connect_timeout=TIMEOUT
    )
    return master
