"""Where Redis is and who we are there, from a URL: one server, or the sentinels that know it.

redis-py reads the URL and builds the TLS context, so that every option spells as its users know it; the socket is ours.
"""

import ssl
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import RedisError

_SCHEMES = ("redis", "rediss", "unix")
_SENTINEL_SCHEMES = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_SENTINEL_PORT = 26379
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
    leads: bool = False
    """It has to be a master: sentinels said so, but may be behind the times."""

    def __str__(self) -> str:
        """The address as a URL without its credentials."""
        if self.path:
            return f"unix://{self.path}?db={self.db}"
        return f"{'rediss' if self.tls else 'redis'}://{self.host}:{self.port}/{self.db}"


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """A service by the name that Redis Sentinel knows it by."""

    sentinels: tuple[RedisAddress, ...]
    service: str
    server: RedisAddress
    """Everything about the master but its host and port."""

    def __str__(self) -> str:
        """The address as a URL without its credentials."""
        tls, hosts = self.server.tls, ",".join(f"{one.host}:{one.port}" for one in self.sentinels)
        return f"{'rediss' if tls else 'redis'}+sentinel://{hosts}/{self.service}/{self.server.db}"


def parse_address(url: str) -> RedisAddress | SentinelAddress:
    """Read `redis://`, `rediss://` (TLS), `unix://`, or `redis+sentinel://HOST:PORT,.../SERVICE/DATABASE`.

    Raises AddressError for the rest, Redis Cluster too.
    """
    scheme, _, rest = url.partition("://")
    if scheme in _SENTINEL_SCHEMES:
        return _parse_sentinels(_SENTINEL_SCHEMES[scheme], rest)
    return _parse_server(url)


def _parse_sentinels(scheme: str, rest: str) -> SentinelAddress:
    """Credentials and TLS options are the servers'; the sentinels' own credentials are options that say so."""
    authority, _, path = rest.partition("?")[0].partition("/")
    service, _, database = path.partition("/")
    if not service:
        raise AddressError("after the sentinels' addresses comes the name of the service: .../SERVICE/DATABASE")
    credentials, at, hosts = authority.rpartition("@")
    options = parse_qsl(rest.partition("?")[2])
    own = {name: value for name, value in options if name in ("sentinel_username", "sentinel_password")}
    others = urlencode([(name, value) for name, value in options if name not in own])
    server = _parse_server(f"{scheme}://{credentials}{at}sentinel/{database}?{others}")
    try:
        places = [urlsplit(f"//{host}") for host in hosts.split(",")]
        sentinels = [
            replace(
                server,
                host=place.hostname or "localhost",
                port=place.port or _SENTINEL_PORT,
                username=own.get("sentinel_username", ""),
                password=own.get("sentinel_password", ""),
                db=0,
            )
            for place in places
        ]
    except ValueError as exc:
        raise AddressError(f"Redis address: {exc}") from exc
    return SentinelAddress(tuple(sentinels), service, replace(server, leads=True))


def _parse_server(url: str) -> RedisAddress:
    parts = urlsplit(url)
    if "cluster" in parts.scheme or "," in parts.netloc.rpartition("@")[2]:
        raise AddressError("Redis Cluster is not supported: give the address of one server, or of its sentinels")
    if parts.scheme not in _SCHEMES:
        raise AddressError("a Redis address starts with redis://, rediss://, unix:// or redis+sentinel://")
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
