"""An environment is current as long as its lock file is the one it was made from."""

from pathlib import Path

import pytest

from loadtests.peers import environments
from loadtests.peers.environments import InstallError, install, is_installed


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, "HOME", tmp_path / "home")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    path = tmp_path / "some.txt"
    path.write_text("some==1\n")
    return path


def test_a_changed_lock_is_installed_anew(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def uv(*words: str) -> None:
        ran.append(words[0])
        environments.path_of(lock).mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(environments, "_uv", uv)
    finished: list[Path] = []
    told: list[str] = []
    assert not is_installed(lock)
    for _ in range(2):
        assert install(lock, told.append, finished.append) == environments.path_of(lock)
    assert is_installed(lock)
    assert (ran, len(finished), told) == (["venv", "pip"], 1, ["installing some.txt into home/some"])
    lock.write_text("some==2\n")
    assert not is_installed(lock)


def test_an_install_that_fails_leaves_nothing_that_looks_whole(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def uv(*_: str) -> None:
        raise InstallError("uv failed: no such package")

    monkeypatch.setattr(environments, "_uv", uv)
    with pytest.raises(InstallError, match="no such package"):
        install(lock, lambda _: None, lambda _: None)
    assert not is_installed(lock)


def test_without_a_lock_file_it_is_the_environment_that_runs_this() -> None:
    assert (install(None, lambda _: None, lambda _: None) / "bin/python").exists()
