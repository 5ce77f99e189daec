"""The command `sluice score-all`: computes the scores of all entities of a deployment ahead."""

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.command_line.environment import ROOT, env, redis_url
from gateway.config import without_password

if TYPE_CHECKING:
    from gateway.score_all.progress import Progress

EPILOG = """\
examples:
  sluice score-all credit                 of the champion that deployment.yaml declares
  sluice score-all credit 1 2             of two bundles, one after the other: of the canary, too
  sluice score-all credit --rate 500      no more than 500 entities a second

The gateway reads the scores with the features, in one write, while they are younger than precomputed: max_age_s; then
Redis drops them. Run it more often than that. A run that was interrupted goes on where it was.
"""


def add_score_all(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "score-all",
        help="compute the scores of all entities ahead, for deployments that say backend: precomputed",
        description="Score every entity whose features lie in the feature Redis, and write the scores there.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("deployment")
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="bundles [the champion of deployment.yaml]")
    url = redis_url()
    shown = without_password(url).replace("%", "%%")
    parser.add_argument("--redis-url", default=url, help=f"the Redis that Feast fills [{shown}]")
    for name, default, text in (
        ("models", ROOT / "models", "where <name>/deployment.yaml lie"),
        ("bundles", ROOT / "models" / "bundles", "where <deployment>/<version>/ lie"),
        ("state", ROOT / ".sluice", "where the gateway keeps the clocks of replays, and this command how far it is"),
    ):
        parser.add_argument(f"--{name}", type=Path, default=env(name, default), help=f"{text} [%(default)s]")
    parser.add_argument("--rate", type=_rate, default=2_000.0, help="entities a second, at most [%(default)g]")
    parser.add_argument("--page", type=_page, default=500, help="keys of the store that are looked at in one go [500]")
    parser.set_defaults(run=_run)


def _rate(text: str) -> float:
    rate = float(text)
    if not 0.0 < rate <= 1e6:
        raise argparse.ArgumentTypeError("must be above 0 and at most a million")
    return rate


def _page(text: str) -> int:
    page = int(text)
    if not 1 <= page <= 1_000:
        raise argparse.ArgumentTypeError("must be 1 to 1000")
    return page


def _run(arguments: argparse.Namespace) -> int:
    from redis.exceptions import RedisError

    from gateway.backends.backend import BackendError
    from gateway.config import ConfigError
    from gateway.deployment import DeploymentError
    from gateway.features.address import AddressError
    from gateway.precomputed_plan import PrecomputedError
    from gateway.score_all.scorer import StoreLate
    from models.manifest import BundleError
    from routing.control.errors import ControlError

    try:
        asyncio.run(_score_all(arguments))
    except KeyboardInterrupt:
        print("sluice: stopped; the next run goes on from here", file=sys.stderr)
        return 130
    except (StoreLate, RedisError) as exc:
        where = without_password(arguments.redis_url)
        reason = str(exc) or "it did not answer in time"
        print(
            f"sluice: the feature Redis at {where} failed ({reason}): run it again, it goes on there", file=sys.stderr
        )
        return 1
    except (
        AddressError,
        BackendError,
        BundleError,
        ConfigError,
        ControlError,
        DeploymentError,
        OSError,
        PrecomputedError,
    ) as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 1
    return 0


async def _score_all(arguments: argparse.Namespace) -> None:
    from gateway.deployment import DeploymentError, read_deployment
    from gateway.score_all.job import Job, Places

    name = arguments.deployment
    deployment = read_deployment(arguments.models / name / "deployment.yaml")
    if deployment.precomputed is None:
        raise DeploymentError(f"deployment {name}: nobody would read the scores: it does not say backend: precomputed")
    places = Places(arguments.redis_url, arguments.bundles, arguments.state)
    for version in arguments.versions or [deployment.table.champion]:
        what = f"{name} {version}"
        job = Job(deployment, version, places, arguments.rate, arguments.page)
        done = await job.run(partial(_tell, what))
        _tell(what, done)
        print(f"{what}: done", flush=True)


def _tell(what: str, progress: "Progress") -> None:
    print(f"{what}: {progress.scored:,} scored, {progress.left_out:,} left out", flush=True)
