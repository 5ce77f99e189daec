"""Redis addresses: what is understood, and what is refused in words that hold no password."""

import ssl
from pathlib import Path

import pytest

from gateway.features.address import AddressError, RedisAddress, parse_address


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


def test_tls_verifies_unless_told_otherwise(tmp_path: Path) -> None:
    strict = parse_address("rediss://features:6380/0").tls
    assert strict is not None
    assert strict.verify_mode is ssl.CERT_REQUIRED
    assert strict.check_hostname
    for told in ("ssl_cert_reqs=none", "ssl_cert_reqs=none&ssl_check_hostname=false"):
        lax = parse_address(f"rediss://features?{told}").tls
        assert lax is not None
        assert lax.verify_mode is ssl.CERT_NONE
    unnamed = parse_address("rediss://features?ssl_check_hostname=False").tls
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
        ("redis+sentinel://features:26379/main", "Cluster and Sentinel are not supported"),
        ("rediss+cluster://features", "Cluster and Sentinel are not supported"),
        ("redis://:se,cret@one:6379,two:6379", "Cluster and Sentinel are not supported"),
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
    address = parse_address("redis://reader:secret@features/1")
    assert str(address) == "redis://features:6379/1"
    assert "secret" not in repr(address)
    assert str(parse_address("unix:///run/redis.sock")) == "unix:///run/redis.sock?db=0"
