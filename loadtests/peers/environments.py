"""An environment of its own for every peer, made by uv from its lock file on first use: their pins contradict ours."""

import hashlib
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from loadtests.peers.errors import PeerError
from loadtests.peers.fraud import ROOT

HOME = ROOT / ".sluice/peers"
_STAMP = ".installed"


class InstallError(PeerError):
    """A peer's environment could not be made; the message holds uv's own words."""


def path_of(requirements: Path | None) -> Path:
    """Return where the environment of a lock file lies; without one it is the environment that runs this."""
    return Path(sys.prefix) if requirements is None else HOME / requirements.stem


def is_installed(requirements: Path | None) -> bool:
    """Whether the environment is there and made from the lock file as it is now."""
    return requirements is None or _stamp(requirements) == _digest(requirements)


def install(requirements: Path | None, say: Callable[[str], None], finish: Callable[[Path], None]) -> Path:
    """Make the environment if it is not current, then let the peer `finish` it; return its path."""
    path = path_of(requirements)
    if requirements is None or is_installed(requirements):
        return path
    say(f"installing {requirements.relative_to(ROOT)} into {path.relative_to(ROOT)}")
    _uv("venv", "--clear", "--python", sys.executable, str(path))
    _uv("pip", "install", "--python", str(path / "bin/python"), "--require-hashes", "-r", str(requirements))
    finish(path)
    (path / _STAMP).write_text(_digest(requirements))
    return path


def site_packages(environment: Path) -> Path:
    """Return where the environment keeps its packages."""
    return environment / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def _stamp(requirements: Path) -> str:
    try:
        return (path_of(requirements) / _STAMP).read_text()
    except OSError:
        return ""


def _uv(*words: str) -> None:
    command = [str(Path(sys.executable).parent / "uv"), "--quiet", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as exc:
        raise InstallError(f"{command[0]} is not there: `make install` brings it") from exc
    if done.returncode:
        raise InstallError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")
