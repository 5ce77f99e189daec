"""What all scenarios begin with: trained bundles, a dump of a filled Redis, and the capacity of one worker."""

import subprocess
import sys
from collections.abc import Callable

from loadtests.faults.plan import Plan
from loadtests.faults.redis_process import RedisProcess
from loadtests.serving import ServingError


def fill(plan: Plan, say: Callable[[str], None]) -> None:
    """Make the dump current: what has not changed is not made again. Raises ServingError."""
    plan.filled.parent.mkdir(parents=True, exist_ok=True)
    known = plan.filled if plan.filled.exists() else None
    say("bundles and features: as the last run left them, or made anew (a few minutes)")
    with RedisProcess(plan.out / "redis" / "filling", known) as redis:
        command = [sys.executable, "-m", "models.pipeline", "prepare", "--redis", redis.url]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise ServingError(f"no features: {(made.stdout + made.stderr).strip()[-400:]}")
        redis.save(plan.filled)
