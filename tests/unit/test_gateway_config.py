"""Settings: checked when made, shown without secrets, the same after their way to a worker."""

from pathlib import Path
from typing import Any

import pytest

from gateway.cli import build_parser, main, parse
from gateway.clock import event_clock, read_offsets, replay_offsets, write_offsets
from gateway.config import ConfigError, ServeConfig, without_password
from gateway.testing.manual_clock import ManualClock

PLACES: dict[str, Any] = {"models": Path("/m"), "bundles": Path("/b"), "state": Path("/s")}


def test_a_password_is_not_shown() -> None:
    assert "secret" not in str(ServeConfig(**PLACES, redis_url="redis://me:secret@host:1/0").shown())
    assert without_password("redis://host:1/0") == "redis://host:1/0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grpc_port": 0}, "grpc_port is 0"),
        ({"http_port": 70_000}, "http_port"),
        ({"http_port": 50051}, "ports must differ"),
        ({"workers": 0}, "workers"),
        ({"worker_patience": 1.0}, "worker_patience is 1"),
        ({"front": "nginx"}, "front is 'nginx'"),
    ],
)
def test_settings_that_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ServeConfig(**PLACES, **change)


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_GRPC_PORT", "6000")
    assert build_parser().parse_args(["serve"]).grpc_port == 6000
    assert build_parser().parse_args(["serve", "--grpc-port", "7000"]).grpc_port == 7000


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "sluice up" in text
    assert "SLUICE_GRPC_PORT" in text


def test_help_shows_no_password(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SLUICE_REDIS_URL", "redis://:secret@host/0")
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    assert "secret" not in capsys.readouterr().out


def test_a_replay_clock_stands_at_the_newest_event_and_runs() -> None:
    wall = ManualClock(1_000.0)
    clock = event_clock(replay_offsets({"fraud": 400.0}, wall)["fraud"], wall)
    assert clock() == 400.0
    wall.advance(5)
    assert clock() == 405.0


def test_offsets_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "clock.json"
    assert read_offsets(path) == {}
    write_offsets(path, {"fraud": 1.5})
    assert read_offsets(path) == {"fraud": 1.5}


@pytest.mark.parametrize(
    "words",
    [
        ["a=1", "b=2", "--unit", "u"],
        ["--unit", "u", "a=1", "b=2"],
        ["a=1", "--unit", "u", "b=2"],
    ],
)
def test_values_may_stand_on_either_side_of_a_flag(words: list[str]) -> None:
    arguments = parse(["predict", "fraud", *words])
    assert (arguments.deployment, arguments.values, arguments.unit) == ("fraud", ["a=1", "b=2"], "u")


def test_an_unknown_flag_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["predict", "fraud", "--moon", "a=1"], ["serve", "a=1"]):
        with pytest.raises(SystemExit):
            parse(words)
        assert "unrecognized arguments" in capsys.readouterr().err
