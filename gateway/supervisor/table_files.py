"""The last table of every deployment, on disk: what a restart goes on from when its source is broken or gone."""

import logging
import os
from pathlib import Path

import msgspec

from gateway.served import Served

log = logging.getLogger("sluice.tables")


class TableFiles:
    """One file a deployment, `<name>.json`, that appears whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> dict[str, Served]:
        """Return every table that can be read, by deployment; one that cannot is logged and left out."""
        found = {}
        for path in sorted(self._directory.glob("*.json")):
            try:
                served = msgspec.json.decode(path.read_bytes(), type=Served)
                if served.name != path.stem:
                    raise ValueError(f"it is a table of {served.name}")
                found[path.stem] = served
            except (OSError, ValueError) as exc:
                log.error("a kept table cannot be read", extra={"path": str(path), "reason": str(exc)})
        return found

    def write(self, served: Served) -> None:
        """Keep the table, also over a loss of power."""
        self._directory.mkdir(parents=True, exist_ok=True)
        fresh = self._path(served.name).with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(served))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path(served.name))

    def forget(self, name: str) -> None:
        """Keep nothing for the deployment any more."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"
