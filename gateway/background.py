"""Long jobs of a process that has an event loop: in threads of their own, behind what callers wait for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.processes import step_back

T = TypeVar("T")


async def in_background(job: Callable[[], T], hurry: bool = False) -> T:
    """Run a long job in a thread of its own, of lower priority unless there is a `hurry`; return what it returns."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="background", initializer=None if hurry else step_back)
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, job)
    finally:
        thread.shutdown(wait=False)
