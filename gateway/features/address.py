"""Where Redis is and who we are there, from a URL.

redis-py reads the URL and builds the TLS context, so that every option spells as its users know it; the socket is ours.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import RedisError

_SCHEMES = ("redis", "rediss", "unix")
_FALSE = {"false", "no", "n", "f", "0"}
_UNDERSTOOD = {"host", "port", "path", "username", "password", "db", "connection_class"}


class AddressError(ValueError):
    """A Redis address that cannot be used; the message never holds the password."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One Redis server: TCP (`host`, `port`) or a unix socket (`path`)."""

    host: str = "localhost"
    port: int = 6379
    path: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    db: int = 0
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        """The address as a URL without its credentials."""
        if self.path:
            return f"unix://{self.path}?db={self.db}"
        return f"{'rediss' if self.tls else 'redis'}://{self.host}:{self.port}/{self.db}"


def parse_address(url: str) -> RedisAddress:
    """Read `redis://`, `rediss://` (TLS) or `unix://`. Raises AddressError for the rest, Cluster and Sentinel too."""
    parts = urlsplit(url)
    if "cluster" in parts.scheme or "sentinel" in parts.scheme or "," in parts.netloc.rpartition("@")[2]:
        raise AddressError("Redis Cluster and Sentinel are not supported yet: give the address of one server")
    if parts.scheme not in _SCHEMES:
        raise AddressError("a Redis address starts with redis://, rediss:// or unix://")
    if parts.scheme != "unix" and parts.path.strip("/") and not parts.path.strip("/").isdecimal():
        raise AddressError(f"the database of a Redis address is a number, got {parts.path.strip('/')!r}")
    try:
        options: dict[str, Any] = {**parse_url(url)}
        tls = _tls(options) if parts.scheme == "rediss" else None
    except (ValueError, OSError, RedisError) as exc:
        raise AddressError(f"Redis address: {exc}") from exc
    unknown = [name for name in options if name not in _UNDERSTOOD and not (tls and name.startswith("ssl_"))]
    if unknown:
        raise AddressError(f"Redis address: option {unknown[0]} is not supported")
    return RedisAddress(
        host=str(options.get("host", "localhost")),
        port=int(options.get("port", 6379)),
        path=str(options.get("path", "")),
        username=str(options.get("username", "")),
        password=str(options.get("password", "")),
        db=int(options.get("db", 0)),
        tls=tls,
    )


def _tls(options: dict[str, Any]) -> ssl.SSLContext:
    """The TLS context; the host name is checked unless the address says otherwise (redis-py before 6 did not)."""
    settings = {name: value for name, value in options.items() if name.startswith("ssl_")}
    check = settings.get("ssl_check_hostname", settings.get("ssl_cert_reqs") != "none")
    settings["ssl_check_hostname"] = str(check).lower() not in _FALSE
    context: ssl.SSLContext = SSLConnection(**settings).ssl_context.get()
    return context
