"""What `sluice up` and `sluice serve` say when they are ready: what to paste, and of what there is alone."""

from pathlib import Path

import pytest

from gateway.command_line.start import announce
from gateway.command_line.up import Ports
from gateway.config import ServeConfig


def said(capsys: pytest.CaptureFixture[str], queue_url: str) -> str:
    config = ServeConfig(Path("models"), Path("bundles"), Path("state"), queue_url=queue_url, control_url="redis://x/1")
    announce(config, Ports(6399, 50061, 8090))
    return capsys.readouterr().out


def test_where_there_is_a_queue_it_is_said_how_to_submit_and_fetch(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "redis://127.0.0.1:6399/0")
    assert "the same body sent to http://127.0.0.1:8080/v1/deployments/fraud:submit is queued" in out
    assert "\n  curl -s 'http://127.0.0.1:8080/v1/results/RESULT_ID?wait_ms=1000'\n\nCtrl-C drains" in out
    assert ":submit" not in said(capsys, "")


def test_a_call_is_there_to_paste_and_where_rollouts_are_steered(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "")
    assert "curl -s http://127.0.0.1:8080/v1/deployments/fraud:predict -H 'content-type: application/json'" in out
    assert "steered at 127.0.0.1:50061: sluice rollout --help, and keys to try it with in state/people" in out
