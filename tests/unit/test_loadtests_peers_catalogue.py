"""The catalogue of peers: what it names is what its lock files install."""

import re
from pathlib import Path

import pytest

from loadtests.peers.catalogue import PEERS, VARIANTS
from loadtests.peers.peer import Peer

PACKAGES = {"triton": "nvidia-pytriton"}
EVERY = (*PEERS, *VARIANTS)
LOCKED = sorted({peer.requirements for peer in EVERY if peer.requirements is not None})


def pinned(lock: Path, package: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock.read_text(), re.MULTILINE)
    assert found, f"{lock.name} does not pin {package}"
    return found[1]


def test_names_and_titles_are_their_own() -> None:
    assert len({peer.name for peer in EVERY}) == len(EVERY)
    assert len({peer.title for peer in PEERS}) == len(PEERS)


@pytest.mark.parametrize("peer", EVERY, ids=lambda peer: peer.name)
def test_a_title_names_the_version_that_is_locked(peer: Peer) -> None:
    if peer.requirements is not None:
        package = PACKAGES.get(peer.requirements.stem, peer.requirements.stem)
        assert pinned(peer.requirements, package) in peer.title


def test_triton_is_never_named_without_its_backend() -> None:
    assert all("Python backend" in peer.title for peer in EVERY if peer.name.startswith("triton"))


def test_all_peers_run_the_model_in_the_onnxruntime_that_ours_runs_it_in() -> None:
    ours = pinned(Path(__file__).parents[2] / "requirements/dev.txt", "onnxruntime")
    assert {pinned(lock, "onnxruntime") for lock in LOCKED} == {ours}


@pytest.mark.parametrize("lock", LOCKED, ids=lambda lock: lock.stem)
def test_a_lock_pins_everything_by_digest_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash=)", text, re.MULTILINE)
    pins = re.findall(r"^[A-Za-z0-9].*$", text, re.MULTILINE)
    assert pins
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
