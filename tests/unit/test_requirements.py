"""What is locked: the image gets all that serving needs, in the versions that were tested."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVING_EXTRAS = ("cpu", "triton")


def pins(lock: str) -> dict[str, str]:
    """Return the version of every package that a lock file names."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))


def wanted() -> list[str]:
    """Return the packages that serving asks for itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][extra] for extra in SERVING_EXTRAS]
    return [re.split(r"[\[><=;]", said)[0] for said in sum(extras, project["dependencies"])]


@pytest.mark.parametrize("package", wanted())
def test_the_image_has_what_its_backends_and_fronts_import(package: str) -> None:
    assert package in pins("serve.txt")


def test_the_image_has_the_versions_that_were_tested() -> None:
    tested = pins("dev.txt")
    assert {name: version for name, version in pins("serve.txt").items() if tested.get(name) != version} == {}
