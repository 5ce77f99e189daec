"""The command `sluice place`: measures where a deployment's model should run, and says so."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from gateway.command_line.place_flags import EPILOG, add_place_flags

if TYPE_CHECKING:
    from gateway.bundle import Bundle
    from gateway.deployment import Deployment
    from gateway.placing.figures import Place
    from gateway.placing.report import Question, Report


def add_place(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "place",
        help="measure where a model should run: CPU, GPU or Triton, or computed ahead",
        description="Measure a bundle on the CPU, on a GPU and on a Triton with lists of several sizes; say which "
        "place meets the deployment's budget at the least cost, and when computing scores ahead is cheaper.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_place_flags(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from gateway.deployment import DeploymentError
    from gateway.placing.page import page
    from models.manifest import BundleError

    try:
        report = asyncio.run(_place(arguments))
    except KeyboardInterrupt:
        print("sluice: stopped", file=sys.stderr)
        return 130
    except (BundleError, DeploymentError) as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 1
    print(report.to_json() if arguments.json else page(report), flush=True)
    return 0 if report.offers else 1


async def _place(arguments: argparse.Namespace) -> "Report":
    from gateway.bundle import load_bundle
    from gateway.deployment import DeploymentError, read_deployment
    from gateway.placing.report import report_of
    from gateway.placing.stopwatch import Stopwatch
    from gateway.placing.survey import Survey

    name = arguments.deployment
    deployment = read_deployment(arguments.models / name / "deployment.yaml")
    if deployment.tensors is not None:
        raise DeploymentError(f"deployment {name} passes tensors on: it has no golden rows that a run could be made of")
    version = arguments.version or deployment.table.champion
    bundle = load_bundle(arguments.bundles / name / version, name)
    sizes = sorted({*arguments.sizes, arguments.rows_per_call})
    survey = Survey(_places(arguments), sizes, Stopwatch(arguments.seconds, arguments.under_way), arguments.triton)
    cells, absent = await survey.of(bundle, lambda text: print(f"{name} {version}: {text}", file=sys.stderr))
    return report_of(await _question(arguments, deployment, bundle), cells, absent)


def _places(arguments: argparse.Namespace) -> "list[Place]":
    from gateway.placing.figures import Place

    places = [*(Place("cpu", threads) for threads in arguments.threads), Place("gpu")]
    return [*places, Place("triton")] if arguments.triton.addresses else places


async def _question(arguments: argparse.Namespace, deployment: "Deployment", bundle: "Bundle") -> "Question":
    from gateway.placing.ahead_terms import AheadWish, find_terms
    from gateway.placing.costs import HOUR, Load, Prices
    from gateway.placing.report import Question
    from gateway.placing.verdict import Allowance

    fresh = None if arguments.fresh_hours is None else arguments.fresh_hours * HOUR
    wish = AheadWish(arguments.redis_url, arguments.entities, fresh, arguments.hit_share)
    terms, not_ahead = await find_terms(wish, deployment, bundle)
    return Question(
        deployment.name,
        bundle.manifest.version,
        Allowance(deployment.budget, arguments.share),
        Load(arguments.calls_per_second, arguments.rows_per_call, arguments.utilisation),
        Prices(arguments.cpu_hour, arguments.gpu_hour, arguments.triton_hour, arguments.memory_gb_hour),
        terms,
        not_ahead,
    )
