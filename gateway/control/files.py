"""Watches `principals.yaml` and every `deployment.yaml`: what they say now, or said last when one is broken.

Looked at whenever it is needed, by a few calls of stat: whoever is struck off is heard no more from that moment on.
A file that is broken or gone leaves what it said last in force, for a rollout that runs must not lose its rules.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from gateway.deployment import Deployment, DeploymentError, check_place, read_deployment
from gateway.supervisor.declarations import FILE
from routing.control.plane import Known
from routing.control.principals import PrincipalsError, read_principals

log = logging.getLogger("sluice.control")
T = TypeVar("T")
Stamp = tuple[int, int, int]
_GONE = (0, 0, 0)


class _Watched(Generic[T]):
    """One file, and what it said when it was good last. Raises what `read` does when it is broken from the start."""

    def __init__(self, path: Path, read: Callable[[Path], T]) -> None:
        self._path = path
        self._read = read
        self._stamp = _stamp(path)
        self.says = read(path)

    def look(self) -> None:
        """Read it again if it has changed; what is wrong with it is logged once."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.says = self._read(self._path)
        except (DeploymentError, PrincipalsError) as exc:
            log.error("a file is broken: what it said before stays in force", extra={"reason": str(exc)})


class Files:
    """Call it for what they say. Raises `PrincipalsError` or `DeploymentError` when made, if one is broken then."""

    def __init__(self, models: Path, principals: Path) -> None:
        self._models = models
        self._principals = _Watched(principals, read_principals)
        self._deployments = {path: _Watched(path, _read_named) for path in self._paths()}
        self._broken: dict[Path, Stamp] = {}
        if not self._deployments:
            raise DeploymentError(f"{models}: no <name>/{FILE} here")

    def __call__(self) -> Known:
        """Return what they say now."""
        self._principals.look()
        for watched in self._deployments.values():
            watched.look()
        for path in self._paths():
            if path not in self._deployments:
                self._begin(path)
        found = sorted((watched.says for watched in self._deployments.values()), key=lambda one: one.name)
        declared = {deployment.name: deployment.rollout for deployment in found}
        rules = {deployment.name: deployment.rollout_digest for deployment in found}
        policies = {deployment.name: deployment.policy_digest for deployment in found}
        return Known(self._principals.says, declared, rules, policies)

    def _begin(self, path: Path) -> None:
        """Watch a file that has come since; one that is broken is tried again when it has changed."""
        if self._broken.get(path) == (stamp := _stamp(path)):
            return
        try:
            self._deployments[path] = _Watched(path, _read_named)
        except DeploymentError as exc:
            self._broken[path] = stamp
            log.error("a file is broken: its deployment has no rollouts", extra={"reason": str(exc)})

    def _paths(self) -> list[Path]:
        return sorted(self._models.glob(f"*/{FILE}"))


def _read_named(path: Path) -> Deployment:
    """Read the deployment that its directory is named for: two of one name would leave open whose rules hold."""
    deployment = read_deployment(path)
    check_place(deployment, path)
    return deployment


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return _GONE
    return found.st_mtime_ns, found.st_size, found.st_ino
