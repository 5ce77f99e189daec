"""What `sluice control` is told: mistakes are one line, and a password is never shown."""

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.control.config import ControlConfig

HERE = Path("/")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"grpc_port": 0}, "control grpc_port is 0"),
        ({"http_port": 70_000}, "control http_port is 70000"),
        ({"grpc_port": 8090}, "must differ, and both are 8090"),
        ({"prometheus": "prometheus:9090"}, "it is an address like http://prometheus:9090"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        ControlConfig(HERE, HERE, **settings)  # type: ignore[arg-type]


def test_a_password_is_not_shown() -> None:
    config = ControlConfig(HERE, HERE, control_url="redis://ada:secret@control:6379/0")
    assert config.shown_url == "redis://ada:***@control:6379/0"
