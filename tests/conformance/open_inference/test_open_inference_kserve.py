"""The KServe project's client, unmodified, in an environment and a process of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from loadtests.peers.environments import install
from tests.conformance.open_inference.targets import Target

REQUIREMENTS = Path(__file__).parents[3] / "requirements/peers/kserve.txt"
SPEAKER = Path(__file__).parent / "kserve_speaker.py"


@pytest.fixture(scope="session")
def heard(target: Target) -> dict[str, Any]:
    """Return what KServe's client hears over each wire; installing it takes minutes the first time."""
    if not target.is_sluice:
        pytest.skip("KServe's client reads bodies of health that others leave empty, Triton for one")
    environment = install(REQUIREMENTS, print, lambda path: None)
    command = [str(environment / "bin/python"), str(SPEAKER), target.grpc, target.http, target.model, target.input]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.fixture(params=["grpc", "http"])
def said(request: pytest.FixtureRequest, heard: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = heard[request.param]
    return found


def test_health_is_told(said: dict[str, Any]) -> None:
    assert [said[what] for what in ("live", "ready", "model ready", "unknown ready")] == [True, True, True, False]


@pytest.mark.parametrize("form", ["whole", "whole typed"])
def test_a_whole_input_is_scored(said: dict[str, Any], target: Target, form: str) -> None:
    assert said[form]["outputs"][target.output] == [0.5, 2.0]
    assert said[form]["id"] == "r-1"


def test_a_row_is_scored(said: dict[str, Any]) -> None:
    assert said["row"]["outputs"]["score"] == [0.25]
    assert said["row"]["outputs"]["decision"] == ["approve"]


def test_an_unknown_model_is_refused(said: dict[str, Any]) -> None:
    assert "no deployment 'nobody'" in said["refusal"]
