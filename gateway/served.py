"""What is served under one deployment's name, as a value: its declaration, its table, its bundles and its clock.

It is decided once, by the supervisor, and handed to every worker, so that no two of them can have read a file at
different moments. Who decides is open: here it is a `deployment.yaml`; a table that comes from elsewhere makes another
`Served` with the same declaration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from gateway.deployment import Deployment, parse_deployment
from routing.table import Table


@dataclass(frozen=True, slots=True)
class Part:
    """A rollout's part in what is served: whose table it is, and what a worker has to note with every row."""

    rollout: str
    step: int
    epoch: int
    weight: int
    """The canary's, of 10,000 units."""
    over: bool = False
    """Whether the rollout has ended; its table stays, and nothing is noted any more."""


@dataclass(frozen=True, slots=True)
class Served:
    """One deployment with one table."""

    declaration: str
    """The text of its `deployment.yaml`; the arms in it are not looked at: `table` has them."""
    table: Table
    digests: Mapping[str, str]
    """By version: the one bundle that is meant. A bundle that was changed on disk since is not loaded by accident."""
    offset: float = 0.0
    """How far its clock runs behind the wall, in seconds."""
    part: Part | None = None
    """The rollout that has made the table; None where a `deployment.yaml` has."""

    @property
    def name(self) -> str:
        """The deployment's."""
        return self.table.deployment

    def declared(self) -> Deployment:
        """Return the deployment as it was declared. Raises `DeploymentError`."""
        return _parse(self.declaration, f"{self.name}'s declaration")

    def deployment(self) -> Deployment:
        """Return the deployment as it is served, with its table. Raises `DeploymentError`."""
        return replace(self.declared(), table=self.table)

    def numbered(self, number: int) -> "Served":
        """Return the same under another number."""
        return replace(self, table=replace(self.table, number=number))

    def same_as(self, other: "Served") -> bool:
        """Whether callers could not tell the two apart, whatever their numbers and their comments."""
        if self == other:
            return True
        alike = (self.digests, self.part) == (other.digests, other.part) and self.table == other.numbered(
            self.table.number
        ).table
        return alike and self.deployment() == replace(other.deployment(), table=self.table)


@lru_cache(maxsize=64)
def _parse(declaration: str, where: str) -> Deployment:
    """The same text is asked for again and again, and takes milliseconds to read."""
    return parse_deployment(declaration, where)
