"""The files of the control process: heard at once when they change, and in force as they were when they are broken."""

import logging
import os
from pathlib import Path

import pytest

from gateway.control.files import Files
from gateway.deployment import DeploymentError
from routing.control.keys import entry, make_key
from routing.control.principals import PrincipalsError

DEPLOYMENT = """
deployment: %s
unit: {entity: card_id}
clock: wall
budget_ms: 100
policy:
  version: "3"
  contract: {min: 0.0, max: 1.0}
  decide: {kind: thresholds, steps: [{below: 0.5, decision: approve}], otherwise: decline}
arms: {champion: "1"}
"""


class House:
    """A directory with deployments and principals that can be written anew."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.principals = root / "principals.yaml"
        self.keys = {name: make_key(root / f"{name}.pem") for name in ("ada", "grace")}
        self.write_people("ada", "grace")
        self.write_deployment("fraud")

    def write_people(self, *names: str) -> None:
        lines = [entry(name, self.keys[name]) for name in names]
        self.replace(self.principals, "principals:\n" + "\n".join(lines) + "\n")

    def write_deployment(self, name: str, section: str = "", text: str = DEPLOYMENT) -> None:
        path = self.root / name / "deployment.yaml"
        path.parent.mkdir(exist_ok=True)
        self.replace(path, text.replace("%s", name) + section)

    def replace(self, path: Path, text: str) -> None:
        """Put another file in its place, as an editor does: it is another one whatever the clock says."""
        new = path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, path)

    def files(self) -> Files:
        return Files(self.root, self.principals)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_they_say_is_known_from_the_start(house: House) -> None:
    known = house.files()()
    assert set(known.principals) == {"ada", "grace"}
    assert set(known.declared) == {"fraud"}
    assert len(known.rules["fraud"]) == 64


def test_who_is_struck_off_is_unknown_from_then_on(house: House) -> None:
    files = house.files()
    assert "grace" in files().principals
    house.write_people("ada")
    assert set(files().principals) == {"ada"}


def test_rules_that_change_are_heard(house: House) -> None:
    files = house.files()
    before = files()
    house.write_deployment("fraud", "rollout: {sticky_for_h: 2}\n")
    after = files()
    assert (before.declared["fraud"].sticky_for, after.declared["fraud"].sticky_for) == (86_400.0, 7_200.0)
    assert before.rules["fraud"] != after.rules["fraud"]
    assert before.policies == after.policies
    house.write_deployment("fraud", text=DEPLOYMENT.replace("below: 0.5", "below: 0.6"))
    assert files().policies["fraud"] != before.policies["fraud"]


def test_a_deployment_may_come_later_and_is_tried_again_when_it_was_broken(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    files = house.files()
    house.write_deployment("quotes", text="deployment: [")
    for _ in range(3):
        assert set(files().declared) == {"fraud"}
    assert len(caplog.records) == 1
    house.write_deployment("quotes")
    assert set(files().declared) == {"fraud", "quotes"}


def test_a_file_that_is_broken_or_gone_leaves_what_it_said_in_force_and_is_told_of_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    files = house.files()
    caplog.set_level(logging.ERROR)
    house.replace(house.principals, "principals: {ada: {}}")
    for _ in range(3):
        assert set(files().principals) == {"ada", "grace"}
    assert [record.reason for record in caplog.records if "ed25519" in record.reason]  # type: ignore[attr-defined]
    (house.root / "fraud" / "deployment.yaml").unlink()
    for _ in range(3):
        assert set(files().declared) == {"fraud"}
    assert len(caplog.records) == 2
    house.write_people("grace")
    assert set(files().principals) == {"grace"}


def test_nothing_begins_with_a_file_that_is_broken(house: House) -> None:
    house.replace(house.principals, "people: {}")
    with pytest.raises(PrincipalsError, match="it holds `principals:`"):
        house.files()
    house.write_people("ada")
    house.write_deployment("fraud", "rollout: {speed: 1}\n")
    with pytest.raises(DeploymentError, match="'speed' is unknown"):
        house.files()
    (house.root / "fraud" / "deployment.yaml").unlink()
    with pytest.raises(DeploymentError, match=r"no <name>/deployment\.yaml here"):
        house.files()


@pytest.mark.parametrize(
    "section", ["rollout: {shadow: {pairs: .inf}}", f"x: {'[' * 1_000}{']' * 1_000}", 'x: !!int ""']
)
def test_a_file_that_is_broken_in_any_way_stops_nobody_elses(house: House, section: str) -> None:
    files = house.files()
    house.write_deployment("quotes", section + "\n")
    house.write_deployment("fraud", section + "\n")
    for _ in range(3):
        assert set(files().declared) == {"fraud"}
    house.write_people("ada")
    assert set(files().principals) == {"ada"}
    house.write_deployment("quotes")
    assert set(files().declared) == {"fraud", "quotes"}


def test_a_directory_speaks_for_no_deployment_but_its_own(house: House, caplog: pytest.LogCaptureFixture) -> None:
    files = house.files()
    house.write_deployment("quotes", "rollout: {alpha: 0.5}\n", DEPLOYMENT.replace("%s", "fraud"))
    for _ in range(3):
        assert files().declared["fraud"].rules.alpha == 0.01
    assert [record.reason for record in caplog.records if "declares fraud, and lies in quotes/" in record.reason]  # type: ignore[attr-defined]
    house.write_deployment("quotes")
    assert set(files().declared) == {"fraud", "quotes"}
    house.write_deployment("quotes", text=DEPLOYMENT.replace("%s", "fraud"))
    assert set(files().declared) == {"fraud", "quotes"}
    with pytest.raises(DeploymentError, match="declares fraud, and lies in quotes/"):
        house.files()
