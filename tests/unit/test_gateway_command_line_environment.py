"""Where commands beside a gateway look for its Redis when nobody says."""

import pytest

from gateway.command_line.environment import redis_url
from gateway.config import DEFAULT_REDIS_URL


@pytest.mark.parametrize(
    ("url", "port", "found"),
    [
        ("", "", DEFAULT_REDIS_URL),
        ("", "7001", "redis://127.0.0.1:7001/0"),
        ("redis://store:6379/2", "7001", "redis://store:6379/2"),
    ],
)
def test_the_redis_is_the_one_that_is_named_or_the_embedded_one(
    url: str, port: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_REDIS_URL", url)
    monkeypatch.setenv("SLUICE_REDIS_PORT", port)
    assert redis_url() == found
