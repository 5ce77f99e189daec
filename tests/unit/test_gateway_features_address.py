"""Redis addresses: what is understood, and what is refused in words that hold no password."""

import ssl
from pathlib import Path

import pytest

from gateway.features.address import AddressError, RedisAddress, SentinelAddress, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", RedisAddress()),
        ("redis://", RedisAddress()),
        ("redis://features:7000/3", RedisAddress(host="features", port=7000, db=3)),
        ("redis://features?db=2", RedisAddress(host="features", db=2)),
        ("redis://[::1]:7000", RedisAddress(host="::1", port=7000)),
        ("redis://:p%40ss@features", RedisAddress(host="features", password="p@ss")),
        ("redis://reader:secret@features", RedisAddress(host="features", username="reader", password="secret")),
        ("unix:///run/redis.sock?db=1", RedisAddress(path="/run/redis.sock", db=1)),
    ],
)
def test_understood(url: str, address: RedisAddress) -> None:
    assert parse_address(url) == address
    assert address.tls is None


@pytest.mark.parametrize(
    ("url", "sentinels", "server"),
    [
        ("redis+sentinel://one/main", [RedisAddress("one", 26379)], RedisAddress("sentinel", leads=True)),
        (
            "redis+sentinel://one:5000,two,[::1]:7000/main/3",
            [RedisAddress("one", 5000), RedisAddress("two", 26379), RedisAddress("::1", 7000)],
            RedisAddress("sentinel", db=3, leads=True),
        ),
        (
            "redis+sentinel://me:p%40ss@one/main/0?sentinel_username=asker&sentinel_password=s%26s",
            [RedisAddress("one", 26379, username="asker", password="s&s")],
            RedisAddress("sentinel", username="me", password="p@ss", leads=True),
        ),
    ],
)
def test_sentinels(url: str, sentinels: list[RedisAddress], server: RedisAddress) -> None:
    address = parse_address(url)
    assert address == SentinelAddress(tuple(sentinels), "main", server)
    assert address.server.tls is None


def test_sentinels_and_servers_alike_speak_tls() -> None:
    address = parse_address("rediss+sentinel://one,two/main?ssl_check_hostname=false")
    assert isinstance(address, SentinelAddress)
    contexts = [one.tls for one in (*address.sentinels, address.server)]
    assert all(context is not None and not context.check_hostname for context in contexts)
    assert str(address) == "rediss+sentinel://one:26379,two:26379/main/0"


def tls_of(url: str) -> ssl.SSLContext | None:
    address = parse_address(url)
    assert isinstance(address, RedisAddress)
    return address.tls


def test_tls_verifies_unless_told_otherwise(tmp_path: Path) -> None:
    strict = tls_of("rediss://features:6380/0")
    assert strict is not None
    assert strict.verify_mode is ssl.CERT_REQUIRED
    assert strict.check_hostname
    for told in ("ssl_cert_reqs=none", "ssl_cert_reqs=none&ssl_check_hostname=false"):
        lax = tls_of(f"rediss://features?{told}")
        assert lax is not None
        assert lax.verify_mode is ssl.CERT_NONE
    unnamed = tls_of("rediss://features?ssl_check_hostname=False")
    assert unnamed is not None
    assert not unnamed.check_hostname
    assert unnamed.verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(AddressError, match="Redis address"):
        parse_address(f"rediss://features?ssl_ca_certs={tmp_path}/none.pem")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("features:6379", "starts with redis://"),
        ("", "starts with redis://"),
        ("http://features", "starts with redis://"),
        ("rediss+cluster://features", "Redis Cluster is not supported"),
        ("redis://:se,cret@one:6379,two:6379", "Redis Cluster is not supported"),
        ("redis+sentinel://:secret@one:26379,two:26379", "the name of the service"),
        ("redis+sentinel://:secret@one/main/first", "database of a Redis address is a number"),
        ("redis+sentinel://:secret@one:port/main", "Redis address: "),
        (
            "redis+sentinel://one/main?sentinel_password=secret&socket_timeout=1",
            "option socket_timeout is not supported",
        ),
        ("redis://:secret@features/first", "database of a Redis address is a number"),
        ("redis://:secret@features:port", "Redis address: "),
        ("redis://:secret@features?socket_timeout=1", "option socket_timeout is not supported"),
        ("redis://:secret@features?ssl_ca_certs=x", "option ssl_ca_certs is not supported"),
        ("redis://:secret@features?db=x", "Redis address: "),
    ],
)
def test_refused(url: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason) as refusal:
        parse_address(url)
    assert "secret" not in str(refusal.value)


def test_no_password_is_shown() -> None:
    guarded = parse_address("redis+sentinel://reader:secret@one/main?sentinel_password=secret")
    assert str(guarded) == "redis+sentinel://one:26379/main/0"
    assert "secret" not in repr(guarded)
    address = parse_address("redis://reader:secret@features/1")
    assert str(address) == "redis://features:6379/1"
    assert "secret" not in repr(address)
    assert str(parse_address("unix:///run/redis.sock")) == "unix:///run/redis.sock?db=0"
