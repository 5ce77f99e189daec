"""The commands: they teach, they refuse what nobody declared, and --help does not wait for Feast."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models import provenance
from models.deployment import Deployment, declared
from models.manifest import BundleError
from models.pipeline import COMMANDS, main
from models.provenance import bundles_are_current, input_digest, stale_versions, stamp_bundle, version_digest


def test_help_teaches_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert all(f"models.pipeline {command}" in text for command in COMMANDS)


def test_an_unknown_deployment_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "loans"]) == 1
    assert capsys.readouterr().err == "build: no deployment is called 'loans': there are fraud, quotes, credit\n"


def test_a_redis_that_does_not_answer_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["materialise", "--redis", "redis://me:secret@127.0.0.1:1"]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("materialise: no Redis answers at 127.0.0.1:1")
    assert "secret" not in complaint


def test_what_needs_no_feast_does_not_load_it() -> None:
    code = (
        "import sys, models.pipeline; print([name for name in ('feast', 'lightgbm', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_digest_of_inputs_holds_still_and_sees_a_change() -> None:
    fraud = declared("fraud")
    assert input_digest(fraud) == input_digest(declared("fraud"))
    fewer = replace(fraud, training=replace(fraud.training, data=()))
    assert input_digest(fewer) != input_digest(fraud)
    assert input_digest(declared("credit")) != input_digest(fraud)


def test_a_version_that_is_added_leaves_the_others_as_they_are(built: Deployment) -> None:
    assert bundles_are_current(built)
    more = _with(built, {"3": {"seed": 12}})
    assert stale_versions(more) == ["3"]
    assert not bundles_are_current(more)


def test_only_the_version_whose_own_inputs_changed_is_made_again(built: Deployment) -> None:
    assert stale_versions(_with(built, {"2": {"seed": 12}})) == ["2"]
    assert stale_versions(replace(built, training=replace(built.training, rounds=1))) == ["1", "2"]


def test_a_bundle_that_is_gone_or_damaged_is_made_again(built: Deployment, tmp_path: Path) -> None:
    (tmp_path / "fraud-1").unlink()
    assert stale_versions(built) == ["1"]
    (tmp_path / "booster-2").unlink()
    assert stale_versions(built) == ["1", "2"]


def test_without_its_frame_a_deployment_is_not_current_and_its_bundles_stay(built: Deployment, tmp_path: Path) -> None:
    (tmp_path / "frame").unlink()
    assert not bundles_are_current(built)
    assert not stale_versions(built)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Fraud with bundles 1 and 2 stamped, where an empty file stands for a bundle that is whole."""

    def load(path: Path) -> None:
        if not path.is_file():
            raise BundleError(f"{path}: is not there")

    monkeypatch.setattr(provenance, "BUNDLES", tmp_path)
    monkeypatch.setattr(provenance, "bundle_path", lambda name, number: tmp_path / f"{name}-{number}")
    monkeypatch.setattr(provenance, "booster_path", lambda _name, number: tmp_path / f"booster-{number}")
    monkeypatch.setattr(provenance, "frame_path", lambda _name: tmp_path / "frame")
    monkeypatch.setattr(provenance, "load_manifest", load)
    fraud = _with(declared("fraud"), {})
    (tmp_path / "fraud").mkdir()
    (tmp_path / "frame").touch()
    for number in fraud.training.versions:
        (tmp_path / f"fraud-{number}").touch()
        (tmp_path / f"booster-{number}").touch()
        stamp_bundle(fraud, number, version_digest(fraud, number))
    return fraud


def _with(fraud: Deployment, versions: dict[str, dict[str, object]]) -> Deployment:
    two = {"1": {"seed": 7}, "2": {"seed": 11}}
    return replace(fraud, training=replace(fraud.training, versions={**two, **versions}))
