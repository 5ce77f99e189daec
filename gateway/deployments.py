"""Every deployment that a worker serves, and how they change while calls come in."""

import asyncio
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.backends.seat import Seats
from gateway.config import ServeConfig
from gateway.deployed import Deployed
from gateway.entrance import Entrance
from gateway.entrances import Entrances
from gateway.features.reader import FeatureStore
from gateway.line_builder import Built, LineBuilder
from gateway.line_description import describe
from gateway.loop_lag import LoopLag
from gateway.messages import Noted, Standing
from gateway.recording import Recording
from gateway.served import Served
from gateway.shelf import Shelf
from monitoring.series import SeriesFile
from routing.control.window_bytes import encode_window

log = logging.getLogger("sluice.deployments")


class Deployments:
    """Carries out what is to be served: load, then turn; or remove. `door` is opened and shut accordingly."""

    def __init__(
        self,
        config: ServeConfig,
        door: Entrances,
        reader: FeatureStore,
        recording: Recording,
        series: SeriesFile,
        lag: LoopLag,
    ) -> None:
        self._config = config
        self._door = door
        self._reader = reader
        self._recording = recording
        self._series = series
        self._lag = lag
        self._deployed: dict[str, Deployed] = {}
        self._coming: dict[str, Deployed] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def load(self, served: Served, starting: bool = False) -> None:
        """Make a deployment's next line ready. Raises what loading raises; then nothing has changed.

        A worker that is `starting` does not wait for its lane hosts: `settle` does, for all of them together.
        """
        name = served.name
        deployed = self._deployed.get(name) or self._new(name, self._config.bundles / name)
        await deployed.load(served, starting)
        self._coming[name] = deployed

    async def settle(self, patience: float) -> None:
        """Wait for the lane hosts, but not too long: arms whose hosts are late or have failed are served without."""
        for complaint in await asyncio.gather(*(one.settle(patience) for one in self._deployed.values())):
            if complaint:
                log.warning("an arm is served before it is ready: %s", complaint)

    def turn(self, name: str) -> None:
        """Serve what was loaded. Raises `LookupError` when nothing was."""
        deployed = self._coming.pop(name)
        entrance = deployed.turn()
        self._deployed[name] = deployed
        self._door.open(name, entrance, describe(deployed.present.line))
        self._share_out()

    async def drop(self, name: str) -> None:
        """Forget what was loaded."""
        deployed = self._coming.pop(name, None)
        if deployed is not None:
            await deployed.drop()

    def remove(self, name: str) -> None:
        """Take no more calls; what was taken is answered, and then everything is let go."""
        deployed = self._deployed.pop(name, None)
        if deployed is None:
            return
        self._door.shut(name)
        self._share_out()
        task = asyncio.get_running_loop().create_task(_end(deployed), name=f"end of {name}")
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def standings(self) -> list[Standing]:
        """Say what is served."""
        now = time.monotonic()
        return [self._deployed[name].standing(now) for name in sorted(self._deployed)]

    def hear(self, leases: Mapping[str, float]) -> list[Noted]:
        """Renew the canaries' leases, and return what judges are to hear."""
        now, found = time.monotonic(), []
        for name, deployed in self._deployed.items():
            if name in leases:
                deployed.renew(leases[name], now)
            if (witness := deployed.present.witness) is not None:
                found.append(Noted(name, witness.part.rollout, encode_window(witness.window(now))))
        return found

    async def close(self) -> None:
        """Answer everything, then let everything go."""
        if self._leaving:
            await asyncio.wait(self._leaving)
        for deployed in self._deployed.values():
            await _end(deployed)
        for deployed in self._coming.values():
            await deployed.drop()

    def _new(self, name: str, directory: Path) -> Deployed:
        shelf = Shelf(directory, name, Seats(self._config.seats, self._series))
        builder = LineBuilder(shelf, self._reader, self._recording, self._series)
        return Deployed(name, shelf, builder, self._series, self._entrance)

    def _entrance(self, built: Built) -> Entrance:
        config = self._config
        return Entrance(
            built.line, built.intake, built.admission, time.monotonic, config.lists, config.waiting_limit, self._lag
        )

    def _share_out(self) -> None:
        """Claims on the worker are relative to the greatest."""
        present = [deployed.present for deployed in self._deployed.values()]
        greatest = max((built.line.deployment.share for built in present), default=1.0)
        for built in present:
            built.admission.claim(built.line.deployment.share / greatest)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("a deployment could not be closed", exc_info=failure)


async def _end(deployed: Deployed) -> None:
    await deployed.drain()
    await deployed.close()
