"""Keeps one replica of a bundle in the ranks: has the model loaded and proved, looks after it, and lets it back in.

A server that was started anew has lost what it had been told to load, and another gateway may have had a model
unloaded: both are found by a look or by a run that fails, and mended here. A model that scores wrongly stays out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.backends.backend import BackendError, TooLate
from gateway.triton.endpoint import Endpoint, Standing
from gateway.triton.settings import TritonSettings
from models.manifest import BundleError

log = logging.getLogger("sluice.triton")

# Looks in a row that find nobody before a replica leaves: one alone may have been this process's own fault.
_LOOKS = 2

Admit = Callable[[], Awaitable[None]]
"""Has the replica load and prove the model. Raises `BundleError` or `BackendError`."""
Look = Callable[[], Awaitable[bool]]
"""Whether the model is ready there. Raises `BackendError`."""
Well = Callable[[], Awaitable[bool]]
"""Whether a replica that was slow is fast enough again. Raises `BackendError`."""


class Keeper:
    """Keeps one; `decided` is set when its first admission has succeeded or failed, and `complaint` says how."""

    def __init__(self, endpoint: Endpoint, admit: Admit, look: Look, fast: Well, settings: TritonSettings) -> None:
        self.decided = asyncio.Event()
        self.complaint = ""
        self._endpoint = endpoint
        self._admit = admit
        self._look = look
        self._fast = fast
        self._settings = settings
        self._pause = settings.first_pause

    async def keep(self) -> None:
        """Keep it until cancelled."""
        while True:
            try:
                await self._turn()
            except Exception:  # supervised: a defect of ours must not leave a replica out for ever
                log.exception("a replica could not be kept", extra={"triton": self._endpoint.address})
                self._endpoint.leave("the worker could not keep it, see the log")
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, self._settings.look_every)

    async def _turn(self) -> None:
        """Let it in if it is well, and return when it has left again, or has not been let in."""
        endpoint = self._endpoint
        if endpoint.standing is Standing.SLOW:
            self._pause = self._settings.look_every
        if await self._let_in():
            self._pause = self._settings.first_pause
            await self._watch()
            log.warning("a Triton is asked no more", extra={"triton": endpoint.address, "why": endpoint.why})

    async def _let_in(self) -> bool:
        endpoint = self._endpoint
        try:
            async with asyncio.timeout(self._settings.loading):
                if endpoint.standing is Standing.SLOW and not await self._fast():
                    return False
                await self._admit()
        except (BundleError, BackendError, TimeoutError) as exc:
            said = str(exc) or f"it was not ready after {self._settings.loading:g} s"
            if said != endpoint.why:
                log.warning("a Triton cannot be asked", extra={"triton": endpoint.address, "why": said})
            endpoint.leave(said)
            self._decide(said)
            return False
        endpoint.enter()
        self._decide("")
        log.info("a Triton is asked", extra={"triton": endpoint.address})
        return True

    def _decide(self, complaint: str) -> None:
        if not self.decided.is_set():
            self.complaint = complaint
            self.decided.set()

    async def _watch(self) -> None:
        """Look at it now and then, until it leaves."""
        missed = 0
        while not self._endpoint.gone.is_set():
            try:
                async with asyncio.timeout(self._settings.look_every):
                    await self._endpoint.gone.wait()
            except TimeoutError:
                missed = await self._missed(missed)
        return

    async def _missed(self, before: int) -> int:
        """Look once; return how many looks in a row have found nobody."""
        try:
            if not await self._look():
                self._endpoint.leave("its model is not ready")
            return 0
        except TooLate as exc:
            if before + 1 >= _LOOKS:
                self._endpoint.leave(str(exc))
            return before + 1
        except BackendError as exc:
            self._endpoint.leave(str(exc))
            return 0
