"""What the supervisor has decided to serve: every deployment's table, and what is wrong with what is declared."""

import logging
from collections.abc import Collection

from gateway.config import ServeConfig
from gateway.deployment import DeploymentError
from gateway.served import Served
from gateway.supervisor.choice import Choice, choose
from gateway.supervisor.declarations import FILE, check_bundles, read_declarations
from gateway.supervisor.table_files import TableFiles
from models.manifest import BundleError
from monitoring import metrics
from monitoring.series import SeriesFile

log = logging.getLogger("sluice.tables")


class Tables:
    """The tables, kept on disk and published as metrics. `complaints` are by deployment."""

    def __init__(self, config: ServeConfig, series: SeriesFile) -> None:
        self._config = config
        self._files = TableFiles(config.state / "tables")
        self._series = series
        self.current: dict[str, Served] = {}
        self.complaints: dict[str, str] = {}

    def begin(self) -> None:
        """Decide what to serve at a start. Raises `DeploymentError` or `BundleError` where there is no way to go on."""
        found = read_declarations(self._config.models, self._config.bundles)
        kept = self._files.read()
        for name in sorted({*found, *kept}):
            last = kept.get(name)
            offset = self._config.offsets.get(name, last.offset if last else None)
            choice = choose(name, found.get(name), last, offset)
            if choice.complaint and not self._can_go_on(name, choice):
                continue
            if choice.served is None:
                raise DeploymentError(choice.complaint)
            self.current[name] = choice.served
            self.complain(name, choice.complaint)
        if not self.current:
            raise DeploymentError(f"{self._config.models}: no <name>/{FILE} here")

    def served(self) -> list[Served]:
        """Return what is to be served, by name."""
        return [self.current[name] for name in sorted(self.current)]

    def numbers(self) -> dict[str, int]:
        """Return the tables' numbers, by deployment."""
        return {name: served.table.number for name, served in self.current.items()}

    def adopt(self, served: Served) -> None:
        """From now on, this is the deployment's table."""
        self.current[served.name] = served
        self.keep(served)

    def keep(self, served: Served) -> None:
        """Write the table to disk and publish its number. A full disk costs the memory of it, not the table."""
        self._series.gauge(metrics.TABLE, served.name).set(served.table.number)
        try:
            self._files.write(served)
        except OSError as exc:
            extra = {"deployment": served.name, "number": served.table.number, "reason": str(exc)}
            log.error("a table cannot be kept: a restart will not know it", extra=extra)

    def forget(self, name: str) -> None:
        """The deployment is served no longer."""
        self.current.pop(name, None)
        self.complain(name, "")
        self._series.gauge(metrics.TABLE, name).set(0.0)
        self._files.forget(name)

    def complain(self, name: str, complaint: str) -> None:
        """Say why a deployment is not served as it is declared; an empty complaint takes back a former one."""
        self._series.gauge(metrics.DECLARATION_BROKEN, name).set(1.0 if complaint else 0.0)
        if not complaint:
            self.complaints.pop(name, None)
            return
        self.complaints[name] = complaint
        current = self.current.get(name)
        number = current.table.number if current else None
        log.error("goes on as before", extra={"deployment": name, "table": number, "reason": complaint})

    def complain_only_of(self, names: Collection[str]) -> None:
        """Take back complaints of deployments that are neither declared nor served any more."""
        for name in set(self.complaints) - set(names):
            self.complain(name, "")

    def _can_go_on(self, name: str, choice: Choice) -> bool:
        """Whether the last table still has its bundles; where it was only left over, nobody will miss it."""
        if choice.served is None:
            return True
        try:
            check_bundles(choice.served, self._config.bundles)
        except BundleError as exc:
            if (self._config.models / name / FILE).exists():
                raise DeploymentError(f"{choice.complaint}; and the last table cannot be served: {exc}") from exc
            log.error("a deployment is gone", extra={"deployment": name, "reason": f"{choice.complaint}; {exc}"})
            return False
        return True
