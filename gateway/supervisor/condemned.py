"""Which rollouts' candidates this gateway has taken out, kept on disk: no loss of memory elsewhere brings one back."""

import logging
import os
from pathlib import Path

import msgspec

log = logging.getLogger("sluice.rollouts")


class Condemned:
    """Bundle digests by the name of the rollout that took them out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.digests: dict[str, str] = {}

    def read(self) -> None:
        """Take what an earlier life of the gateway has kept; what cannot be read is logged, and none of it is known."""
        try:
            self.digests = msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as exc:
            log.error("what was taken out cannot be read", extra={"path": str(self._path), "reason": str(exc)})

    def add(self, rollout: str, digest: str) -> None:
        """Remember one, also over a loss of power. A full disk costs the memory of it after a restart, no more."""
        if rollout in self.digests:
            return
        self.digests[rollout] = digest
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode(self.digests))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as exc:
            log.error("what was taken out cannot be kept", extra={"rollout": rollout, "reason": str(exc)})
