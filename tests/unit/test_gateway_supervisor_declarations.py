"""What is declared: every directory's own, and each mistake an answer of its own, not the end of the others."""

from pathlib import Path

import pytest

from gateway.deployment import DeploymentError
from gateway.served import Served
from gateway.supervisor.declarations import Declared, check_bundles, find_deployments, read_declarations, versions_of
from gateway.testing.bundles import write_bundle
from models.manifest import BundleError

DECLARATION = """
deployment: NAME
unit: {entity: card_id}
clock: wall
budget_ms: 100
policy:
  version: "3"
  contract: {min: 0.0, max: 1.0}
  decide: {kind: thresholds, steps: [{below: 0.5, decision: approve}], otherwise: decline}
arms: {champion: "1", canary: {version: "2", weight: 0.05}, shadows: [{version: "2", rate: 0.1}], fallback: "3"}
"""


def declare(root: Path, name: str, text: str = DECLARATION, directory: str = "") -> None:
    place = root / "models" / (directory or name)
    place.mkdir(parents=True)
    (place / "deployment.yaml").write_text(text.replace("NAME", name))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for version in ("1", "2", "3"):
        write_bundle(tmp_path / "bundles" / "fraud", version)
    return tmp_path


def read(root: Path) -> dict[str, object]:
    return dict(read_declarations(root / "models", root / "bundles"))


def test_a_good_one(root: Path) -> None:
    declare(root, "fraud")
    found = read(root)["fraud"]
    assert isinstance(found, Declared)
    assert versions_of(found.deployment) == ["1", "2", "3"]
    assert sorted(found.digests) == ["1", "2", "3"]
    assert found.newest_event == 1_000.0


def test_a_mistake_is_its_own(root: Path) -> None:
    declare(root, "fraud")
    declare(root, "broken", "deployment: [")
    declare(root, "quotes")
    declare(root, "credit", directory="elsewhere")
    declare(root, "../up", directory="named")
    (root / "models" / "odd").mkdir()
    (root / "models" / "odd" / "deployment.yaml").write_bytes(b"\xff\xfe")
    found = read(root)
    assert isinstance(found["fraud"], Declared)
    assert "broken/deployment.yaml" in str(found["broken"])
    assert isinstance(found["quotes"], BundleError)
    assert "declares credit, and lies in elsewhere/" in str(found["elsewhere"])
    assert "a name is" in str(found["named"])
    assert isinstance(found["odd"], DeploymentError)


def test_no_directory_declares_nothing(tmp_path: Path) -> None:
    assert read_declarations(tmp_path / "models", tmp_path / "bundles") == {}
    with pytest.raises(DeploymentError, match=r"no <name>/deployment\.yaml here"):
        find_deployments(tmp_path / "models")


def test_bundles_that_were_changed_are_known(root: Path) -> None:
    declare(root, "fraud")
    found = read(root)["fraud"]
    assert isinstance(found, Declared)
    served = Served(found.text, found.deployment.table, found.digests)
    check_bundles(served, root / "bundles")
    with pytest.raises(BundleError, match="is another bundle than table 1 means"):
        check_bundles(Served(found.text, found.deployment.table, {"1": "0" * 64}), root / "bundles")
    (root / "bundles" / "fraud" / "3" / "model.onnx").unlink()
    with pytest.raises(BundleError):
        check_bundles(served, root / "bundles")
