"""Owns the commands of the offline side: `python -m models.pipeline --help` teaches them.

What a command needs is imported when it runs: Feast and LightGBM take six seconds, `--help` takes none.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from models.deployment import Deployment, declared
from models.errors import DeploymentError, OfflineError
from models.manifest import BundleError
from models.online_stamp import OnlineStamp
from models.progress import Progress
from models.provenance import bundles_are_current

NAMES = ("fraud", "quotes", "credit")
DEFAULT_REDIS = "redis://127.0.0.1:6399"
COMMANDS = {
    "prepare": "build, then materialise, in one process",
    "build": "train what has changed, write its bundles",
    "materialise": "fill the online store, unless it is current",
    "skew-rows": "write calls with the training code's own score",
}
TEACHING = """\
from data to answers:
  python -m models.pipeline prepare                the next two, all that a start needs
  python -m models.pipeline build                  tables, point-in-time frames, boosters, bundles of all deployments
  python -m models.pipeline build fraud            of one only
  python -m models.pipeline materialise            feast apply, then the newest state of every view into Redis
  python -m models.pipeline skew-rows fraud --rows 1000 --out rows.jsonl
                                                   calls, with the score that the training code itself gives them

What has not changed is not made again: bundles carry the digest of all that they are made from, and the online store
that of all it was filled from. A new bundle is a new number under model.versions in a deployment.yaml: the others keep
their bytes. Bundles lie in models/bundles/<deployment>/<version>/, all else in .sluice/.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 done, 1 stopped for a reason that it could name, 130 stopped by the person who ran it."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    try:
        options.run(options)
    except (OfflineError, BundleError, OSError) as exc:  # OSError: no room on the disk, a file that is not there
        print(f"{options.command}: {exc}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print(f"{options.command}: stopped; what was finished stays, the rest is made at the next start", flush=True)
        return 130
    print(f"{options.command}: done in {time.monotonic() - began:.1f} s", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.pipeline", epilog=TEACHING, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar=" | ".join(COMMANDS))
    prepare, build, fill, skew = (commands.add_parser(name, help=text) for name, text in COMMANDS.items())
    prepare.set_defaults(run=_prepare)
    build.add_argument("deployments", nargs="*", metavar="deployment", help=f"{', '.join(NAMES)}; default: all")
    build.set_defaults(run=_build)
    fill.set_defaults(run=_materialise)
    for command in (prepare, fill):
        command.add_argument("--redis", default=os.environ.get("SLUICE_REDIS_URL", DEFAULT_REDIS), metavar="URL")
    skew.add_argument("deployment", choices=NAMES)
    skew.add_argument("--rows", type=int, default=1000)
    skew.add_argument("--out", type=Path, required=True)
    skew.set_defaults(run=_skew_rows)
    return parser


def _prepare(options: argparse.Namespace) -> None:
    _build(argparse.Namespace(deployments=NAMES))
    _materialise(options)


def _build(options: argparse.Namespace) -> None:
    progress = Progress()
    stale = []
    for deployment in _declared(options.deployments or NAMES):
        if bundles_are_current(deployment):
            progress.say(f"{deployment.name}: bundles are current")
        else:
            stale.append(deployment)
    if not stale:
        return
    with progress.step("load Feast and LightGBM"):
        from models.build import build
        from models.feature_store import open_store, register
        from models.recipes import RECIPES
    store = open_store()
    register(store)
    for deployment in stale:
        build(store, RECIPES[deployment.name], deployment, progress)


def _materialise(options: argparse.Namespace) -> None:
    progress = Progress()
    deployments = _declared(NAMES)
    with OnlineStamp(options.redis, deployments) as stamp:
        if stamp.is_current():
            progress.say("online store is current")
            return
        with progress.step("load Feast"):
            from models.feature_store import apply_definitions, open_store
            from models.materialise import materialise
            from models.recipes import RECIPES
            from models.tables import current_tables
        stamp.lift()
        store = open_store(options.redis)
        tables = {each.name: current_tables(RECIPES[each.name], each, progress) for each in deployments}
        with progress.step("feast apply"):
            apply_definitions(store)
        for name, table in tables.items():
            with progress.step(f"{name}: materialise"):
                materialise(store, RECIPES[name], table.newest_event)
        stamp.set()


def _skew_rows(options: argparse.Namespace) -> None:
    from models.feature_store import open_store
    from models.recipes import RECIPES
    from models.skew import write_skew_rows

    (deployment,) = _declared([options.deployment])
    if not bundles_are_current(deployment):
        _build(argparse.Namespace(deployments=[options.deployment]))
    write_skew_rows(open_store(), RECIPES[deployment.name], deployment, options.rows, options.out)


def _declared(names: Sequence[str]) -> list[Deployment]:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise DeploymentError(f"no deployment is called {unknown[0]!r}: there are {', '.join(NAMES)}")
    return [declared(name) for name in NAMES if name in names]


if __name__ == "__main__":
    sys.exit(main())
